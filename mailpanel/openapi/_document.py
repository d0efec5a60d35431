"""The OpenAPI 3.1 document of the API, made from the settings' own schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mailpanel.openapi import _clearing, _histories, _hosts, _people, _settings
from mailpanel.openapi._components import (
    DESCRIPTION,
    HEADERS,
    PARAMETERS,
    PROBLEMS,
    SCHEMAS,
    SECURITY_SCHEMES,
)
from mailpanel.openapi._operations import answer, operation, problem
from mailpanel.settings import SETTINGS, Setting

__all__ = ["document"]

Json = dict[str, Any]


def document(settings: Mapping[str, Setting] = SETTINGS) -> Json:
    """Return the OpenAPI document for *settings*."""
    schemas = {**SCHEMAS, **_people.SCHEMAS, **_clearing.SCHEMAS}
    paths = _settings.of_all(settings)
    for setting in settings.values():
        schemas |= _settings.schemas(setting) | _histories.schemas(setting)
        paths |= _settings.paths(setting)
    paths |= _hosts.paths(settings) | _clearing.paths() | _people.paths()
    paths["/openapi.json"] = {"get": _openapi()}
    made = {
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
    # Of types that any reader of JSON has, and no sentence that knows of languages.
    plain: Json = json.loads(json.dumps(made))
    return plain


def _openapi() -> Json:
    done = {"200": answer("This document.", {"type": "object"})}
    return operation("openapi", "This document, for anybody", done, ("406",), security=[])
