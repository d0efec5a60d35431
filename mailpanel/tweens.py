"""What holds for every request, whatever answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.response import Response

from mailpanel.renderers import problem
from mailpanel.security import by_header

__all__ = ["includeme", "no_store", "page_headers", "readable_path"]

# What a page may do in the browser (W3C, CSP level 3): load its own style, script and
# pictures, ask this panel, send forms to it. No inline code, no frame round it. data: is
# for the marks that Bootstrap's style sheet draws with.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: browsers would send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# Over TLS alone: a browser does not listen to it elsewhere (RFC 6797, 7.2).
TRANSPORT_SECURITY = "max-age=31536000"

UNREADABLE = "The URL is not UTF-8."
PLAIN_PAGE = (
    '<!doctype html>\n<html lang="en"><head><title>mailpanel</title></head>'
    f"<body><h1>Bad request</h1><p>{UNREADABLE}</p></body></html>\n"
)

Handler = Callable[[Any], Any]


def readable_path(handler: Handler, _registry: Any) -> Handler:
    """Answer 400 where the URL is not UTF-8: Pyramid lets that exception out."""

    def tween(request: Any) -> Any:
        try:
            request.path_info  # noqa: B018 (decoded when it is read)
            if not by_header(request):
                request.GET  # noqa: B018 (so is this)
        except UnicodeDecodeError:
            if by_header(request):
                return problem(400, UNREADABLE, "path")
            # Not by a template: they all ask for the path.
            return Response(PLAIN_PAGE, status=400, content_type="text/html", charset="UTF-8")
        return handler(request)

    return tween


def no_store(handler: Handler, _registry: Any) -> Handler:
    """Let nothing keep an answer, errors included: values and states change by themselves.

    But for what says itself that it never changes.
    """

    def tween(request: Any) -> Any:
        response = handler(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return tween


def page_headers(handler: Handler, _registry: Any) -> Handler:
    """Tell the browser what a page of ours may do; errors are pages too."""

    def tween(request: Any) -> Any:
        response = handler(request)
        if not by_header(request):
            response.headers.update(PAGE_HEADERS)
            if request.scheme == "https":
                response.headers["Strict-Transport-Security"] = TRANSPORT_SECURITY
        return response

    return tween


def includeme(config: Any) -> None:
    """Add all outside of Pyramid's exception views; the one added last is outermost."""
    config.add_tween("mailpanel.tweens.readable_path")
    config.add_tween("mailpanel.tweens.page_headers")
    config.add_tween("mailpanel.tweens.no_store")
