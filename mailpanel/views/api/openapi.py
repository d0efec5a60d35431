"""The API's description, for anybody."""

from __future__ import annotations

from typing import Any

from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

from mailpanel.openapi import document

__all__ = ["openapi"]


@view_config(
    route_name="openapi",
    request_method="GET",
    permission=NO_PERMISSION_REQUIRED,
    renderer="json",
)
def openapi(_context: Any, _request: Any) -> dict[str, Any]:
    """Return the OpenAPI document."""
    return document()
