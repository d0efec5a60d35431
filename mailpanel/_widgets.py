"""Which of Deform's widgets a field has, and what is read of what a browser sends for it.

What JSON has types for and a form has not, a widget answers as JSON would have it: ticks
as ``true`` or ``false``, lines as a list, a blank that is a value as ``null``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import colander
from deform.widget import PasswordWidget, SelectWidget, TextInputWidget, Widget

from mailpanel.fields import Boolean, OrNull, Texts, Time, Typed
from mailpanel.schema import Hostname, Integer, OneOf, Secret
from mailpanel.words import _

__all__ = ["AGAIN", "KEPT", "is_secret", "sent", "widget_of"]

KEPT = _("stored, leave blank to keep")
AGAIN = _("type it once more")

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_secret(node: colander.SchemaNode) -> bool:
    """Say whether what is typed for *node* goes into no page again."""
    json = node.typ.json if isinstance(node.typ, Typed) else {}
    return isinstance(node.typ, Secret) or json.get("format") == "password"


def sent(node: colander.SchemaNode, texts: Mapping[str, str]) -> str | None:
    """Return the text that *texts* hold for *node*, which has its widget; ``None`` for none."""
    name = node.name
    if isinstance(node.widget, _Ticks):
        ticked = (word for word, _ in node.widget.values if f"{name}.{word}" in texts)
        return texts.get(name) or "\n".join(ticked)
    # A box that is not ticked sends nothing.
    return texts.get(name, "" if isinstance(node.widget, _Tick) else None)


def widget_of(node: colander.SchemaNode, *, kept: bool = False, again: bool = False) -> Widget:
    """Return the widget for *node*.

    *kept* says that a secret is stored and that a blank field keeps it, *again* that one
    was typed which is not kept.
    """
    if is_secret(node):
        return _secret(node, AGAIN if again else KEPT if kept else None)
    if isinstance(node.typ, Boolean):
        return _Tick(optional="")
    optional = "" if node.required or getattr(node, "choose", False) else _("optional")
    return _choice(node, optional) or _line(node, optional)


def _choice(node: colander.SchemaNode, optional: str) -> Widget | None:
    """Return the widget of a field that takes one or some of a few words, ``None`` for others."""
    typ, labels = _inner(node), getattr(node, "labels", {})
    if isinstance(typ, OneOf):
        # No choice is a choice only where the field may be left out.
        words = ["", *typ.words] if optional else typ.words
        values = [(word, labels.get(word, word or _("the default"))) for word in words]
        return SelectWidget(values=values, optional=optional)
    if isinstance(typ, Texts) and "enum" in typ.json["items"]:
        values = [(word, labels.get(word, word)) for word in typ.json["items"]["enum"]]
        return _Ticks(values=values, optional=optional)
    return None


def _line(node: colander.SchemaNode, optional: str) -> Widget:
    """Return the widget of a field that one types into."""
    typ = _inner(node)
    if isinstance(typ, Time):
        return _Day(optional=optional, kind="date")
    attributes = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
    if isinstance(typ, Texts):
        return _Lines(optional=optional, attributes=attributes)
    wide = "field-beside" if isinstance(typ, Hostname) else None
    if isinstance(typ, Integer):
        attributes["inputmode"], wide = "numeric", "field-short"
    kind = _OrNull if isinstance(node.typ, OrNull) else TextInputWidget
    return kind(optional=optional, attributes=attributes, item_css_class=wide)


def _inner(node: colander.SchemaNode) -> colander.SchemaType:
    return node.typ.inner if isinstance(node.typ, OrNull) else node.typ


def _secret(node: colander.SchemaNode, placeholder: str | None) -> Widget:
    # No blank is taken off: it is part of the password, or an error with a reason. And a
    # browser is not to fill in what somebody logs in to the panel with.
    autocomplete = getattr(node, "autocomplete", "new-password")
    attributes = {"autocomplete": autocomplete, "placeholder": placeholder}
    optional = "" if isinstance(node.typ, Secret) or node.required else _("optional")
    return PasswordWidget(strip=False, optional=optional, attributes=attributes)


class _Tick(Widget):
    """A box to tick."""

    row_template = "tick_item"
    template = "tick"

    def serialize(self, field: Any, cstruct: Any, **more: Any) -> str:
        html: str = field.renderer(self.template, **self.get_template_values(field, cstruct, more))
        return html

    def deserialize(self, field: Any, pstruct: Any) -> Any:
        return bool(pstruct)


class _Ticks(_Tick):
    """A box for each of a few words; none of them ticked is ``null``."""

    row_template = "ticks_item"
    template = "ticks"
    values: list[tuple[str, str]]

    def deserialize(self, field: Any, pstruct: Any) -> Any:
        return pstruct.split() if pstruct else None


class _OrNull(TextInputWidget):
    """A line of text; a blank one is ``null``."""

    def deserialize(self, field: Any, pstruct: Any) -> Any:
        text = super().deserialize(field, pstruct)
        return None if text is colander.null else text


class _Day(_OrNull):
    """A day, which is meant to its end in UTC: the server does not know the reader's zone."""

    def deserialize(self, field: Any, pstruct: Any) -> Any:
        text = super().deserialize(field, pstruct)
        return f"{text}T23:59:59Z" if text and _DAY.fullmatch(text) else text


class _Lines(_OrNull):
    """Texts, one in a line or divided by commas; none is ``null``."""

    template = "lines"

    def deserialize(self, field: Any, pstruct: Any) -> Any:
        text = super().deserialize(field, pstruct)
        return [each for each in re.split(r"[\s,]+", text) if each] if text else None
