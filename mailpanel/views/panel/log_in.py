"""Logging in and out."""

from __future__ import annotations

from typing import Any

from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config, view_defaults

from mailpanel.cookies import MARK, SESSION, forget_session, give
from mailpanel.errors import Throttled
from mailpanel.routes import see_other
from mailpanel.security import visitor
from mailpanel.views.panel._draft import Draft, as_fields, carried, page_path

__all__ = ["LogInViews", "log_in_page", "log_out"]

WRONG = "The username or the password is wrong, or this account has no password to log in with."


def log_in_page(
    path: str, username: str = "", draft: Draft | None = None, error: str | None = None
) -> dict[str, Any]:
    """Return what the form to log in shows; it leads on to *path*."""
    return {
        "title": "Log in",
        "next": path,
        "username": username,
        "fields": as_fields(draft),
        "error": error,
    }


@view_defaults(route_name="panel.log_in", permission=NO_PERMISSION_REQUIRED, renderer="log_in.pt")
class LogInViews:
    """The form to log in; what was typed elsewhere before is carried through it."""

    def __init__(self, _context: Any, request: Any) -> None:
        self.request = request

    @view_config(request_method="GET")
    def ask(self) -> Any:
        """Return the form, or go on where somebody is logged in already."""
        path = page_path(self.request.GET.get("next", ""))
        return see_other(path) if self.request.panel_session else log_in_page(path)

    @view_config(request_method="POST")
    def log_in(self) -> Any:
        """Log in, and go on where one came from."""
        posted = self.request.POST
        path, username = page_path(posted.get("next", "")), posted.get("username", "")
        draft, password = carried(posted), posted.get("password", "")
        try:
            opened = self.request.sessions.log_in(
                username, password, visitor(self.request), {"draft": draft} if draft else {}
            )
        except Throttled as error:
            self.request.response.headers["Retry-After"] = str(error.retry_after)
            sentence = f"{error} Try again in {error.retry_after} seconds."
            return self._refused(429, log_in_page(path, username, draft, sentence))
        if opened is None:
            return self._refused(403, log_in_page(path, username, draft, WRONG))
        if self.request.panel_session is not None:
            self.request.sessions.log_out(self.request.panel_session, visitor(self.request))
        response = see_other(path)
        give(self.request, response, SESSION, opened.session_id)
        give(self.request, response, MARK, opened.mark)
        return response

    def _refused(self, status: int, page: dict[str, Any]) -> dict[str, Any]:
        self.request.response.status_int = status
        return page


@view_config(route_name="panel.log_out", request_method="POST", permission=NO_PERMISSION_REQUIRED)
def log_out(_context: Any, request: Any) -> Any:
    """End the session."""
    if request.panel_session is not None:
        request.sessions.log_out(request.panel_session, visitor(request))
    response = see_other(request.route_path("panel.log_in"))
    forget_session(request, response)
    return response
