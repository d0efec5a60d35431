"""What the operations of the OpenAPI document are put together from."""

from __future__ import annotations

from typing import Any

from mailpanel.openapi._components import PROBLEM_HEADERS, PROBLEMS

__all__ = [
    "ALWAYS",
    "BODY",
    "CHANGE",
    "JSON",
    "answer",
    "empty",
    "envelope",
    "operation",
    "path_parameter",
    "problem",
    "ref",
    "request",
]

Json = dict[str, Any]

JSON = "application/json"

# The problems of every operation, of one that changes a setting, of one with a body.
ALWAYS = ("401", "403", "406", "429", "503")
CHANGE = ("412", "422")
BODY = ("400", "413", "415")


def operation(
    name: str, summary: str, done: Json, problems: tuple[str, ...] = ALWAYS, **more: Any
) -> Json:
    """Return an operation that answers *done*, or one of *problems*."""
    # Whatever is asked for may be asked of another host.
    problems = (*problems, "421")
    responses = done | {status: ref("responses", status) for status in sorted(problems)}
    return {"operationId": name, "summary": summary, **more, "responses": responses}


def request(schema: Json, example: Json) -> Json:
    """Return a body that has to be sent."""
    return {"required": True, "content": {JSON: {"schema": schema, "example": example}}}


def path_parameter(name: str, schema: Json) -> Json:
    """Return a part of a path."""
    return {"name": name, "in": "path", "required": True, "schema": schema}


def answer(description: str, schema: Json, *headers: str) -> Json:
    """Return a response with a body."""
    return {**empty(description, *headers), "content": {JSON: {"schema": schema}}}


def empty(description: str, *headers: str) -> Json:
    """Return a response without one."""
    names = ("Cache-Control", *headers)
    return {"description": description, "headers": {name: ref("headers", name) for name in names}}


def problem(status: str) -> Json:
    """Return a response that tells what is wrong."""
    headers = [PROBLEM_HEADERS[status]] if status in PROBLEM_HEADERS else []
    content = {"application/problem+json": {"schema": ref("schemas", "problem")}}
    return {**empty(PROBLEMS[status], *headers), "content": content}


def envelope(key: str, content: Json, **more: Json) -> Json:
    """Return an object with *content* under *key*, and *more* beside it."""
    return {
        "type": "object",
        "required": [key, *more],
        "properties": {key: content, **more},
        "additionalProperties": False,
    }


def ref(kind: str, name: str) -> Json:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}
