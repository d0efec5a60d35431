"""What follows a form: a redirect, and a sentence on the page that it leads to."""

from __future__ import annotations

from typing import Any

from mailpanel.routes import see_other

__all__ = ["lead", "leave", "refuse"]


def leave(request: Any, flash: str, **notes: Any) -> None:
    """Keep *flash* for the next page, in the language of this one, and *notes*."""
    request.sessions.keep(request.panel_session, flash=request.language.say(flash), **notes)


def lead(request: Any, flash: str, route: str, **names: str) -> Any:
    """Return the redirect to the page of *route*, which shows *flash*."""
    leave(request, flash)
    return see_other(request.route_path(route, **names))


def refuse(request: Any, page: dict[str, Any], status: int = 422) -> dict[str, Any]:
    """Return *page*, which says what is wrong, as the answer of that *status*."""
    request.response.status_int = status
    return page
