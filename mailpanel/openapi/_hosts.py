"""The mail hosts in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailpanel import jsonschema
from mailpanel.bodies import Nothing, OnHost
from mailpanel.openapi._components import SCHEMAS
from mailpanel.openapi._operations import (
    ALWAYS,
    BODY,
    CHANGE,
    answer,
    empty,
    envelope,
    operation,
    path_parameter,
    ref,
    request,
)
from mailpanel.openapi._types import open_object
from mailpanel.settings import SETTINGS, Setting

__all__ = ["paths"]

Json = dict[str, Any]


def paths(settings: Mapping[str, Setting]) -> Json:
    """Return the paths."""
    return {
        "/hosts/": {"get": _list_hosts()},
        "/hosts/{host}/": _host(),
        "/hosts/{host}/put-back/": _put_back(),
        "/hosts/{host}/adopt/": _adopt(settings),
        "/hosts/{host}/flush/": _flush(),
    }


def _list_hosts() -> Json:
    hosts = {"type": "array", "items": ref("schemas", "host")}
    done = {"200": answer("All hosts.", envelope("hosts", hosts))}
    return operation("list_hosts", "The mail hosts", done)


def _host() -> Json:
    host = envelope("hosts", ref("schemas", "host"))
    return {
        "parameters": [path_parameter("host", {"type": "string"})],
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
