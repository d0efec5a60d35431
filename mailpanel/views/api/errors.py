"""Every exception's answer, as a problem (RFC 9457).

The sentences for what the router and the checks refuse stand here; a service's
exception brings its own.
"""

from __future__ import annotations

from typing import Any

from pyramid.exceptions import PredicateMismatch
from pyramid.httpexceptions import HTTPException, HTTPForbidden, HTTPNotFound
from pyramid.view import exception_view_config, forbidden_view_config, notfound_view_config

from mailpanel.errors import (
    BadCredentials,
    Conflict,
    DatabaseAway,
    InvalidFields,
    MailpanelError,
    MalformedJson,
    NotFound,
    PreconditionFailed,
    Throttled,
)
from mailpanel.faults import explained, log_fault
from mailpanel.renderers import problem
from mailpanel.routes import allowed_methods, with_slash
from mailpanel.security import note_forbidden, note_throttled

__all__ = [
    "bad_credentials",
    "database_away",
    "forbidden",
    "http_exception",
    "invalid_fields",
    "not_found",
    "refused",
    "throttled",
    "unforeseen",
]

SENTENCES = {
    401: "Send your username and a token with HTTP Basic, or the token as a Bearer.",
    403: "This account or token may not do that.",
    404: "There is nothing at this URL.",
    405: "This URL does not know that method.",
    406: "The answer is application/json; accept that.",
    413: "The body may have at most 65,536 bytes.",
    415: "Send the body as application/json, in UTF-8.",
    500: "The fault is the server's; its log tells more.",
}
KINDS = {
    MalformedJson: (400, "malformed-json"),
    NotFound: (404, "not-found"),
    Conflict: (409, "conflict"),
    PreconditionFailed: (412, "precondition-failed"),
}
CHALLENGE = {"WWW-Authenticate": 'Basic realm="mailpanel", charset="UTF-8"'}


@exception_view_config(MalformedJson)
@exception_view_config(NotFound)
@exception_view_config(Conflict)
@exception_view_config(PreconditionFailed)
def refused(error: MailpanelError, _request: Any) -> Any:
    """Answer what says all in one sentence."""
    status, kind = KINDS[type(error)]
    return problem(status, str(error), kind)


@exception_view_config(InvalidFields)
def invalid_fields(error: InvalidFields, _request: Any) -> Any:
    """Answer with all wrong fields at once."""
    return problem(422, "One or more fields are wrong.", "invalid-fields", error.errors)


@exception_view_config(BadCredentials)
def bad_credentials(error: BadCredentials, _request: Any) -> Any:
    """Answer somebody whose password opens nothing."""
    return problem(401, str(error), "bad-credentials", headers=CHALLENGE)


@exception_view_config(Throttled)
def throttled(error: Throttled, request: Any) -> Any:
    """Answer somebody who guesses."""
    note_throttled(request)
    headers = {"Retry-After": str(error.retry_after)}
    return problem(429, str(error), "throttled", headers=headers)


@exception_view_config(DatabaseAway)
def database_away(error: DatabaseAway, _request: Any) -> Any:
    """Answer with what is known of the change."""
    stored = "The change may have been stored: GET first."
    change = stored if error.in_commit else "Nothing was changed."
    return problem(503, f"{error} {change}", "database-away", headers={"Retry-After": "5"})


@forbidden_view_config()
def forbidden(_error: HTTPForbidden, request: Any) -> Any:
    """Answer 401 to somebody unknown, 403 to anybody else."""
    if request.identity is None:
        return problem(401, SENTENCES[401], headers=CHALLENGE)
    note_forbidden(request)
    return problem(403, SENTENCES[403])


@notfound_view_config()
def not_found(error: HTTPNotFound, request: Any) -> Any:
    """Answer what the router found no view for: by 308, 405 or 404."""
    if isinstance(error, PredicateMismatch):
        return problem(405, SENTENCES[405], headers={"Allow": ", ".join(allowed_methods(request))})
    return with_slash(request) or problem(404, SENTENCES[404])


@exception_view_config(HTTPException)
def http_exception(error: HTTPException, _request: Any) -> Any:
    """Answer with our own sentence: Pyramid's may quote the request."""
    if error.status_int < 400:
        return error
    return problem(error.status_int, SENTENCES.get(error.status_int))


@exception_view_config(Exception)
def unforeseen(error: Exception, request: Any) -> Any:
    """Answer 500, log where it happened, and tell an administrator of a row that explains it."""
    log_fault(error, request)
    row = explained(request)
    return problem(500, row or SENTENCES[500], "broken-row" if row else None)
