"""What is checked of a request before its view runs; of the API's in the order of the contract.

The router comes first (404, 405), then the security policy (429, 401, 403); these
follow it, and the body's own rules (400, 412, 422) are the view's and the services'. Of a
page's form the body is looked at first of all, since the CSRF token stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from pyramid.httpexceptions import (
    HTTPBadRequest,
    HTTPNotAcceptable,
    HTTPRequestEntityTooLarge,
    HTTPUnsupportedMediaType,
)
from pyramid.viewderivers import INGRESS

from mailpanel.renderers import JSON
from mailpanel.security import by_header

__all__ = ["CHECKS", "LARGEST_BODY", "checked_view", "includeme", "readable_form_view"]

LARGEST_BODY = 65_536

# WebOb compares a range's parameters with the offer's, letter by letter.
_OFFERS = (JSON, f"{JSON};charset=utf-8", f"{JSON};charset=UTF-8")
_CONTENT_TYPE = re.compile(
    r'application/json[ \t]*(;[ \t]*charset=("?)utf-8\2[ \t]*)?', re.IGNORECASE
)

_FORM = re.compile(
    r"application/x-www-form-urlencoded[ \t]*(;[ \t]*charset=utf-8[ \t]*)?", re.IGNORECASE
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
    return bool(request.method in ("POST", "PATCH"))


def _form_is_readable(request: Any) -> None:
    if not _FORM.fullmatch(request.headers.get("Content-Type", "").strip()):
        raise HTTPUnsupportedMediaType
    try:
        text = request.body.decode("utf-8")
        fields = parse_qsl(text, keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise HTTPBadRequest from None
    # No form of ours has a name twice, and which of the two would count?
    if len({name for name, _ in fields}) < len(fields):
        raise HTTPBadRequest


CHECKS = (_object_exists, _json_is_accepted, _body_is_small, _body_is_json)


def checked_view(view: View, info: Any) -> View:
    """Return *view* behind the checks: a page's behind the first, the API's behind all."""
    if info.exception_only:
        return view
    is_json = getattr(info.options.get("renderer"), "name", None) == "json"

    def checked(context: Any, request: Any) -> Any:
        for check in CHECKS if is_json else CHECKS[:1]:
            check(context, request)
        return view(context, request)

    return checked


def readable_form_view(view: View, info: Any) -> View:
    """Return *view* behind the check of a form's body."""
    if info.exception_only:
        return view

    def checked(context: Any, request: Any) -> Any:
        if not by_header(request) and _reads_body(request):
            _body_is_small(context, request)
            _form_is_readable(request)
        return view(context, request)

    return checked


def includeme(config: Any) -> None:
    """Run the checks just inside the permission's, a form's before all else."""
    config.add_view_deriver(checked_view, under="secured_view", over="rendered_view")
    config.add_view_deriver(readable_form_view, under=INGRESS, over="csrf_view")
