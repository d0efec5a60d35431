"""Forms: Deform over the very schemas that the API reads JSON with.

A form's fields are single ones, in one row of names. What is typed is checked where the
API's values are, by the services; what they find wrong is shown beside the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import colander
import deform
from deform.template import ZPTRendererFactory

from mailpanel._widgets import AGAIN, KEPT, is_secret, sent, widget_of
from mailpanel.errors import FieldError, InvalidFields
from mailpanel.schema import Null, Object, Secret, deserialize
from mailpanel.settings import SETTINGS, Setting, Stored
from mailpanel.words import _, sentences

__all__ = [
    "AGAIN",
    "KEPT",
    "RETYPE",
    "Form",
    "includeme",
    "password_form",
    "setting_form",
    "typed_in",
]

RETYPE = "retype"
"""The hidden field that names the secrets which were typed and are to be typed once more."""

TEMPLATES = Path(__file__).parent / "templates" / "widgets"
WIDGETS = (
    "form",
    "mapping_item",
    "textinput",
    "password",
    "select",
    "lines",
    "tick",
    "tick_item",
    "ticks",
    "ticks_item",
)


class Form:
    """A form on *schema*, which is bound; *texts* is what stands in its fields, by name.

    *kept* says that a secret is stored and that a blank field keeps it. A page with
    several forms numbers the fields of each from another *first* on.
    """

    def __init__(
        self,
        schema: colander.SchemaNode,
        texts: Mapping[str, str],
        *,
        kept: bool = False,
        first: int = 1,
    ) -> None:
        self._kept = kept
        self._asked_again = texts.get(RETYPE, "").split()
        for node in list(schema.children):
            if isinstance(node.typ, Null):
                del schema[node.name]
            else:
                again = node.name in self._asked_again or bool(texts.get(node.name))
                node.widget = widget_of(node, kept=kept, again=again)
        self._form = deform.Form(schema, renderer=_RENDERER, focus="off", counter=count(first))
        found = {node.name: sent(node, texts) for node in schema.children}
        self.texts = {name: text for name, text in found.items() if text is not None}
        self.others: list[str] = []

    @property
    def fields(self) -> dict[str, str]:
        """Return the fields' titles by their names; none where nothing is to be typed."""
        return {field.name: field.title for field in self._form.children}

    @property
    def unsent(self) -> list[FieldError]:
        """Return an error for each field that was not sent at all: a blank one says something.

        And for each secret that was to be typed once more, which its blank field would not say.
        """
        sentence = _("This field was not sent; load the page again.")
        again: str = _("Type it once more: what was typed before is not kept.")
        if self._kept:
            again = sentences(again, _("To keep the stored one, load the page again."))
        return [
            *(FieldError(name, sentence) for name in self.fields if name not in self.texts),
            *(FieldError(name, again) for name in self._secrets if self._is_owed(name)),
        ]

    @property
    def typed(self) -> dict[str, str]:
        """Return what stands in the fields, but for secrets: it may be kept and shown."""
        secrets = self._secrets
        return {name: text for name, text in self.texts.items() if name not in secrets}

    @property
    def keepable(self) -> dict[str, str]:
        """Return the same with the mark of what is to be typed once more."""
        return self.typed | ({RETYPE: self.retype} if self.retype else {})

    @property
    def retype(self) -> str:
        """Return the names of the secrets that were typed, as :data:`RETYPE` carries them."""
        known = (name for name in self._asked_again if name in self._secrets)
        typed = (name for name in self._secrets if self.texts.get(name))
        return " ".join(dict.fromkeys([*known, *typed]))

    @property
    def _secrets(self) -> set[str]:
        return {field.name for field in self._form.children if is_secret(field.schema)}

    def _is_owed(self, name: str) -> bool:
        return name in self._asked_again and not self.texts.get(name)

    @property
    def has_secret(self) -> bool:
        """Say whether a secret stands in a field; no page shows it again."""
        return any(self.texts[name] for name in self.texts.keys() - self.typed.keys())

    @property
    def cstruct(self) -> dict[str, Any]:
        """Return what stands in the fields as the schema takes it, with ``form=True``."""
        cstruct: dict[str, Any] = self._form.deserialize(dict(self.texts))
        return cstruct

    def validate(self) -> dict[str, Any]:
        """Return the appstruct; raises :class:`mailpanel.errors.InvalidFields`."""
        unsent = self.unsent
        try:
            given = deserialize(self._form.schema, self.cstruct)
        except InvalidFields as error:
            raise InvalidFields([*unsent, *error.errors]) from None
        if unsent:
            raise InvalidFields(unsent)
        return given

    def show(self, errors: Iterable[FieldError]) -> None:
        """Put each of *errors* beside its field, and the focus on the first of those fields."""
        by_name = {field.name: field for field in self._form.children}
        for error in errors:
            field = by_name.get(error.field)
            if field is not None and field.error is None:
                field.error = colander.Invalid(field.schema, error.detail)
            elif field is None:
                self.others.append(error.detail)
        wrong = [field for field in self._form.children if field.error]
        for field in wrong[:1]:
            field.autofocus = "autofocus"

    @property
    def wrong(self) -> int:
        """Return how many fields are wrong."""
        return sum(1 for field in self._form.children if field.error)

    def render(self, translate: Callable[..., str] | None = None, **more: Any) -> str:
        """Return the form as HTML; *more* is what its template asks for.

        *translate* says its words in the reader's language; without it they are English.
        """
        self._form.cstruct = dict(self.texts)
        for field in (self._form, *self._form.children):
            field.renderer = partial(_RENDERER, translate=translate, _=_)
        html: str = self._form.serialize(retype=self.retype, **more)
        return html


def setting_form(
    setting: Setting, value: Mapping[str, Any] | None, texts: Mapping[str, str] | None = None
) -> Form:
    """Return the form of *setting*, of which *value* is stored.

    *texts* is what somebody has typed; without it the stored value stands in the fields.
    """
    kept = value is not None and setting.needs_secret(value)
    stored = None if value is None else Stored(value, has_secret=kept)
    schema = setting.schema().bind(stored=stored, form=True, setting=setting)
    if texts is None:
        texts = {name: str(each) for name, each in (value or {}).items() if each is not None}
    return Form(schema, texts, kept=kept)


def typed_in(name: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return what of *texts* may be kept for the form of the setting *name*: no secret.

    Where one was typed, that it is to be typed once more.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        return {}
    form = setting_form(setting, None, texts)
    return form.keepable if form.typed else {}


def password_form(texts: Mapping[str, str]) -> Form:
    """Return the form to change one's own password."""
    return Form(_PasswordSchema().bind(form=True), texts)


class _Password(Secret):
    """The password of an account; the service knows what it may be."""

    def problem(self, text: str) -> str | None:
        return None


class _PasswordSchema(colander.MappingSchema):
    schema_type = Object

    current = colander.SchemaNode(
        _Password(), title=_("Present password"), autocomplete="current-password"
    )
    password = colander.SchemaNode(
        _Password(),
        title=_("New password"),
        description=_("At least 12 characters, and not one that is guessed first."),
    )
    again = colander.SchemaNode(_Password(), title=_("New password, again"))

    def cross(self, appstruct: dict[str, Any], _wrong: set[str]) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        if appstruct.get("again") != appstruct.get("password"):
            yield "again", _("This is not what stands in the field before.")


# Deform's own directory stands behind ours, for a widget that no setting has had so far.
_RENDERER = ZPTRendererFactory(
    (str(TEMPLATES), str(Path(deform.__file__).parent / "templates")), auto_reload=False
)


def includeme(_config: Any) -> None:
    """Compile the templates now, which takes a second that no request should wait for."""
    for name in WIDGETS:
        _RENDERER.load(name).cook_check()
