"""The OpenAPI 3.1 document of the API, made from the settings' own schemas.

Each registered setting has paths of its own, so that its body and its value are
described exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailpanel import _histories, _people, jsonschema
from mailpanel._components import (
    DESCRIPTION,
    HEADERS,
    MESSAGE,
    PARAMETERS,
    PROBLEMS,
    SCHEMAS,
    SECURITY_SCHEMES,
    STATUSES,
    open_object,
)
from mailpanel._operations import (
    ALWAYS,
    BODY,
    CHANGE,
    JSON,
    answer,
    empty,
    envelope,
    operation,
    path_parameter,
    problem,
    ref,
    request,
)
from mailpanel.bodies import Nothing, OnHost
from mailpanel.settings import SETTINGS, Setting

__all__ = ["document"]

Json = dict[str, Any]


def document(settings: Mapping[str, Setting] = SETTINGS) -> Json:
    """Return the OpenAPI document for *settings*."""
    schemas = {**SCHEMAS, **_people.SCHEMAS}
    paths: Json = {"/settings/": {"get": _list_settings(settings)}}
    for setting in settings.values():
        schemas |= _setting_schemas(setting)
        paths[f"/settings/{setting.name}/"] = _setting(setting)
        schemas |= _histories.schemas(setting)
        paths |= _histories.paths(setting)
        paths[f"/settings/{setting.name}/status/"] = {"get": _setting_status(setting)}
        paths[f"/settings/{setting.name}/test/"] = {"post": _setting_test(setting)}
        paths[f"/settings/{setting.name}/test/{{ticket}}/"] = _setting_tested(setting)
    paths["/hosts/"] = {"get": _list_hosts()}
    paths["/hosts/{host}/"] = _host()
    paths["/hosts/{host}/put-back/"] = _put_back()
    paths["/hosts/{host}/adopt/"] = _adopt(settings)
    paths["/hosts/{host}/flush/"] = _flush()
    paths |= _people.paths()
    paths["/openapi.json"] = {"get": _openapi()}
    return {
        "openapi": "3.1.0",
        # Of the API: which mailpanel this is, a stranger need not know.
        "info": {"title": "mailpanel", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": "/api/v1"}],
        "security": [{"basic": []}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": {status: problem(status) for status in PROBLEMS},
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _setting_schemas(setting: Setting) -> Json:
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
        "parameters": [{"name": "ticket", "in": "path", "required": True, "schema": ticket}],
        "get": operation(
            f"tested_{setting.name}",
            f"{setting.title}: what the hosts have answered to a test so far",
            done,
            (*ALWAYS, "404"),
        ),
    }


def _tested() -> Json:
    return envelope("test", ref("schemas", "tested"))


def _list_hosts() -> Json:
    hosts = {"type": "array", "items": ref("schemas", "host")}
    done = {"200": answer("All hosts.", envelope("hosts", hosts))}
    return operation("list_hosts", "The mail hosts", done)


def _put_back() -> Json:
    done = {
        "200": answer(
            "What the host answers.",
            envelope("put_back", ref("schemas", "put_back")),
            "Preference-Applied",
        )
    }
    return {
        "parameters": [path_parameter("host", {"type": "string"})],
        "post": operation(
            "put_back",
            "Apply a setting once more on one host, over what somebody edited there",
            done,
            (*ALWAYS, *BODY, "404", "422"),
            requestBody=request(jsonschema.of_request(OnHost()), {"setting": next(iter(SETTINGS))}),
            parameters=[ref("parameters", "Prefer")],
        ),
    }


def _adopt(settings: Mapping[str, Setting]) -> Json:
    states = [ref("schemas", f"{name}.state") for name in settings]
    adopted = {
        "description": "What is stored, with its status; null where the host has not answered.",
        "oneOf": [*states, {"type": "null"}],
    }
    answered = SCHEMAS["put_back"]["properties"] | {"settings": adopted}
    done = {
        "200": answer(
            "What the host answers, and what is stored.",
            envelope("adopt", open_object(answered)),
            "Preference-Applied",
        )
    }
    return {
        "parameters": [path_parameter("host", {"type": "string"})],
        "post": operation(
            "adopt",
            "Take what stands on one host as the new desired value of a setting",
            done,
            (*ALWAYS, *BODY, *CHANGE, "404", "409"),
            requestBody=request(jsonschema.of_request(OnHost()), {"setting": next(iter(settings))}),
            parameters=[ref("parameters", "Prefer")],
        ),
    }


def _flush() -> Json:
    answered = envelope("flush", ref("schemas", "flush"))
    return {
        "parameters": [path_parameter("host", {"type": "string"})],
        "post": operation(
            "flush",
            "Let one host try the mail that waits for its relay, once that takes mail",
            {"200": answer("What the host answers.", answered, "Preference-Applied")},
            (*ALWAYS, *BODY, "404", "422"),
            requestBody=request(jsonschema.of_request(Nothing()), {}),
            parameters=[ref("parameters", "Prefer")],
        ),
    }


def _host() -> Json:
    host = envelope("hosts", ref("schemas", "host"))
    name = {"name": "host", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "parameters": [name],
        "get": operation(
            "get_host", "One mail host", {"200": answer("It.", host)}, (*ALWAYS, "404")
        ),
        "delete": operation(
            "forget_host",
            "Forget a mail host that is gone; one that lives checks in again",
            {"204": empty("It is forgotten.")},
            (*ALWAYS, "404"),
        ),
    }


def _openapi() -> Json:
    done = {"200": answer("This document.", {"type": "object"})}
    return operation("openapi", "This document, for anybody", done, ("406",), security=[])
