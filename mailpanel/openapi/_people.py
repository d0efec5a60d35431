"""Accounts, tokens and the audit log in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from mailpanel import jsonschema
from mailpanel.bodies import AccountChanges, AuditQuery, LogIn, NewAccount, NewToken
from mailpanel.openapi._operations import (
    ALWAYS,
    BODY,
    answer,
    empty,
    envelope,
    operation,
    path_parameter,
    ref,
    request,
)
from mailpanel.openapi._types import (
    MAYBE_NUMBER,
    MAYBE_TEXT,
    MAYBE_TIME,
    TIME,
    open_object,
)

__all__ = ["NEXT", "SCHEMAS", "paths"]

Json = dict[str, Any]

NEXT: Json = {
    "type": ["string", "null"],
    "format": "uri-reference",
    "description": "Where the next page is; `null` where this is the last.",
}
TEXTS: Json = {"type": ["array", "null"], "items": {"type": "string"}}
YES_OR_NO: Json = {"type": "boolean"}
TEXT: Json = {"type": "string"}

ACCOUNT: Json = {
    "username": TEXT,
    "perm_level": TEXT,
    "enabled": YES_OR_NO,
    "api_access": YES_OR_NO,
    "has_password": {**YES_OR_NO, "description": "Without one there is no panel log-in."},
    "recovery_email": MAYBE_TEXT,
    "language": MAYBE_TEXT,
    "created": TIME,
}
TOKEN: Json = {
    "id": {"type": "integer"},
    "account": TEXT,
    "name": TEXT,
    "read_only": YES_OR_NO,
    "settings": {**TEXTS, "description": "`null` is all settings."},
    "networks": {**TEXTS, "description": "`null` is from anywhere."},
    "expires": MAYBE_TIME,
    "created": TIME,
    "last_used": {**MAYBE_TIME, "description": "To the minute."},
}
AUTH_TOKEN: Json = {**TEXT, "description": "The token itself, which is never shown again."}
SCHEMAS: Json = {
    "account": open_object(ACCOUNT),
    "token": open_object(TOKEN),
    "new_token": open_object({**TOKEN, "auth_token": AUTH_TOKEN}),
    "auth": open_object(
        {"username": TEXT, "perm_level": TEXT, "auth_token": AUTH_TOKEN, "expires": TIME}
    ),
    "audit_entry": open_object(
        {
            "id": {"type": "integer"},
            "at": TIME,
            "author": {**TEXT, "description": "Empty where nobody was known."},
            "token_id": MAYBE_NUMBER,
            "address": TEXT,
            "action": TEXT,
            "setting": MAYBE_TEXT,
            "revision": MAYBE_NUMBER,
            "detail": {"type": "object", "description": "No secret is ever in it."},
        }
    ),
}


def paths() -> Json:
    """Return the paths."""
    return {
        "/accounts/": {"get": _list_accounts(), "post": _add_account()},
        "/accounts/{username}/": _account(),
        "/tokens/": {"get": _list_tokens(), "post": _create_token()},
        "/tokens/{token}/": {
            "parameters": [path_parameter("token", {"type": "integer", "minimum": 1})],
            "delete": _revoke_token(),
        },
        "/auth/": {"post": _log_in(), "delete": _log_out()},
        "/audit/": {"get": _audit()},
    }


def _all(name: str) -> Json:
    return {"type": "array", "items": ref("schemas", name)}


def _list_accounts() -> Json:
    done = {"200": answer("All accounts.", envelope("accounts", _all("account")))}
    return operation("list_accounts", "Who may come in", done)


def _add_account() -> Json:
    example = {
        "username": "alice",
        "perm_level": "MasterAdmin",
        "password": "correct horse battery",
        "recovery_email": "alice@example.org",
    }
    return operation(
        "add_account",
        "Add an account",
        {"200": answer("It is added.", envelope("accounts", ref("schemas", "account")))},
        (*ALWAYS, *BODY, "409", "422"),
        requestBody=request(jsonschema.of_request(NewAccount()), example),
    )


def _account() -> Json:
    shown = {"200": answer("It.", envelope("accounts", ref("schemas", "account")))}
    return {
        "parameters": [path_parameter("username", {"type": "string"})],
        "get": operation("get_account", "One account", shown, (*ALWAYS, "404")),
        "patch": operation(
            "change_account",
            "Change what is sent of an account; the rest stays",
            shown,
            (*ALWAYS, *BODY, "404", "409", "422"),
            requestBody=request(jsonschema.of_request(AccountChanges()), {"enabled": False}),
            description="With a new password, or disabled, nobody is logged in with the account "
            "any more, and its tokens are revoked.",
        ),
        "delete": operation(
            "remove_account",
            "Remove an account with its tokens",
            {"204": empty("It is removed.")},
            (*ALWAYS, "404", "409"),
        ),
    }


def _list_tokens() -> Json:
    done = {"200": answer("Those in the token's scope.", envelope("tokens", _all("token")))}
    return operation("list_tokens", "One's own tokens", done)


def _create_token() -> Json:
    example = {"name": "monitoring", "read_only": True, "networks": ["192.0.2.0/24"]}
    return operation(
        "create_token",
        "Make a token for oneself, no wider than the one in use",
        {"200": answer("It is made.", envelope("tokens", ref("schemas", "new_token")))},
        (*ALWAYS, *BODY, "404", "422"),
        requestBody=request(jsonschema.of_request(NewToken()), example),
    )


def _revoke_token() -> Json:
    return operation(
        "revoke_token",
        "Revoke one of one's own tokens",
        {"204": empty("It opens nothing any more.")},
        (*ALWAYS, "404"),
    )


def _log_in() -> Json:
    example = {"username": "alice", "password": "correct horse battery"}
    return operation(
        "log_in",
        "A token for a username and password; it lasts half a day",
        {"200": answer("It is made.", envelope("auth", ref("schemas", "auth")))},
        (*BODY, "401", "406", "422", "429", "503"),
        requestBody=request(jsonschema.of_request(LogIn()), example),
        security=[],
    )


def _log_out() -> Json:
    done = {"204": empty("It opens nothing any more.")}
    return operation("log_out", "Revoke the token in use", done)


def _audit() -> Json:
    entries = envelope("audit", _all("audit_entry"), next=NEXT)
    return operation(
        "list_audit",
        "Who did what, the newest first",
        {"200": answer("A page.", entries)},
        (*ALWAYS, "422"),
        parameters=jsonschema.of_query(AuditQuery()),
    )
