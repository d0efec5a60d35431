"""Strict Colander types of what is no setting: accounts, tokens, queries.

Each says in ``json`` what JSON Schema can say of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import colander

from mailpanel.schema import Strict
from mailpanel.words import _

__all__ = ["Boolean", "OrNull", "Ruled", "Texts", "Time", "Typed"]

# RFC 3339, 5.6; what it does not say of months and days, Python does.
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_MOST_TEXTS = 100

Json = Mapping[str, Any]


class Typed(Strict):
    """A type that knows its JSON Schema."""

    json: Json


class Boolean(Typed):
    """``true`` or ``false``, never 1 or ``"yes"``."""

    json_type = bool
    json_name = _("true or false")

    def __init__(self) -> None:
        self.json = {"type": "boolean"}


class Ruled(Typed):
    """A text; *problem* returns a sentence about what is wrong with it, or ``None``."""

    def __init__(self, problem: Callable[[str], str | None], **json: Any) -> None:
        self.problem = problem
        self.json = {"type": "string", **json}

    def parse(self, node: colander.SchemaNode, given: str) -> str:
        problem = self.problem(given)
        if problem:
            raise colander.Invalid(node, problem)
        return given


class Texts(Typed):
    """A list of texts, of which each is as *item* says in JSON Schema; who uses it looks closer."""

    json_type = list
    json_name = _("a list of texts")

    def __init__(self, item: Json) -> None:
        items = {"type": "string", **item}
        self.json = {"type": "array", "items": items, "maxItems": _MOST_TEXTS}

    def parse(self, node: colander.SchemaNode, given: list[Any]) -> list[str]:
        if not all(isinstance(each, str) for each in given):
            raise colander.Invalid(node, _("This must be ${kind}.", kind=self.json_name))
        if len(given) > _MOST_TEXTS:
            raise colander.Invalid(node, _("Give at most ${most}.", most=_MOST_TEXTS))
        return given


class Time(Typed):
    """A time with its zone, as RFC 3339 writes it."""

    def __init__(self) -> None:
        self.json = {"type": "string", "format": "date-time"}

    def parse(self, node: colander.SchemaNode, given: str) -> datetime:
        text = given.upper()
        try:
            if _TIME.fullmatch(text):
                return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # a thirteenth month, or a year that ends before it begins in UTC
        raise colander.Invalid(node, _("Write a time like 2027-01-31T12:00:00Z."))


class OrNull(colander.SchemaType):
    """What *inner* takes, or ``null``."""

    def __init__(self, inner: Typed) -> None:
        self.inner = inner
        self.json = {**inner.json, "type": [inner.json["type"], "null"]}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        return None if cstruct is None else self.inner.deserialize(node, cstruct)

    def serialize(self, node: colander.SchemaNode, appstruct: Any) -> Any:
        return colander.null if appstruct is None else self.inner.serialize(node, appstruct)
