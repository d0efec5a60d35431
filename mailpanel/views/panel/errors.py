"""Every exception's answer to people, as a page: the twins of those in views/api/errors.py."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pyramid.exceptions import BadCSRFOrigin, BadCSRFToken, PredicateMismatch
from pyramid.httpexceptions import HTTPException, HTTPForbidden, HTTPNotFound
from pyramid.renderers import render_to_response
from pyramid.view import exception_view_config, forbidden_view_config, notfound_view_config

from mailpanel.errors import (
    Conflict,
    DatabaseAway,
    InvalidFields,
    NotFound,
    PreconditionFailed,
    Throttled,
)
from mailpanel.faults import explained, log_fault
from mailpanel.routes import allowed_methods, see_other, with_slash
from mailpanel.security import note_forbidden, note_forged, note_throttled
from mailpanel.views.panel._draft import draft_of, page_path, way_back
from mailpanel.views.panel._flash import leave
from mailpanel.views.panel.log_in import log_in_page
from mailpanel.words import _, sentences

__all__ = [
    "another_site",
    "database_away",
    "forbidden",
    "http_exception",
    "invalid_fields",
    "not_found",
    "refused",
    "stale",
    "throttled",
    "unforeseen",
]

TITLES = {
    400: _("This request cannot be read"),
    403: _("This is not for your account"),
    404: _("There is nothing here"),
    405: _("This is not done that way"),
    409: _("This cannot be done"),
    412: _("Somebody was quicker"),
    413: _("That is too much"),
    415: _("This is no form"),
    422: _("This cannot be saved"),
    429: _("Too many tries"),
    500: _("Something went wrong"),
    503: _("The database is away"),
}
SENTENCES = {
    400: _("Go back, load the page again and repeat what you did."),
    403: _("The settings are for accounts of the level MasterAdmin."),
    404: _("The address may have been mistyped, or what stood here is gone."),
    405: _("Go back to the page that you came from, and use its buttons."),
    413: _("A form holds at most 65,536 bytes. Nothing was saved."),
    415: _("Use the forms of this panel. Nothing was saved."),
    500: _("The fault is the server's; its log tells more. What you sent may not be saved."),
}
STATUS: dict[type[Exception], int] = {NotFound: 404, Conflict: 409, PreconditionFailed: 412}
LOGGED_OUT = _(
    "You are not logged in any more. Nothing was saved; what you typed is kept, but for "
    "passwords, until you have logged in."
)
NO_COOKIE = _(
    "This page was too old, or your browser keeps no cookies for this panel. Please try again."
)
OTHER_LOG_IN = _(
    "You have logged in anew since this page was loaded. Nothing was saved: look, and save."
)


def _page(request: Any, status: int, text: str, **headers: str) -> dict[str, Any]:
    request.response.status_int = status
    request.response.headers.update(headers)
    return {"title": TITLES.get(status, _("This did not work")), "text": text, "status": status}


@exception_view_config(NotFound, for_people=True, renderer="error.pt")
@exception_view_config(Conflict, for_people=True, renderer="error.pt")
@exception_view_config(PreconditionFailed, for_people=True, renderer="error.pt")
def refused(error: Exception, request: Any) -> Any:
    """Answer what says all in one sentence."""
    return _page(request, STATUS[type(error)], str(error))


@exception_view_config(InvalidFields, for_people=True, renderer="error.pt")
def invalid_fields(error: InvalidFields, request: Any) -> Any:
    """Answer what is wrong where there is no form to say it beside."""
    return _page(request, 422, sentences(*(each.detail for each in error.errors)))


@exception_view_config(Throttled, for_people=True, renderer="error.pt")
def throttled(error: Throttled, request: Any) -> Any:
    """Answer somebody who guesses."""
    note_throttled(request)
    return _page(request, 429, str(error), **{"Retry-After": str(error.retry_after)})


@exception_view_config(DatabaseAway, for_people=True, renderer="error.pt")
def database_away(error: DatabaseAway, request: Any) -> Any:
    """Answer with what is known of the change."""
    stored = _("The change may have been saved: look before you repeat it.")
    change = stored if error.in_commit else _("Nothing was changed.")
    return _page(request, 503, sentences(str(error), change), **{"Retry-After": "5"})


@exception_view_config(BadCSRFOrigin, for_people=True, renderer="error.pt")
def another_site(_error: BadCSRFOrigin, request: Any) -> Any:
    """Refuse what another site's page has sent."""
    note_forged(request, "origin")
    page = _page(request, 403, _("Another site has sent this. Nothing was changed."))
    return page | {"title": _("This was not sent from the panel")}


@exception_view_config(BadCSRFToken, for_people=True, renderer="log_in.pt")
def stale(_error: BadCSRFToken, request: Any) -> Any:
    """Answer a form of ours whose session has ended, by a log-in that leads back to it."""
    if request.matched_route.name in ("panel.log_in", "panel.log_in_code"):
        return _log_in_again(request)
    if request.panel_session is None:
        return _log_in_first(request)
    note_forged(request, "token")
    draft = draft_of(request)
    leave(request, OTHER_LOG_IN, draft=draft or {})
    return see_other(way_back(request, draft))


@forbidden_view_config(for_people=True, renderer="error.pt")
def forbidden(_error: HTTPForbidden, request: Any) -> Any:
    """Lead somebody unknown to the log-in, and tell anybody else."""
    if request.identity is None and request.method == "POST":
        page = _log_in_first(request)
        return render_to_response("log_in.pt", page, request, response=request.response)
    if request.identity is None:
        path = quote(request.path_qs, safe="/")
        return see_other(f"{request.route_path('panel.log_in')}?next={path}")
    if request.identity.has_to_enrol:
        return see_other(request.route_path("panel.second_factor"))
    note_forbidden(request)
    return _page(request, 403, SENTENCES[403])


@notfound_view_config(for_people=True, renderer="error.pt")
def not_found(error: HTTPNotFound, request: Any) -> Any:
    """Answer what the router found no view for: by 308, 405 or 404."""
    if isinstance(error, PredicateMismatch):
        return _page(request, 405, SENTENCES[405], Allow=", ".join(allowed_methods(request)))
    return with_slash(request) or _page(request, 404, SENTENCES[404])


@exception_view_config(HTTPException, for_people=True, renderer="error.pt")
def http_exception(error: HTTPException, request: Any) -> Any:
    """Answer with our own sentence: Pyramid's may quote the request."""
    if error.status_int < 400:
        return error
    return _page(request, error.status_int, SENTENCES.get(error.status_int, ""))


@exception_view_config(Exception, for_people=True, renderer="error.pt")
def unforeseen(error: Exception, request: Any) -> Any:
    """Answer 500, log where it happened, and tell an administrator of a row that explains it."""
    log_fault(error, request)
    return _page(request, 500, explained(request) or SENTENCES[500])


def _log_in_first(request: Any) -> Any:
    request.response.status_int = 403
    draft = draft_of(request)
    return log_in_page(way_back(request, draft), draft=draft, error=LOGGED_OUT)


def _log_in_again(request: Any) -> Any:
    """Answer a log-in from an old page; somebody may have logged in on another one since."""
    path = page_path(request.POST.get("next", ""))
    if request.panel_session is not None:
        return see_other(path)
    request.response.status_int = 403
    return log_in_page(path, request.POST.get("username", ""), error=NO_COOKIE)
