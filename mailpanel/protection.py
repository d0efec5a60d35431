"""What every answer tells the browser that it may do with it, and whom it takes a request for.

Pages, JSON, errors, files, and what the server says by itself before there is a request
(:mod:`mailpanel.cli._refusals`) all have these headers.
"""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["headers", "is_for", "transport_security"]

# What a page may do (W3C, CSP level 3): load its own style, script and pictures, ask this
# panel, send forms to it. No inline code, no frame round it. data: is for the marks that
# Bootstrap's style sheet draws with.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
    "frame-ancestors 'none'"
)
# JSON is no page: opened as one it may do nothing at all.
DATA_POLICY = (
    "default-src 'none'; form-action 'none'; base-uri 'none'; object-src 'none'; "
    "frame-ancestors 'none'; sandbox"
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: browsers would send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# RFC 9110, 7.2: a name or an address, an IPv6 one in brackets, and perhaps a port.
_HOST = re.compile(r"(?:\[([^\[\]]*)\]|([^\[\]:]*))(?::[0-9]*)?", re.ASCII)


def headers(*, is_page: bool) -> dict[str, str]:
    """Return the headers of a page, or of an answer for a program."""
    return {"Content-Security-Policy": PAGE_POLICY if is_page else DATA_POLICY, **ALWAYS}


def transport_security() -> dict[str, str]:
    """Return the header that keeps a browser to TLS, for this host and those below it, for a year.

    Over TLS alone: a browser does not listen to it elsewhere (RFC 6797, 7.2).
    """
    return {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


def is_for(host: str | None, allowed: Collection[str]) -> bool:
    """Say whether the ``Host`` header *host* names one of *allowed*; where that is empty, any does.

    *allowed* are lower case; an IPv6 address has no brackets there.
    """
    if not allowed:
        return True
    parts = _HOST.fullmatch((host or "").lower())
    return parts is not None and (parts[1] or parts[2] or "").removesuffix(".") in allowed
