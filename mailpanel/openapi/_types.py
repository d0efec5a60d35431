"""Types that many answers have, as the OpenAPI document writes them."""

from __future__ import annotations

from typing import Any

__all__ = [
    "MAYBE_BOOLEAN",
    "MAYBE_NUMBER",
    "MAYBE_OBJECT",
    "MAYBE_TEXT",
    "MAYBE_TIME",
    "TIME",
    "open_object",
]

Json = dict[str, Any]

TIME: Json = {"type": "string", "format": "date-time"}
MAYBE_TIME: Json = {"type": ["string", "null"], "format": "date-time"}
MAYBE_TEXT: Json = {"type": ["string", "null"]}
MAYBE_NUMBER: Json = {"type": ["integer", "null"]}
MAYBE_BOOLEAN: Json = {"type": ["boolean", "null"]}
MAYBE_OBJECT: Json = {"type": ["object", "null"]}


def open_object(properties: Json, optional: Json | None = None) -> Json:
    """Return an object that may grow keys, and loses none but the *optional* ones."""
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": sorted(properties),
    }
