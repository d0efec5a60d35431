"""Logging in, in one step or two, and out."""

from __future__ import annotations

from typing import Any

from pyramid.renderers import render_to_response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config, view_defaults

from mailpanel.cookies import MARK, SESSION, forget_session, give
from mailpanel.errors import BadCredentials, Throttled
from mailpanel.routes import see_other
from mailpanel.security import HalfWay, visitor
from mailpanel.views.panel._codes import WRONG_CODE, try_again, typed_code
from mailpanel.views.panel._draft import Draft, as_fields, carried, page_path
from mailpanel.words import _, sentences

__all__ = ["CodeViews", "LogInViews", "log_in_page", "log_out"]

WRONG = _("The username or the password is wrong, or this account has no password to log in with.")


def log_in_page(
    path: str, username: str = "", draft: Draft | None = None, error: str | None = None
) -> dict[str, Any]:
    """Return what the form to log in shows; it leads on to *path*."""
    return {
        "title": _("Log in"),
        "next": path,
        "username": username,
        "fields": as_fields(draft),
        "error": error,
    }


def code_page(
    path: str, ticket: str, draft: Draft | None, error: str | None = None
) -> dict[str, Any]:
    """Return what the form that asks for the code shows; it leads on to *path*."""
    return {
        "title": _("Second factor"),
        "next": path,
        "ticket": ticket,
        "fields": as_fields(draft),
        "error": error,
    }


class _LogInForms:
    """What the two forms share; what was typed elsewhere before is carried through them."""

    def __init__(self, _context: Any, request: Any) -> None:
        self.request = request
        self.path = page_path(request.POST.get("next", ""))

    @property
    def draft(self) -> Draft | None:
        return carried(self.request.POST)

    @property
    def kept(self) -> dict[str, Any]:
        """Return what the first page of the session shows."""
        return {"draft": self.draft} if self.draft else {}

    def opened(self, opened: Any) -> Any:
        """Return the redirect to where one came from, with the new session's cookies."""
        if self.request.panel_session is not None:
            self.request.sessions.log_out(self.request.panel_session, visitor(self.request))
        response = see_other(self.path)
        give(self.request, response, SESSION, opened.session_id)
        give(self.request, response, MARK, opened.mark)
        return response

    def throttled(self, error: Throttled) -> str:
        """Return the sentence for somebody who has to wait."""
        self.request.response.status_int = 429
        self.request.response.headers["Retry-After"] = str(error.retry_after)
        return sentences(str(error), try_again(error.retry_after))


@view_defaults(route_name="panel.log_in", permission=NO_PERMISSION_REQUIRED, renderer="log_in.pt")
class LogInViews(_LogInForms):
    """The form to log in."""

    @view_config(request_method="GET")
    def ask(self) -> Any:
        """Return the form, or go on where somebody is logged in already."""
        path = page_path(self.request.GET.get("next", ""))
        return see_other(path) if self.request.panel_session else log_in_page(path)

    @view_config(request_method="POST")
    def log_in(self) -> Any:
        """Log in, and go on where one came from, or first to the second factor."""
        username = self.request.POST.get("username", "")
        password = self.request.POST.get("password", "")
        try:
            opened = self.request.sessions.log_in(
                username, password, visitor(self.request), self.kept
            )
        except Throttled as error:
            return log_in_page(self.path, username, self.draft, self.throttled(error))
        if opened is None:
            self.request.response.status_int = 403
            return log_in_page(self.path, username, self.draft, WRONG)
        if isinstance(opened, HalfWay):
            page = code_page(self.path, opened.ticket, self.draft)
            return render_to_response(
                "log_in_code.pt", page, self.request, response=self.request.response
            )
        return self.opened(opened)


@view_defaults(
    route_name="panel.log_in_code", permission=NO_PERMISSION_REQUIRED, renderer="log_in_code.pt"
)
class CodeViews(_LogInForms):
    """The form that asks for the second factor; until it is right nobody is logged in."""

    @view_config(request_method="GET")
    def begin(self) -> Any:
        """Lead to the password, which comes first."""
        return see_other(self.request.route_path("panel.log_in"))

    @view_config(request_method="POST")
    def finish(self) -> Any:
        """Log in with the code, and go on where one came from."""
        posted = self.request.POST
        ticket, code = posted.get("ticket", ""), typed_code(posted)
        try:
            opened = self.request.sessions.finish(ticket, code, visitor(self.request), self.kept)
        except Throttled as error:
            return code_page(self.path, ticket, self.draft, self.throttled(error))
        except BadCredentials as error:
            return self._again(str(error))
        if opened is None:
            self.request.response.status_int = 403
            return code_page(self.path, ticket, self.draft, WRONG_CODE)
        return self.opened(opened)

    def _again(self, sentence: str) -> Any:
        self.request.response.status_int = 403
        page = log_in_page(self.path, draft=self.draft, error=sentence)
        return render_to_response("log_in.pt", page, self.request, response=self.request.response)


@view_config(route_name="panel.log_out", request_method="POST", permission=NO_PERMISSION_REQUIRED)
def log_out(_context: Any, request: Any) -> Any:
    """End the session."""
    if request.panel_session is not None:
        request.sessions.log_out(request.panel_session, visitor(request))
    response = see_other(request.route_path("panel.log_in"))
    forget_session(request, response)
    return response
