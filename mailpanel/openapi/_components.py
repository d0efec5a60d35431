"""The components of the OpenAPI document that are the same whatever settings there are."""

from __future__ import annotations

from typing import Any

from mailpanel.openapi._answers import ANSWERED, TESTED
from mailpanel.openapi._relay_health import RELAY_HEALTH
from mailpanel.openapi._types import (
    MAYBE_NUMBER,
    MAYBE_OBJECT,
    MAYBE_TEXT,
    MAYBE_TIME,
    TIME,
    open_object,
)

__all__ = [
    "DESCRIPTION",
    "HEADERS",
    "MESSAGE",
    "PARAMETERS",
    "PROBLEMS",
    "PROBLEM_HEADERS",
    "SCHEMAS",
    "SECURITY_SCHEMES",
    "STATUSES",
]

Json = dict[str, Any]

STATUSES = ("applying", "applied", "failed", "deleting")

DESCRIPTION = """\
A settings panel for mail servers. A change is stored as a new revision of a setting, and the apply
service of each mail host makes it live: first tested, then all or nothing.

What holds for every URL: one that lacks its trailing slash answers 308, a method that it does not
know 405 with `Allow`, and what is not there 404. Every error is a problem (RFC 9457). Nothing may
be cached.
"""

PROBLEMS = {
    "400": "The body is not JSON: no object, a key given twice, `NaN`, not UTF-8, nested too deep.",
    "401": "No credential, or none that is valid.",
    "403": "The account is no MasterAdmin, or this is outside of the token's scope.",
    "404": "There is no such object.",
    "406": "`Accept` excludes application/json.",
    "409": "The name is taken, this is the last of its kind, it cannot be brought back, or there "
    "is nothing to adopt.",
    "412": "`If-Match` names another revision, or nothing is set.",
    "413": "The body is larger than 65,536 bytes.",
    "415": "The body is not sent as application/json in UTF-8.",
    "421": "This server is not known by the name that the request is for.",
    "422": "One or more fields are wrong; `errors` has them all.",
    "429": "Too many bad credentials came from this address.",
    "503": "The database is away; nothing was changed, or `detail` says that it may have been.",
}

PARAMETERS = {
    "Probe": {
        "name": "probe",
        "in": "query",
        "description": "`no` skips trying the new value before it is made live. It is audited.",
        "schema": {"type": "string", "enum": ["yes", "no"], "default": "yes"},
    },
    "Dry-Run": {
        "name": "dry_run",
        "in": "query",
        "description": "`1` saves nothing and shows what would change on each live host.",
        "schema": {"type": "string", "enum": ["0", "1"], "default": "0"},
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "description": "Change only what is still the revision with this `ETag`; `*` is any.",
        "schema": {"type": "string"},
        "example": '"1"',
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "description": "`wait=N` (RFC 7240): answer when the change is applied or has failed, or "
        "after N seconds, at most 60.",
        "schema": {"type": "string"},
        "example": "wait=30",
    },
}
MESSAGE: Json = {
    "name": "message",
    "in": "query",
    "description": "`1` has each host send one message to the address of whoever calls, their "
    "account's `recovery_email`, too. It is audited. For settings that send mail.",
    "schema": {"type": "string", "enum": ["0", "1"], "default": "0"},
}
HEADERS: Json = {
    "Cache-Control": {"required": True, "schema": {"const": "no-store"}},
    "ETag": {
        "description": "Names the desired revision, where the setting is set.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "Preference-Applied": {
        "description": "The wait that was granted.",
        "schema": {"type": "string", "pattern": "^wait=[0-9]+$"},
    },
    "Retry-After": {
        "description": "Seconds.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {"required": True, "schema": {"type": "string"}},
}
PROBLEM_HEADERS = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}

SECURITY_SCHEMES: Json = {
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The username, and a token in the place of the password.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The token alone."},
}

PROBLEM_SCHEMA: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One or two sentences for people."},
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}

REPORT: Json = {
    "revision": MAYBE_NUMBER,
    "status": MAYBE_TEXT,
    "step": MAYBE_TEXT,
    "error": MAYBE_TEXT,
    "duration_ms": MAYBE_NUMBER,
    "live_revision": {
        **MAYBE_NUMBER,
        "description": "What the host runs with, whatever failed since; null for none.",
    },
    "next_attempt": {
        **MAYBE_TIME,
        "description": "When a failure is tried again by itself; null where it is not.",
    },
    "reported": MAYBE_TIME,
    "present": {**MAYBE_OBJECT, "description": "What stands there without mailpanel."},
}

# What a host tells beside, each where it has something to say of it.
DETAILS: Json = {
    "drift": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["path", "diff"],
            "properties": {"path": {"type": "string"}, "diff": {"type": "string"}},
        },
        "description": "What somebody edited since: what putting it back would change.",
    },
    "overridden": {
        "type": "string",
        "description": "Which line of your own counts in place of what was applied. Putting it "
        "back does not mend that.",
    },
    "not_put_back": {
        "type": "boolean",
        "description": "True where a change failed and what was live before could not be put back "
        "either: what is live then, only a look at the host tells.",
    },
    "problem": {
        "type": "string",
        "description": "Why it could not be applied once more as things stand on the host now.",
    },
    "fight": {
        "type": "string",
        "description": "That some other tool makes the same edit again and again, and which.",
    },
    "unread_edits": {
        "type": "string",
        "description": "Which edits of your own the daemon has not read: a change makes them live.",
    },
    "relay_health": RELAY_HEALTH,
    "effective_from": {
        **TIME,
        "description": "From when on messages are deleted that were not before; until then the "
        "longer of both intervals counts.",
    },
    "undelivered": {
        "type": "string",
        "description": "What keeps mailpanel's own mails from going out.",
    },
    "log_in_as": {
        "type": "string",
        "description": "The name to log in by IMAP with, beside the master password; "
        "`user@example.net` stands for the mailbox.",
    },
    "last_log_in": {
        "type": "string",
        "description": "The mailbox that the master password opened last, from where and when.",
    },
    "other_ways": {
        "type": "string",
        "description": "Which mail of this host does not go to the relayhost.",
    },
    "msmtp_config_file": {
        "type": "string",
        "description": "The file that local programs give to msmtp.",
    },
}


SCHEMAS: Json = {
    "problem": PROBLEM_SCHEMA,
    "tested": TESTED,
    "put_back": open_object({"setting": {"type": "string"}, **ANSWERED}),
    "flush": open_object({"setting": {"type": "string"}, **ANSWERED}),
    "host": open_object(
        {
            "name": {"type": "string"},
            "versions": {"type": "object", "additionalProperties": {"type": "string"}},
            "first_seen": TIME,
            "last_seen": TIME,
            "settings": {"type": "object", "additionalProperties": open_object(REPORT, DETAILS)},
        }
    ),
    "status": open_object(
        {
            "name": {"type": "string"},
            "status": {"enum": [*STATUSES, None]},
            "error": MAYBE_TEXT,
            "revision": MAYBE_NUMBER,
            "author": MAYBE_TEXT,
            "address": MAYBE_TEXT,
            "created": MAYBE_TIME,
            "probe": {"type": ["boolean", "null"]},
            "waiting_for": {"type": "array", "items": {"type": "string"}},
            "hosts": {
                "type": "array",
                "items": open_object(
                    {
                        "host": {"type": "string"},
                        "last_seen": TIME,
                        "away": {"type": "boolean"},
                        **REPORT,
                    },
                    DETAILS,
                ),
            },
        }
    ),
}
