"""The OpenAPI 3.1 document of the API, made from the settings' own schemas.

Each registered setting has paths of its own, so that its body and its value are
described exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailpanel import __version__, jsonschema
from mailpanel._components import (
    DESCRIPTION,
    HEADERS,
    PARAMETERS,
    PROBLEM_HEADERS,
    PROBLEMS,
    SCHEMAS,
    SECURITY_SCHEMES,
    STATUSES,
)
from mailpanel.settings import SETTINGS, Setting

__all__ = ["document"]

Json = dict[str, Any]

JSON = "application/json"

ALWAYS = ("401", "403", "406", "429", "503")
CHANGE = ("412", "422")
BODY = ("400", "413", "415")


def document(settings: Mapping[str, Setting] = SETTINGS) -> Json:
    """Return the OpenAPI document for *settings*."""
    schemas = dict(SCHEMAS)
    paths: Json = {"/settings/": {"get": _list_settings(settings)}}
    for setting in settings.values():
        schemas |= _setting_schemas(setting)
        paths[f"/settings/{setting.name}/"] = _setting(setting)
        paths[f"/settings/{setting.name}/status/"] = {"get": _setting_status(setting)}
    paths["/hosts/"] = {"get": _list_hosts()}
    paths["/hosts/{host}/"] = _host()
    paths["/openapi.json"] = {"get": _openapi()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "mailpanel", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": "/api/v1"}],
        "security": [{"basic": []}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": {status: _problem(status) for status in PROBLEMS},
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
    state = _envelope("settings", _ref("schemas", f"{setting.name}.state"))
    resetting = _envelope("settings", _ref("schemas", f"{setting.name}.resetting"))
    changes = {"parameters": [_ref("parameters", name) for name in PARAMETERS]}
    body = {
        "required": not setting.generates,
        "content": {
            JSON: {"schema": _ref("schemas", setting.name), "example": dict(setting.example)}
        },
    }
    return {
        "get": _operation(
            f"get_{setting.name}",
            f"{setting.title}: the desired value",
            {"200": _json("It is set.", state, "ETag"), "204": _empty("It is not set.")},
        ),
        "post": _operation(
            f"set_{setting.name}",
            f"{setting.title}: set or update",
            {"200": _json("It is stored.", state, "ETag", "Preference-Applied")},
            (*ALWAYS, *BODY, *CHANGE),
            description=setting.description,
            requestBody=body,
            **changes,
        ),
        "delete": _operation(
            f"reset_{setting.name}",
            f"{setting.title}: reset to what was there before mailpanel",
            {
                "200": _json("The reset is stored.", resetting, "Preference-Applied"),
                "204": _empty("There is nothing to reset, or no more.", "Preference-Applied"),
            },
            (*ALWAYS, *CHANGE),
            **changes,
        ),
    }


def _list_settings(settings: Mapping[str, Setting]) -> Json:
    states = [_ref("schemas", f"{name}.state") for name in settings]
    answer = _envelope("settings", {"type": "array", "items": {"oneOf": states}})
    done = {"200": _json("Those in the token's scope.", answer)}
    return _operation("list_settings", "All settings that are set", done)


def _setting_status(setting: Setting) -> Json:
    done = {"200": _json("The status.", _envelope("status", _ref("schemas", "status")))}
    return _operation(
        f"status_{setting.name}", f"{setting.title}: how far each host is with it", done
    )


def _list_hosts() -> Json:
    hosts = {"type": "array", "items": _ref("schemas", "host")}
    done = {"200": _json("All hosts.", _envelope("hosts", hosts))}
    return _operation("list_hosts", "The mail hosts", done)


def _host() -> Json:
    host = _envelope("hosts", _ref("schemas", "host"))
    name = {"name": "host", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "parameters": [name],
        "get": _operation(
            "get_host", "One mail host", {"200": _json("It.", host)}, (*ALWAYS, "404")
        ),
        "delete": _operation(
            "forget_host",
            "Forget a mail host that is gone; one that lives checks in again",
            {"204": _empty("It is forgotten.")},
            (*ALWAYS, "404"),
        ),
    }


def _openapi() -> Json:
    done = {"200": _json("This document.", {"type": "object"})}
    return _operation("openapi", "This document, for anybody", done, ("406",), security=[])


def _operation(
    name: str, summary: str, done: Json, problems: tuple[str, ...] = ALWAYS, **more: Any
) -> Json:
    responses = done | {status: _ref("responses", status) for status in sorted(problems)}
    return {"operationId": name, "summary": summary, **more, "responses": responses}


def _json(description: str, schema: Json, *headers: str) -> Json:
    return {**_empty(description, *headers), "content": {JSON: {"schema": schema}}}


def _empty(description: str, *headers: str) -> Json:
    names = ("Cache-Control", *headers)
    return {"description": description, "headers": {name: _ref("headers", name) for name in names}}


def _problem(status: str) -> Json:
    headers = [PROBLEM_HEADERS[status]] if status in PROBLEM_HEADERS else []
    content = {"application/problem+json": {"schema": _ref("schemas", "problem")}}
    return {**_empty(PROBLEMS[status], *headers), "content": content}


def _envelope(key: str, content: Json) -> Json:
    return {
        "type": "object",
        "required": [key],
        "properties": {key: content},
        "additionalProperties": False,
    }


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}
