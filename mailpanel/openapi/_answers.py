"""What a mail host answers to what it is asked once, in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from mailpanel.openapi._types import MAYBE_TEXT, open_object

__all__ = ["ANSWERED", "TESTED"]

Json = dict[str, Any]

_STEP = open_object(
    {
        "name": {"type": "string"},
        "ok": {"type": "boolean"},
        "duration_ms": {"type": "integer", "minimum": 0},
        "says": {"type": "string"},
    }
)
_DIFF = open_object({"path": {"type": "string"}, "diff": {"type": "string"}})
_COUNT = {"type": "integer", "minimum": 0}
_PREVIEW = open_object(
    {
        "folder": {"type": "string"},
        "days": {"type": "integer", "minimum": 1},
        "messages": _COUNT,
        "newly": _COUNT | {"description": "As many the present interval would not delete."},
        "bytes": _COUNT,
        "mailboxes": _COUNT,
        "oldest": {
            "type": ["string", "null"],
            "format": "date",
            "description": "The day on which the oldest of them came into its folder.",
        },
        "complete": {
            "type": "boolean",
            "description": "Whether all mailboxes could be counted; else it is at least as much.",
        },
        "says": {"type": "string"},
    }
)
ANSWERED: Json = {
    "host": {"type": "string"},
    "done": {"type": "boolean"},
    "ok": {"type": "boolean"},
    "error": MAYBE_TEXT,
    "steps": {"type": "array", "items": _STEP, "description": "Those that have ended."},
    "now": {**MAYBE_TEXT, "description": "The name of the step that is under way."},
    "diffs": {"type": "array", "items": _DIFF},
    "preview": {
        "type": ["array", "null"],
        "items": _PREVIEW,
        "description": "What would be deleted by folder; null where it was not asked for, or "
        "cannot be told.",
    },
}
TESTED = open_object(
    {
        "ticket": {"type": "string"},
        "done": {"type": "boolean"},
        "ok": {"type": "boolean"},
        "hosts": {
            "type": "array",
            "items": open_object(ANSWERED),
        },
    }
)
