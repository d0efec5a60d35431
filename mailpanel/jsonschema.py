"""JSON Schema (2020-12) from Colander schemas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import colander

from mailpanel import fields, schema

__all__ = ["Json", "of_query", "of_request", "of_value"]

Json = dict[str, Any]

# Unicode's White_Space and Cc, spelt out: \p{...} is not in every dialect of patterns.
_CONTROL = r"\u0000-\u001f\u007f-\u009f"
_BLANK = r" \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def of_request(node: colander.SchemaNode) -> Json:
    """Return what a request's body must be: an object with exactly these fields.

    A rule between fields, and what IDNA says of a name, cannot be told so.
    """
    return _object(node.children)


def of_value(node: colander.SchemaNode, secret_field: str | None) -> Json:
    """Return what an answer's value is: the same object without its secret."""
    return _object([child for child in node.children if child.name != secret_field])


def of_query(node: colander.SchemaNode) -> list[Json]:
    """Return the parameters of a query, as OpenAPI describes them."""
    return [
        {
            "name": field.name,
            "in": "query",
            "description": field.description,
            "schema": _field(field),
        }
        for field in node.children
    ]


def _object(nodes: list[colander.SchemaNode]) -> Json:
    return {
        "type": "object",
        "properties": {node.name: _field(node) for node in nodes},
        "required": [node.name for node in nodes if node.required],
        "additionalProperties": False,
    }


def _field(node: colander.SchemaNode) -> Json:
    written = next(_WRITERS[kind] for kind in type(node.typ).__mro__ if kind in _WRITERS)
    return {**written(node.typ), "title": node.title, "description": node.description}


def _integer(kind: schema.Integer) -> Json:
    return {"type": "integer", "minimum": kind.low, "maximum": kind.high}


def _integer_or_null(kind: schema.IntegerOrNull) -> Json:
    return {**_integer(kind), "type": ["integer", "null"]}


def _null(_kind: schema.Null) -> Json:
    return {"type": "null"}


def _one_of(kind: schema.OneOf) -> Json:
    return {"type": "string", "enum": list(kind.words)}


def _text(kind: schema.Text, without: str = "") -> Json:
    inner = f"[^{_CONTROL}{without}]"
    outer = f"[^{_CONTROL}{_BLANK}{without}]"
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": kind.longest,
        "pattern": f"^{outer}({inner}*{outer})?$",
    }


def _username(kind: schema.Username) -> Json:
    return _text(kind, without=":")


def _secret(kind: schema.Secret) -> Json:
    return {**_text(kind), "format": "password", "writeOnly": True}


def _typed(kind: fields.Typed | fields.OrNull) -> Json:
    return dict(kind.json)


def _hostname(_kind: schema.Hostname) -> Json:
    # A name that ends in a number is taken for an address, as everybody else takes it.
    number = {"pattern": r"(^|\.)([0-9]+|0[xX][0-9A-Fa-f]*)\.?$"}
    name = {"format": "idn-hostname", "not": number}
    return {
        "type": "string",
        "minLength": 1,
        # A name's length as an A-label, and a dot behind it; written otherwise it is never longer.
        "maxLength": 254,
        "anyOf": [name, {"format": "ipv4"}, {"format": "ipv6"}],
    }


_WRITERS: dict[type, Callable[[Any], Json]] = {
    schema.Integer: _integer,
    schema.IntegerOrNull: _integer_or_null,
    schema.Null: _null,
    schema.OneOf: _one_of,
    schema.Text: _text,
    schema.Username: _username,
    schema.Secret: _secret,
    schema.Hostname: _hostname,
    fields.Typed: _typed,
    fields.OrNull: _typed,
}
