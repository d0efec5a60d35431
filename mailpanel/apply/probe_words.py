"""What a server's answer comes to, in the words of a probe of it."""

from __future__ import annotations

from typing import TypeGuard

import aiosmtplib

from mailpanel.errors import ProbeFailed
from mailpanel.plan import SmtpLogin
from mailpanel.relay_words import printable, say

__all__ = ["failed", "is_refusal", "reply_of"]


def is_refusal(error: BaseException) -> TypeGuard[aiosmtplib.SMTPResponseException]:
    """Say whether *error* is a proper SMTP reply that refuses, and so may be repeated."""
    return isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code < 600


def reply_of(error: aiosmtplib.SMTPResponseException) -> str:
    """Return what the server has said, fit to be shown."""
    return printable(f"{error.code} {error.message}")


def failed(key: str, probe: SmtpLogin, **details: str) -> ProbeFailed:
    """Return the failure *key* of :mod:`mailpanel.relay_words`, told of *probe*'s server."""
    known = {"hostname": probe.hostname, "port": probe.port, "ca_option": probe.ca_option}
    return say(key, **known | details)
