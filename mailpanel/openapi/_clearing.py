"""What was cleared from Junk and Trash folders, in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from mailpanel import jsonschema
from mailpanel.bodies import ClearingQuery, Nothing
from mailpanel.openapi._answers import ANSWERED
from mailpanel.openapi._operations import ALWAYS, BODY, answer, envelope, operation, ref, request
from mailpanel.openapi._people import NEXT
from mailpanel.openapi._types import MAYBE_TEXT, MAYBE_TIME, TIME, open_object

__all__ = ["SCHEMAS", "paths"]

Json = dict[str, Any]

INTERVAL = "junk_trash_clearing_interval"
NUMBER: Json = {"type": "integer", "minimum": 0}
DAY: Json = {"type": "string", "format": "date"}

FOLDER: Json = {
    "folder": {"type": "string"},
    "days": {"type": "integer", "minimum": 1, "description": "By which it was cleared."},
    "messages": NUMBER,
    "bytes": NUMBER,
    "mailboxes": NUMBER,
    "complete": {"type": "boolean", "description": "False: there may be more that is due."},
}
RUN: Json = {
    "id": {"type": "integer"},
    "host": {"type": "string"},
    "mail_store": {"type": "string"},
    "day": {
        "type": ["string", "null"],
        "format": "date",
        "description": "The day that it is for by the schedule; `null` for one on request.",
    },
    "asked_by": {**MAYBE_TEXT, "description": "The account, of one on request."},
    "status": {"enum": ["running", "done", "failed"]},
    "started": TIME,
    "ended": MAYBE_TIME,
    "error": {**MAYBE_TEXT, "description": "Why it ended early, or was not begun."},
    "messages": {**NUMBER, "description": "So far, while it is running."},
    "bytes": NUMBER,
    "folders": {"type": "array", "items": open_object(FOLDER)},
    "says": MAYBE_TEXT,
}
SCHEMAS: Json = {"clearing_run": open_object(RUN)}
RUNS: Json = {"type": "array", "items": ref("schemas", "clearing_run")}


def paths() -> Json:
    """Return the paths."""
    return {
        "/clearing/": {"get": _list_runs()},
        "/clearing/preview/": {"post": _preview()},
        "/clearing/run/": {"post": _run()},
    }


def _list_runs() -> Json:
    per_day = {
        "type": "array",
        "items": open_object({"day": DAY, "messages": NUMBER}),
        "description": "How many messages were cleared on each of the last 14 days, in UTC.",
    }
    page = envelope("clearing", open_object({"runs": RUNS, "per_day": per_day}), next=NEXT)
    return operation(
        "list_clearing",
        "The runs that cleared Junk and Trash folders, the newest first",
        {"200": answer("A page.", page)},
        (*ALWAYS, "422"),
        parameters=jsonschema.of_query(ClearingQuery()),
    )


def _preview() -> Json:
    tested = envelope("preview", ref("schemas", "tested"))
    return operation(
        "preview_clearing",
        "What would go from Junk and Trash folders after so many days; nothing is deleted",
        {"200": answer("What each live host counts.", tested, "Preference-Applied")},
        (*ALWAYS, *BODY, "422"),
        requestBody=request(ref("schemas", INTERVAL), {"junk_days": 7, "trash_days": 14}),
        parameters=[ref("parameters", "Prefer")],
    )


def _run() -> Json:
    begun = open_object(
        {
            "ticket": {"type": "string"},
            "hosts": {"type": "array", "items": open_object(ANSWERED)},
            "runs": RUNS,
        }
    )
    done = answer("It is begun.", envelope("clearing", begun), "Preference-Applied")
    return operation(
        "run_clearing",
        "Clear Junk and Trash folders now, by the days that are live on each host",
        {"202": done},
        (*ALWAYS, *BODY, "409", "422"),
        requestBody=request(jsonschema.of_request(Nothing()), {}),
        parameters=[ref("parameters", "Prefer")],
    )
