"""That a change was sent from a page of this panel, and not from another site's.

Two checks, both before any question of who may do what: where the request comes from,
as the browser says it, and the token that only a page of ours holds. They concern every
request that is authenticated by a cookie, and no other.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pyramid.exceptions import BadCSRFOrigin
from pyramid.interfaces import ICSRFStoragePolicy
from pyramid.viewderivers import INGRESS, csrf_view
from zope.interface import implementer

from mailpanel.cookies import FORM, give, read
from mailpanel.security import by_header

__all__ = ["TOKEN", "TokenStorage", "from_here", "includeme"]

TOKEN = "csrf_token"  # noqa: S105 (the name of a field)

View = Callable[[Any, Any], Any]

_NEW = "mailpanel.new_csrf_token"
_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


@implementer(ICSRFStoragePolicy)
class TokenStorage:
    """The token is the session's; before the log-in it is a cookie that the form repeats.

    Nobody else can set or read that cookie (:mod:`mailpanel.cookies`), so a form that repeats
    it is ours. A session for each stranger who looks at the log-in would let them fill
    the database.
    """

    def get_csrf_token(self, request: Any) -> str:
        """Return the token that a form on the page to be answered shall carry."""
        if request.panel_session is not None:
            token: str = request.panel_session.csrf_token
            return token
        given = read(request, FORM) or request.environ.get(_NEW)
        return given or self.new_csrf_token(request)

    def new_csrf_token(self, request: Any) -> str:
        """Give the browser a new token, for somebody who is not logged in."""
        token = secrets.token_urlsafe(32)
        request.environ[_NEW] = token

        def give_it(request: Any, response: Any) -> None:
            give(request, response, FORM, token)

        request.add_response_callback(give_it)
        return token

    def check_csrf_token(self, request: Any, supplied_token: str) -> bool:
        """Say whether *supplied_token* is the one of this browser's."""
        if request.panel_session is not None:
            expected = request.panel_session.csrf_token
        else:
            expected = read(request, FORM)
        return bool(expected) and hmac.compare_digest(
            expected.encode("utf-8", "replace"), supplied_token.encode("utf-8", "replace")
        )


def from_here(request: Any) -> bool:
    """Say whether the browser says that a page of this very origin has sent *request*.

    Sec-Fetch-Site is asked first: it is the browser's own word, and needs no Host, which a
    proxy may have changed. A browser sends it over TLS and to localhost; elsewhere the
    Origin is compared with the Host. What sends neither is no browser of the last years,
    and cannot be made to send a request by another site.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    try:
        return origin is None or urlsplit(origin).netloc == request.host
    except ValueError:
        return False


def same_origin_view(view: View, info: Any) -> View:
    """Return *view* behind the question of where an unsafe request comes from."""
    if info.exception_only:
        return view

    def checked(context: Any, request: Any) -> Any:
        if request.method not in _SAFE and not by_header(request) and not from_here(request):
            raise BadCSRFOrigin("The request comes from another site.")
        return view(context, request)

    return checked


def includeme(config: Any) -> None:
    """Check every unsafe request that a cookie could authenticate, before its permission."""
    config.set_csrf_storage_policy(TokenStorage())
    config.set_default_csrf_options(
        require_csrf=True,
        token=TOKEN,
        # Pyramid's own check of the origin is silent over plain HTTP and needs the Host.
        check_origin=False,
        callback=lambda request: not by_header(request),
    )
    config.add_view_deriver(csrf_view, "csrf_view", under=INGRESS, over="secured_view")
    config.add_view_deriver(same_origin_view, under=INGRESS, over="csrf_view")
