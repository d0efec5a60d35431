"""The style sheet, the script and the icon."""

from __future__ import annotations

from typing import Any

from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

from mailpanel.errors import NotFound
from mailpanel.words import _

__all__ = ["asset"]

FOR_EVER = "public, max-age=31536000, immutable"


@view_config(route_name="panel.asset", request_method="GET", permission=NO_PERMISSION_REQUIRED)
def asset(_context: Any, request: Any) -> Response:
    """Return a file; its URL has its digest, so it never changes."""
    found = request.registry.assets.get(request.matchdict["name"])
    if found is None or found.digest != request.matchdict["digest"]:
        raise NotFound(_("There is no such file."))
    # What says nothing may be unable to unpack it, whatever RFC 9110, 12.5.3 has.
    asked = "Accept-Encoding" in request.headers
    zipped = asked and bool(request.accept_encoding.acceptable_offers(["gzip"]))
    response = Response(found.zipped if zipped else found.plain)
    response.headers.update({"Content-Type": found.content_type, "Cache-Control": FOR_EVER})
    response.headers["Vary"] = "Accept-Encoding"
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    return response
