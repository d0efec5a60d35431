"""What a host tells of its live relay, as the OpenAPI document has it."""

from __future__ import annotations

from typing import Any

__all__ = ["RELAY_HEALTH"]

Json = dict[str, Any]

_TIME: Json = {"type": "string", "format": "date-time"}
_MAYBE_TEXT: Json = {"type": ["string", "null"]}
_COUNT: Json = {"type": "integer", "minimum": 0}
_PROPERTIES: Json = {
    "relay": {**_MAYBE_TEXT, "description": "The live next hop; null after a reset."},
    "ok": {"type": "boolean", "description": "Whether it takes mail, as far as is known."},
    "says": {**_MAYBE_TEXT, "description": "What is wrong, as a test would say it."},
    "since": {**_TIME, "description": "Since when `ok` is what it is."},
    "waiting": {**_COUNT, "description": "Messages that wait for it."},
    "left_over": {
        **_COUNT,
        "description": "As many of them came before it was well, or was changed.",
    },
    "for_older": {**_COUNT, "description": "Messages that were last tried at a relay before it."},
    "oldest": {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "Since when the oldest of them all waits.",
    },
    "growing": {"type": "boolean", "description": "Whether ever more wait."},
    "complete": {
        "type": "boolean",
        "description": "Whether all that waits was counted; else it is at least as much.",
    },
    "log": {
        "enum": ["file", "journal", None],
        "description": "Which log of Postfix was read; with null only the queue tells of it.",
    },
    "mail": {**_MAYBE_TEXT, "description": "The mail that waits, in a sentence."},
}
RELAY_HEALTH: Json = {
    "type": "object",
    "description": "How the live relay fares, by Postfix's log and queue.",
    "required": sorted(_PROPERTIES),
    "properties": _PROPERTIES,
}
