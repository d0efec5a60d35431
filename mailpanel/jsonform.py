"""Strict JSON in, JSON out.

The standard decoder takes more than RFC 8259 and I-JSON (RFC 7493) allow, and
some of what it takes can be read in two ways. What is refused here is refused
before any field is looked at. No message quotes the body: it may hold a secret.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from mailpanel.errors import MalformedJson

__all__ = ["DEEPEST", "dumps", "loads"]

DEEPEST = 16

# Python itself reads at least 640 digits whatever its environment says
# (PYTHONINTMAXSTRDIGITS). A longer number is cut: still far out of every field's range.
_LONGEST_INTEGER = 640

_BOM = b"\xef\xbb\xbf"
# A string that is never closed matches too, so that the scan stays linear.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def loads(body: bytes) -> dict[str, Any]:
    """Return the JSON object in *body*; no body at all is the empty object.

    Raises :class:`MalformedJson` for what is not JSON or no object, ``NaN`` and
    ``Infinity``, a key given twice at any depth, invalid UTF-8, a byte order mark,
    and nesting past 16 levels, of which the outermost object is the first.
    An integer of more than 640 digits is cut after them.
    """
    if not body:
        return {}
    text = _text(body)
    _refuse_depth(text)
    try:
        document = json.loads(
            text,
            parse_int=_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except json.JSONDecodeError as error:
        raise MalformedJson(
            f"The body is not JSON: see line {error.lineno}, column {error.colno}."
        ) from None
    if not isinstance(document, dict):
        raise MalformedJson("The body must be a JSON object.")
    return document


def dumps(value: Any) -> bytes:
    """Return *value* as JSON in ASCII, which any text can be written in."""
    return json.dumps(value, allow_nan=False).encode("ascii")


def _text(body: bytes) -> str:
    if body.startswith(_BOM):
        raise MalformedJson("The body begins with a byte order mark; leave it out.")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedJson("The body is not UTF-8.") from None


def _refuse_depth(text: str) -> None:
    """Count the brackets outside of strings, before a decoder that recurses sees them."""
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        first = match[0][0]
        depth += (first in "[{") - (first in "]}")
        if depth > DEEPEST:
            raise MalformedJson(f"The body is nested deeper than {DEEPEST} levels.")


def _integer(digits: str) -> int:
    return int(digits[:_LONGEST_INTEGER])


def _refuse_constant(_name: str) -> NoReturn:
    raise MalformedJson("NaN and Infinity are not JSON.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise MalformedJson("A key is given twice.")
    return document
