"""What an ``Authorization`` header presents (RFC 7617, RFC 6750)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

__all__ = ["Credential", "presented"]

_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Credential:
    """A token, and with Basic the name of the account that it should belong to."""

    username: str | None
    token: str = field(repr=False)


def presented(header: str | None) -> Credential | None:
    """Return what *header* presents; ``None`` where there is none or it is malformed."""
    scheme, _, rest = (header or "").strip().partition(" ")
    if scheme.lower() == "basic":
        return _basic(rest.strip())
    if scheme.lower() == "bearer" and _TOKEN68.fullmatch(rest.strip()):
        return Credential(None, rest.strip())
    return None


def _basic(encoded: str) -> Credential | None:
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8")
    except ValueError:
        return None
    username, colon, token = text.partition(":")
    # RFC 7617 allows no control characters in either.
    if not colon or _CONTROL.search(text):
        return None
    return Credential(username, token)
