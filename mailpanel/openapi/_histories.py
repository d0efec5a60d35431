"""The history of each setting in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from mailpanel import jsonschema
from mailpanel.bodies import HistoryQuery
from mailpanel.openapi._operations import (
    ALWAYS,
    CHANGE,
    answer,
    empty,
    envelope,
    operation,
    path_parameter,
    ref,
)
from mailpanel.openapi._people import NEXT
from mailpanel.openapi._types import (
    MAYBE_BOOLEAN,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    MAYBE_TIME,
    open_object,
)
from mailpanel.settings import Setting

__all__ = ["paths", "schemas"]

Json = dict[str, Any]

CHANGED: Json = {
    "type": "object",
    "required": ["field"],
    "properties": {"field": {"type": "string"}, "before": {}, "after": {}},
    "additionalProperties": False,
}


def schemas(setting: Setting) -> Json:
    """Return what one revision of *setting* looks like."""
    value: Json = {"type": "null"}
    if not setting.generates:
        value = {"oneOf": [jsonschema.of_value(setting.schema(), setting.secret_field), value]}
    revision = open_object(
        {
            "revision": {"type": "integer"},
            "author": MAYBE_TEXT,
            "token_id": {**MAYBE_NUMBER, "description": "`null` for panel and command."},
            "address": {**MAYBE_TEXT, "description": "Empty for the command."},
            "created": MAYBE_TIME,
            "reset": MAYBE_BOOLEAN,
            "value": {**value, "description": "`null` for a reset."},
            "secret": {
                "enum": ["changed", "kept", None],
                "description": "What became of the password; `null` where there is none.",
            },
            "changes": {
                "type": "array",
                "items": CHANGED,
                "description": (
                    "The fields that differ from the revision before, where that can be read."
                ),
            },
            "probe": MAYBE_BOOLEAN,
            "restored": {**MAYBE_NUMBER, "description": "The revision that this brought back."},
            "restorable": {"type": "boolean"},
            "unreadable": {
                **MAYBE_TEXT,
                "description": (
                    "The column of the database in which stands what mailpanel did not write: "
                    "all else of the revision is `null` then, and it is not restorable. "
                    "Else `null`."
                ),
            },
        }
    )
    return {f"{setting.name}.revision": revision}


def paths(setting: Setting) -> Json:
    """Return the paths of the history of *setting*."""
    revisions = {"type": "array", "items": ref("schemas", f"{setting.name}.revision")}
    return {
        f"/settings/{setting.name}/history/": {
            "get": operation(
                f"history_{setting.name}",
                f"{setting.title}: who changed what, the newest first",
                {"200": answer("A page.", envelope("history", revisions, next=NEXT))},
                (*ALWAYS, "422"),
                parameters=jsonschema.of_query(HistoryQuery()),
            )
        },
        f"/settings/{setting.name}/history/{{revision}}/restore/": {
            "parameters": [path_parameter("revision", {"type": "integer", "minimum": 1})],
            "post": _restore(setting),
        },
    }


def _restore(setting: Setting) -> Json:
    brought = [ref("schemas", f"{setting.name}.{kind}") for kind in ("state", "resetting")]
    done = answer(
        "It is stored.", envelope("settings", {"anyOf": brought}), "ETag", "Preference-Applied"
    )
    return operation(
        f"restore_{setting.name}",
        f"{setting.title}: bring a revision back as a new one",
        {"200": done, "204": empty("It was a reset, and there is nothing to reset.")},
        (*ALWAYS, *CHANGE, "400", "404", "409", "413", "415"),
        parameters=[ref("parameters", name) for name in ("Probe", "If-Match", "Prefer")],
    )
