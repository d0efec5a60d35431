"""Rows read for a mail host, of which any may be broken: no other one suffers from it.

Whoever can write to the database can write anything: text that is no JSON, a number where a
word belongs (SQLite takes both), a value of many megabytes. So each column is
read as the bytes that stand there, and taken apart here.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Column as TableColumn
from sqlalchemy import ColumnElement, LargeBinary, Text, cast
from sqlalchemy.orm import InstrumentedAttribute, Session

__all__ = ["Broken", "as_boolean", "as_name", "as_number", "as_object", "as_text", "raw"]

Column = InstrumentedAttribute[Any] | TableColumn[Any]
# Far more than any value takes.
LONGEST = 65_536
LONGEST_NAME = 64


class Broken(ValueError):
    """What stands there is nothing that mailpanel wrote."""


def raw(session: Session, *columns: Column) -> list[ColumnElement[Any]]:
    """Return *columns* as they are read without a look at what stands in them."""
    # SQLite's driver decodes what is text, and fails for the whole of the answer.
    kind = LargeBinary if session.get_bind().dialect.name == "sqlite" else Text
    return [cast(column, kind) for column in columns]


def as_text(found: str | bytes | None) -> str | None:
    """Return the text; raises :class:`Broken`."""
    try:
        text = found.decode() if isinstance(found, bytes) else found
    except UnicodeDecodeError:
        raise Broken from None
    if text is not None and len(text) > LONGEST:
        raise Broken
    return text


def as_name(found: str | bytes | None) -> str:
    """Return a name as the tables have room for; raises :class:`Broken`."""
    name = as_text(found)
    if name is None or len(name) > LONGEST_NAME:
        raise Broken
    return name


def as_number(found: str | bytes | None) -> int:
    """Return the whole number; raises :class:`Broken`."""
    try:
        return int(as_text(found) or "")
    except ValueError:
        raise Broken from None


def as_boolean(found: str | bytes | None) -> bool:
    """Return the truth value, as either database writes it; raises :class:`Broken`."""
    words = {"1": True, "true": True, "0": False, "false": False}
    text = as_text(found)
    if text not in words:
        raise Broken
    return words[text]


def as_object(found: str | bytes | None) -> dict[str, Any] | None:
    """Return the JSON object; raises :class:`Broken`."""
    text = as_text(found)
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Broken from None
    if not isinstance(value, dict):
        raise Broken
    return value
