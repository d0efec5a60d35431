"""The panel's cookies: which there are, and what a browser may do with them.

Over TLS their names begin with ``__Host-``: a browser takes such a cookie from this very
host alone, over TLS and for every path (RFC 6265bis, 4.1.3.2), so no neighbouring host and
nobody on the wire can plant one. Over plain HTTP, as in the playground, there is no such
name; and as the scheme chooses the name, a cookie from there counts nowhere else.
"""

from __future__ import annotations

from typing import Any

__all__ = ["FORM", "MARK", "SESSION", "forget_session", "give", "read"]

SESSION = "mailpanel"
"""The session's id."""
FORM = "mailpanel-form"
"""What the form to log in repeats: there is no session yet to keep a CSRF token in."""
MARK = "mailpanel-browser"
"""That the owner of an account has used this browser (:class:`Opened`)."""

YEAR = 365 * 24 * 3600


def read(request: Any, name: str) -> str | None:
    """Return the cookie *name* of *request*, or ``None``, also where it is no text at all."""
    try:
        value: str | None = request.cookies.get(_name(request, name))
    except UnicodeDecodeError:
        return None
    return value


def give(request: Any, response: Any, name: str, value: str) -> None:
    """Have the browser keep *value*: the mark for a year, all others until it is closed.

    Lax, not Strict, since a link to the panel in a mail or a ticket would else lead to the
    log-in of somebody who is logged in. What changes anything asks for a token besides.
    """
    _set(request, response, name, value, YEAR if name == MARK else None)


def forget_session(request: Any, response: Any) -> None:
    """Have the browser forget the session; the mark stays."""
    _set(request, response, SESSION, "", 0)


def _set(request: Any, response: Any, name: str, value: str, max_age: int | None) -> None:
    response.set_cookie(
        _name(request, name),
        value,
        max_age=max_age,
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="Lax",
    )


def _name(request: Any, name: str) -> str:
    return f"__Host-{name}" if _is_secure(request) else name


def _is_secure(request: Any) -> bool:
    return bool(request.scheme == "https")
