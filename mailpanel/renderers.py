"""Answers in JSON: the things asked for, and problems (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pyramid.response import Response

from mailpanel import jsonform
from mailpanel.errors import FieldError

__all__ = ["JSON", "PROBLEM", "Json", "includeme", "problem"]

JSON = "application/json"
PROBLEM = "application/problem+json"


class Json:
    """Renders what a view returns; ``None`` is 204, without a body."""

    def __init__(self, _info: Any) -> None:
        pass

    def __call__(self, value: Any, system: dict[str, Any]) -> bytes | None:
        """Return *value* as JSON, and set up ``request.response`` for it."""
        response = system["request"].response
        if value is None:
            response.status_int = 204
            # RFC 9110, 8.6: 204 has no Content-Length either.
            del response.content_type
            del response.content_length
            return None
        response.headers["Content-Type"] = JSON
        return jsonform.dumps(value)


def problem(
    status: int,
    detail: str | None = None,
    kind: str | None = None,
    errors: list[FieldError] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the one shape that every error has.

    *kind* is the last part of ``type``, for a client to tell problems apart that share
    a status; without it the status says all. *detail* and *errors* are for people and
    must hold neither a rejected value nor a path.
    """
    content: dict[str, Any] = {
        "type": f"/problems/{kind}" if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
    }
    if detail is not None:
        content["detail"] = detail
    if errors is not None:
        content["errors"] = [{"field": error.field, "detail": error.detail} for error in errors]
    response = Response(jsonform.dumps(content), status=status, headerlist=[])
    response.headers.update({"Content-Type": PROBLEM, **(headers or {})})
    response.content_length = len(response.body)
    return response


def includeme(config: Any) -> None:
    """Put the renderer ``json`` in the place of Pyramid's."""
    config.add_renderer("json", Json)
