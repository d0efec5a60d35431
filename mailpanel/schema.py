"""Strict Colander types that the settings share.

One schema serves JSON and forms. Bound with ``form=True`` a node takes the text
that a browser sends; otherwise it takes exactly the JSON type it names. No
message ever quotes the input: it may be a secret.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import colander

from mailpanel.errors import FieldError, InvalidFields
from mailpanel.hostnames import canonical_hostname
from mailpanel.words import _, grouped

__all__ = [
    "REQUIRED",
    "Hostname",
    "Integer",
    "IntegerOrNull",
    "Null",
    "Object",
    "OneOf",
    "Port",
    "Secret",
    "Strict",
    "Text",
    "Username",
    "deserialize",
]

REQUIRED = _("This field is required.")


def deserialize(node: colander.SchemaNode, cstruct: Any) -> dict[str, Any]:
    """Return the appstruct of *cstruct*.

    Raises :class:`InvalidFields` with every wrong field at once, each with a
    sentence that names the remedy and never the value.
    """
    try:
        appstruct: dict[str, Any] = node.deserialize(cstruct)
    except colander.Invalid as error:
        raise InvalidFields(list(_field_errors(error))) from None
    return appstruct


def _field_errors(error: colander.Invalid) -> Iterator[FieldError]:
    for child in error.children:
        yield FieldError(child.node.name, str(child.msg))


class Object(colander.Mapping):
    """A JSON object whose keys are exactly the schema's.

    Colander's own mapping stops at the first unknown key, quotes its value, and
    runs no rule between fields while any field is wrong. This one reports all of
    it at once. A schema's ``cross`` method, where it has one, is given the fields
    that are right so far and yields ``(field, sentence)`` pairs.
    """

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, dict):
            raise colander.Invalid(node, _("This must be a JSON object."))
        invalid = colander.Invalid(node)
        appstruct = dict(self._good_children(node, cstruct, invalid))
        for name in sorted(cstruct.keys() - {child.name for child in node.children}):
            _add(invalid, _shown(name), _("There is no such field; leave it out."))
        wrong = {child.node.name for child in invalid.children}
        cross: Callable[..., Iterator[tuple[str, str]]] | None = getattr(node, "cross", None)
        for name, sentence in cross(appstruct, wrong) if cross else ():
            if name not in wrong:
                _add(invalid, name, sentence)
        if invalid.children:
            raise invalid
        return appstruct

    def _good_children(
        self, node: colander.SchemaNode, cstruct: dict[str, Any], invalid: colander.Invalid
    ) -> Iterator[tuple[str, Any]]:
        for child in node.children:
            given = cstruct.get(child.name, colander.null)
            if given is colander.null and _bound(child, "form"):
                given = getattr(child.typ, "blank", colander.null)
            if given is colander.null and child.missing is colander.required:
                _add(invalid, child.name, REQUIRED)
                continue
            try:
                value = child.deserialize(given)
            except colander.Invalid as error:
                invalid.add(error)
                continue
            if value is not colander.drop:
                yield child.name, value


def _add(invalid: colander.Invalid, name: str, sentence: str) -> None:
    invalid.add(colander.Invalid(colander.SchemaNode(colander.String(), name=name), sentence))


def _shown(name: str) -> str:
    printable = "".join(char if char.isprintable() else "?" for char in name)
    return printable if len(printable) <= 40 else printable[:39] + "…"


class Strict(colander.SchemaType):
    """A type that takes one JSON type; ``parse`` turns it into the appstruct."""

    json_type: type = str
    json_name: str = _("text")

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if self.json_type is int and _bound(node, "form"):
            cstruct = _form_integer(node, cstruct)
        if type(cstruct) is not self.json_type:
            raise colander.Invalid(node, _("This must be ${kind}.", kind=self.json_name))
        return self.parse(node, cstruct)

    def serialize(self, node: colander.SchemaNode, appstruct: Any) -> Any:
        return colander.null if appstruct is colander.null else str(appstruct)

    def parse(self, node: colander.SchemaNode, given: Any) -> Any:
        return given


def _bound(node: colander.SchemaNode, name: str) -> Any:
    return (node.bindings or {}).get(name)


def _form_integer(node: colander.SchemaNode, text: Any) -> int:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        raise colander.Invalid(node, _("Write a whole number in digits."))
    return int(text.strip())


class Integer(Strict):
    """A JSON integer between *low* and *high*: not ``true``, not ``587.0``, not ``"587"``."""

    json_type = int
    json_name = _("a JSON integer, without quotes or a decimal point")

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high

    def parse(self, node: colander.SchemaNode, given: int) -> int:
        if not self.low <= given <= self.high:
            sentence = _("This must be from ${low} to ${high}.", low=self.low, high=self.high)
            raise colander.Invalid(node, sentence)
        return given


class IntegerOrNull(Integer):
    """A JSON integer between *low* and *high*, or ``null``; in a form a blank field is that."""

    json_name = _("a JSON integer, without quotes or a decimal point, or null")
    blank = ""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        blank = isinstance(cstruct, str) and not cstruct.strip() and _bound(node, "form")
        return None if cstruct is None or blank else super().deserialize(node, cstruct)

    def serialize(self, node: colander.SchemaNode, appstruct: Any) -> Any:
        return self.blank if appstruct is None else super().serialize(node, appstruct)


class Null(colander.SchemaType):
    """``null`` and nothing else; it says nothing, so it is left out."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct not in (None, colander.null):
            raise colander.Invalid(node, _("This must be null, or left out."))
        return colander.drop

    def serialize(self, node: colander.SchemaNode, appstruct: Any) -> Any:
        return colander.null


class Port(Integer):
    """A TCP port, 1 to 65535 (RFC 6335)."""

    def __init__(self) -> None:
        super().__init__(1, 65535)


class OneOf(Strict):
    """One of a few words."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words

    def parse(self, node: colander.SchemaNode, given: str) -> str:
        if given not in self.words:
            sentence = _("This must be one of ${words}.", words=", ".join(self.words))
            raise colander.Invalid(node, sentence)
        return given


class Text(Strict):
    """Text that one line of a configuration file can hold, stored as sent.

    Lengths are in code points. Control characters (Cc), lone surrogates and
    blanks (White_Space) at either end are refused with the reason.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest

    def parse(self, node: colander.SchemaNode, given: str) -> str:
        problem = self.problem(given)
        if problem:
            raise colander.Invalid(node, problem)
        return given

    def problem(self, text: str) -> str | None:
        """Return a sentence about what is wrong with *text*, or ``None``."""
        if not text:
            return _("This must not be empty.")
        if len(text) > self.longest:
            return _(
                "This must be at most ${longest} characters; it has ${length}.",
                longest=grouped(self.longest),
                length=grouped(len(text)),
            )
        categories = {unicodedata.category(char) for char in text}
        if "Cc" in categories:
            return _("Control characters (a line break, a tab) cannot be used; remove them.")
        if "Cs" in categories:
            return _("This holds half of a character (a lone surrogate); send whole characters.")
        if text != text.strip():
            return _("A blank at the beginning or the end would be lost; remove it.")
        return None


class Secret(Text):
    """A password of somebody else's server: anything that a provider may hand out."""

    def __init__(self) -> None:
        super().__init__(1024)


class Username(Text):
    """The name of an SMTP account."""

    def __init__(self) -> None:
        super().__init__(255)

    def problem(self, text: str) -> str | None:
        if ":" in text:
            return _(
                "A username with “:” cannot be expressed in Postfix. "
                "Ask your provider for another one."
            )
        return super().problem(text)


class Hostname(Strict):
    """A DNS name as its lower-case A-label, or an IP address in canonical form."""

    def parse(self, node: colander.SchemaNode, given: str) -> str:
        try:
            return canonical_hostname(given)
        except ValueError as error:
            raise colander.Invalid(node, str(error)) from None
