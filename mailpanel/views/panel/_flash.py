"""What follows a form: a redirect, and a sentence on the page that it leads to."""

from __future__ import annotations

from typing import Any

from mailpanel.routes import see_other

__all__ = ["lead", "refuse"]


def lead(request: Any, flash: str, route: str, **names: str) -> Any:
    """Return the redirect to the page of *route*, which shows *flash*."""
    request.sessions.keep(request.panel_session, flash=flash)
    return see_other(request.route_path(route, **names))


def refuse(request: Any, page: dict[str, Any], status: int = 422) -> dict[str, Any]:
    """Return *page*, which says what is wrong, as the answer of that *status*."""
    request.response.status_int = status
    return page
