"""Forms: Deform over the very schemas that the API reads JSON with.

A form's fields are single ones, in one row of names. What is typed is checked where the
API's values are, by the services; what they find wrong is shown beside the fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import colander
import deform
from deform.template import ZPTRendererFactory
from deform.widget import PasswordWidget, SelectWidget, TextInputWidget, Widget

from mailpanel.errors import FieldError
from mailpanel.schema import Hostname, Integer, Null, Object, OneOf, Secret, deserialize
from mailpanel.settings import SETTINGS, Setting, Stored

__all__ = ["KEPT", "Form", "includeme", "password_form", "setting_form", "typed_in"]

KEPT = "stored, leave blank to keep"

TEMPLATES = Path(__file__).parent / "templates" / "widgets"
WIDGETS = ("form", "mapping_item", "textinput", "password", "select")


class Form:
    """A form on *schema*, which is bound; *texts* is what stands in its fields, by name.

    *kept* says that a secret is stored and that a blank field keeps it.
    """

    def __init__(
        self, schema: colander.SchemaNode, texts: Mapping[str, str], *, kept: bool = False
    ) -> None:
        for node in list(schema.children):
            if isinstance(node.typ, Null):
                del schema[node.name]
            else:
                node.widget = _widget(node, kept)
        self._form = deform.Form(schema, renderer=_RENDERER, focus="off")
        self.texts = {name: texts[name] for name in self.fields if name in texts}
        self.others: list[str] = []

    @property
    def fields(self) -> dict[str, str]:
        """Return the fields' titles by their names; none where nothing is to be typed."""
        return {field.name: field.title for field in self._form.children}

    @property
    def unsent(self) -> list[FieldError]:
        """Return an error for each field that was not sent at all: a blank one says something."""
        sentence = "This field was not sent; load the page again."
        return [FieldError(name, sentence) for name in self.fields if name not in self.texts]

    @property
    def typed(self) -> dict[str, str]:
        """Return what stands in the fields, but for secrets: it may be kept and shown."""
        secrets = {field.name for field in self._form.children if _is_secret(field.schema)}
        return {name: text for name, text in self.texts.items() if name not in secrets}

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
        return deserialize(self._form.schema, self.cstruct)

    def show(self, errors: Iterable[FieldError]) -> None:
        """Put each of *errors* beside its field, and the focus on the first of those fields."""
        by_name = {field.name: field for field in self._form.children}
        for error in errors:
            if error.field in by_name:
                field = by_name[error.field]
                field.error = colander.Invalid(field.schema, error.detail)
            else:
                self.others.append(error.detail)
        wrong = [field for field in self._form.children if field.error]
        for field in wrong[:1]:
            field.autofocus = "autofocus"

    @property
    def wrong(self) -> int:
        """Return how many fields are wrong."""
        return sum(1 for field in self._form.children if field.error)

    def render(self, **more: Any) -> str:
        """Return the form as HTML; *more* is what its template asks for."""
        self._form.cstruct = dict(self.texts)
        html: str = self._form.serialize(**more)
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
    """Return what of *texts* may be kept for the form of the setting *name*: no secret."""
    setting = SETTINGS.get(name)
    return setting_form(setting, None, texts).typed if setting else {}


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
        _Password(), title="Present password", autocomplete="current-password"
    )
    password = colander.SchemaNode(
        _Password(),
        title="New password",
        description="At least 12 characters, and not one that is guessed first.",
    )
    again = colander.SchemaNode(_Password(), title="New password, again")

    def cross(self, appstruct: dict[str, Any], _wrong: set[str]) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        if appstruct.get("again") != appstruct.get("password"):
            yield "again", "This is not what stands in the field before."


def _is_secret(node: colander.SchemaNode) -> bool:
    return isinstance(node.typ, Secret)


def _widget(node: colander.SchemaNode, kept: bool) -> Widget:
    if _is_secret(node):
        # No blank is taken off: it is part of the password, or an error with a reason. And a
        # browser is not to fill in what somebody logs in to the panel with.
        return PasswordWidget(
            strip=False,
            optional="",
            attributes={
                "autocomplete": getattr(node, "autocomplete", "new-password"),
                "placeholder": KEPT if kept else None,
            },
        )
    optional = "" if node.required else "optional"
    if isinstance(node.typ, OneOf):
        labels = getattr(node, "labels", {})
        # No choice is a choice only where the field may be left out.
        words = ["", *node.typ.words] if optional else node.typ.words
        values = [(word, labels.get(word, word or "the default")) for word in words]
        return SelectWidget(values=values, optional=optional)
    attributes = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
    if isinstance(node.typ, Integer):
        attributes["inputmode"] = "numeric"
        return TextInputWidget(
            optional=optional, attributes=attributes, item_css_class="field-short"
        )
    wide = "field-beside" if isinstance(node.typ, Hostname) else None
    return TextInputWidget(optional=optional, attributes=attributes, item_css_class=wide)


# Deform's own directory stands behind ours, for a widget that no setting has had so far.
_RENDERER = ZPTRendererFactory(
    (str(TEMPLATES), str(Path(deform.__file__).parent / "templates")), auto_reload=False
)


def includeme(_config: Any) -> None:
    """Compile the templates now, which takes a second that no request should wait for."""
    for name in WIDGETS:
        _RENDERER.load(name).cook_check()
