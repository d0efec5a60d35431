"""What is checked of an API request before its view runs, in the order of the contract.

The router comes first (404, 405), then the security policy (429, 401, 403); these
follow it, and the body's own rules (400, 412, 422) are the view's and the services'.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pyramid.httpexceptions import (
    HTTPNotAcceptable,
    HTTPRequestEntityTooLarge,
    HTTPUnsupportedMediaType,
)

from mailpanel.renderers import JSON

__all__ = ["CHECKS", "LARGEST_BODY", "checked_view", "includeme"]

LARGEST_BODY = 65_536

# WebOb compares a range's parameters with the offer's, letter by letter.
_OFFERS = (JSON, f"{JSON};charset=utf-8", f"{JSON};charset=UTF-8")
_CONTENT_TYPE = re.compile(
    r'application/json[ \t]*(;[ \t]*charset=("?)utf-8\2[ \t]*)?', re.IGNORECASE
)

View = Callable[[Any, Any], Any]


def _object_exists(context: Any, _request: Any) -> None:
    context.find()


def _json_is_accepted(_context: Any, request: Any) -> None:
    # An empty header says nothing, though RFC 9110 would have it accept nothing.
    if request.headers.get("Accept", "").strip() and not request.accept.acceptable_offers(_OFFERS):
        raise HTTPNotAcceptable


def _body_is_small(_context: Any, request: Any) -> None:
    if not _reads_body(request):
        return
    # Not by Content-Length: a chunked body may come without one.
    body = request.body_file.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        raise HTTPRequestEntityTooLarge
    request.body = body


def _body_is_json(_context: Any, request: Any) -> None:
    if not _reads_body(request) or not request.body:
        return
    if not _CONTENT_TYPE.fullmatch(request.headers.get("Content-Type", "").strip()):
        raise HTTPUnsupportedMediaType


def _reads_body(request: Any) -> bool:
    return bool(request.method == "POST")


CHECKS = (_object_exists, _json_is_accepted, _body_is_small, _body_is_json)


def checked_view(view: View, info: Any) -> View:
    """Return *view* behind the checks, where it answers in JSON and names a resource."""
    if getattr(info.options.get("renderer"), "name", None) != "json" or info.exception_only:
        return view

    def checked(context: Any, request: Any) -> Any:
        for check in CHECKS:
            check(context, request)
        return view(context, request)

    return checked


def includeme(config: Any) -> None:
    """Run the checks just inside the permission's."""
    config.add_view_deriver(checked_view, under="secured_view", over="rendered_view")
