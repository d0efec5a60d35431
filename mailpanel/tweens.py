"""What holds for every request, whatever answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.response import Response

from mailpanel import protection
from mailpanel.faults import log_fault
from mailpanel.renderers import problem
from mailpanel.security import by_header

__all__ = ["answered", "includeme", "known_host", "no_store", "protected", "readable_path"]

UNREADABLE = "The URL is not UTF-8."
UNANSWERABLE = "The fault is the server's; its log tells more."
MISDIRECTED = "This server has no such name; the option mailpanel.allowed_hosts says which it has."
# Not by a template: they all ask for the path, which may not be readable.
PLAIN_PAGE = (
    '<!doctype html>\n<html lang="en"><head><title>mailpanel</title></head>'
    "<body><h1>{title}</h1><p>{sentence}</p></body></html>\n"
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
            return _plain(request, 400, "Bad request", UNREADABLE, "path")
        return handler(request)

    return tween


def answered(handler: Handler, _registry: Any) -> Handler:
    """Answer 500 where even the page that tells of a fault meets one."""

    def tween(request: Any) -> Any:
        try:
            return handler(request)
        except Exception as error:  # noqa: BLE001 (nothing is left that could answer it)
            log_fault(error, request)
            return _plain(request, 500, "Something is wrong", UNANSWERABLE, None)

    return tween


def known_host(handler: Handler, registry: Any) -> Handler:
    """Answer 421 (RFC 9110, 15.5.20) to a request for a host that is not this one.

    A name that somebody else points at this address would else make their page and the
    panel one site to the browser, and a browser inside the network their way in.
    """

    def tween(request: Any) -> Any:
        if not protection.is_for(request.headers.get("Host"), registry.deployment.allowed_hosts):
            return _plain(request, 421, "Misdirected request", MISDIRECTED, None)
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


def protected(handler: Handler, _registry: Any) -> Handler:
    """Tell the browser what it may do with the answer; errors and files are answers too."""

    def tween(request: Any) -> Any:
        response = handler(request)
        response.headers.update(protection.headers(is_page=not by_header(request)))
        if request.scheme == "https":
            response.headers.update(protection.transport_security())
        return response

    return tween


def _plain(request: Any, status: int, title: str, sentence: str, kind: str | None) -> Response:
    if by_header(request):
        return problem(status, sentence, kind)
    text = PLAIN_PAGE.format(title=title, sentence=sentence)
    return Response(text, status=status, content_type="text/html", charset="UTF-8")


def includeme(config: Any) -> None:
    """Add all outside of Pyramid's exception views; the one added last is outermost."""
    config.add_tween("mailpanel.tweens.answered")
    config.add_tween("mailpanel.tweens.readable_path")
    config.add_tween("mailpanel.tweens.known_host")
    config.add_tween("mailpanel.tweens.protected")
    config.add_tween("mailpanel.tweens.no_store")
