"""The settings in the OpenAPI document.

Each registered one has paths of its own, so that its body and its value are described
exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailpanel import jsonschema
from mailpanel.openapi import _histories
from mailpanel.openapi._components import MESSAGE, PARAMETERS, STATUSES
from mailpanel.openapi._operations import (
    ALWAYS,
    BODY,
    CHANGE,
    JSON,
    answer,
    empty,
    envelope,
    operation,
    path_parameter,
    ref,
)
from mailpanel.settings import Setting

__all__ = ["of_all", "paths", "schemas"]

Json = dict[str, Any]


def of_all(settings: Mapping[str, Setting]) -> Json:
    """Return the path that lists *settings*."""
    return {"/settings/": {"get": _list_settings(settings)}}


def paths(setting: Setting) -> Json:
    """Return the paths of *setting*."""
    path = f"/settings/{setting.name}/"
    return {
        path: _setting(setting),
        **_histories.paths(setting),
        f"{path}status/": {"get": _setting_status(setting)},
        f"{path}test/": {"post": _setting_test(setting)},
        f"{path}test/{{ticket}}/": _setting_tested(setting),
    }


def schemas(setting: Setting) -> Json:
    """Return what is sent and answered of *setting*."""
    node = setting.schema()
    value = jsonschema.of_value(node, setting.secret_field)
    told = "`null` once reset."
    if setting.generates:
        value = {"type": "string", "readOnly": True}
        told = "What was generated, in the answer to the change that made it; `null` ever after."
    state: Json = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "status", "value"],
        "properties": {
            "name": {"const": setting.name},
            "status": {"enum": list(STATUSES)},
            "value": {"oneOf": [value, {"type": "null"}], "description": told},
            "error": {"type": "string", "description": "What failed, where and at which step."},
        },
    }
    return {
        setting.name: jsonschema.of_request(node),
        f"{setting.name}.state": state,
        f"{setting.name}.resetting": {
            **state,
            "required": ["name", "status"],
            "properties": {name: state["properties"][name] for name in ("name", "status", "error")},
        },
    }


def _setting(setting: Setting) -> Json:
    state = envelope("settings", ref("schemas", f"{setting.name}.state"))
    resetting = envelope("settings", ref("schemas", f"{setting.name}.resetting"))
    dry_run = envelope("dry_run", ref("schemas", "tested"))
    changes = {"parameters": [ref("parameters", name) for name in PARAMETERS]}
    return {
        "get": operation(
            f"get_{setting.name}",
            f"{setting.title}: the desired value",
            {"200": answer("It is set.", state, "ETag"), "204": empty("It is not set.")},
        ),
        "post": operation(
            f"set_{setting.name}",
            f"{setting.title}: set or update",
            {
                "200": answer(
                    "It is stored; or, with `dry_run`, what each live host would change.",
                    {"oneOf": [state, dry_run]},
                    "ETag",
                    "Preference-Applied",
                )
            },
            (*ALWAYS, *BODY, *CHANGE),
            description=setting.description,
            requestBody=_body(setting),
            **changes,
        ),
        "delete": operation(
            f"reset_{setting.name}",
            f"{setting.title}: reset to what was there before mailpanel",
            {
                "200": answer(
                    "The reset is stored; or, with `dry_run`, what each live host would change.",
                    {"oneOf": [resetting, dry_run]},
                    "Preference-Applied",
                ),
                "204": empty("There is nothing to reset, or no more.", "Preference-Applied"),
            },
            (*ALWAYS, *CHANGE),
            **changes,
        ),
    }


def _body(setting: Setting) -> Json:
    content = {"schema": ref("schemas", setting.name), "example": dict(setting.example)}
    return {"required": not setting.generates, "content": {JSON: content}}


def _list_settings(settings: Mapping[str, Setting]) -> Json:
    states = [ref("schemas", f"{name}.state") for name in settings]
    listed = envelope("settings", {"type": "array", "items": {"oneOf": states}})
    done = {"200": answer("Those in the token's scope.", listed)}
    return operation("list_settings", "All settings that are set", done)


def _setting_status(setting: Setting) -> Json:
    done = {"200": answer("The status.", envelope("status", ref("schemas", "status")))}
    return operation(
        f"status_{setting.name}", f"{setting.title}: how far each host is with it", done
    )


def _setting_test(setting: Setting) -> Json:
    done = {"200": answer("What each live host answers.", _tested(), "Preference-Applied")}
    return operation(
        f"test_{setting.name}",
        f"{setting.title}: let each host try values that are not saved",
        done,
        (*ALWAYS, *BODY, "422"),
        requestBody=_body(setting),
        parameters=[*([MESSAGE] if setting.sends_mail else []), ref("parameters", "Prefer")],
    )


def _setting_tested(setting: Setting) -> Json:
    ticket = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
    done = {"200": answer("The answers so far.", _tested())}
    return {
        "parameters": [path_parameter("ticket", ticket)],
        "get": operation(
            f"tested_{setting.name}",
            f"{setting.title}: what the hosts have answered to a test so far",
            done,
            (*ALWAYS, "404"),
        ),
    }


def _tested() -> Json:
    return envelope("test", ref("schemas", "tested"))
