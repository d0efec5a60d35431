"""Logging in to a server that is probed: as the daemon would, or asking whether it must be."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from functools import partial

import aiosmtplib

from mailpanel.apply.probe_words import failed, is_refusal
from mailpanel.errors import ProbeFailed
from mailpanel.plan import SmtpLogin
from mailpanel.relay_words import has_plugin, login_failure, printable, reply_without

__all__ = ["ask_without_account", "log_in"]


async def log_in(probe: SmtpLogin, client: aiosmtplib.SMTP, username: str, password: str) -> str:
    """Log in by the mechanism that the daemon would choose; return what to say of it."""
    offered = {name.upper() for name in client.server_auth_methods}
    common = offered & set(probe.mechanisms)
    methods: dict[str, Callable[[str, str], Awaitable[object]]] = {
        "PLAIN": client.auth_plain,
        "LOGIN": partial(_auth_login, client),
        "CRAM-MD5": client.auth_crammd5,
    }
    if not common:
        raise _nothing_in_common(probe, offered)
    # Cyrus prefers what does not show the password, and has more of these than this client.
    if not probe.decides and common - methods.keys():
        return f"Postfix's own way to log in: {', '.join(sorted(common - methods.keys()))}."
    order = sorted(common & methods.keys(), key=lambda name: _order(name, probe.decides))
    try:
        await methods[order[0]](username, password)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise _not_logged_in(probe, error) from None
    return f"The relay accepts the account ({order[0]})."


def _order(mechanism: str, decides: bool) -> int:
    known = ["PLAIN", "LOGIN", "CRAM-MD5"]
    return known.index(mechanism) if decides or mechanism != "CRAM-MD5" else -1


def _nothing_in_common(probe: SmtpLogin, offered: set[str]) -> ProbeFailed:
    shown = printable(", ".join(sorted(offered)) or "none")
    if not probe.decides and has_plugin(offered):
        return failed("missing_plugin", probe, offered=shown)
    mechanisms = ", ".join(probe.mechanisms)
    key = "no_mechanism_mailer" if probe.decides else "no_mechanism"
    return failed(key, probe, offered=shown, mechanisms=mechanisms)


async def ask_without_account(probe: SmtpLogin, client: aiosmtplib.SMTP) -> None:
    """Say from whom, and take it back: a relay that wants an account says so then (RFC 4954, 6).

    Postfix bounces mail that is answered with 530.
    """
    try:
        reply = await client.execute_command(b"MAIL FROM:<>")
        await client.rset()
    except (aiosmtplib.SMTPException, OSError):
        raise ProbeFailed("The relay ends the connection when it is offered mail.") from None
    if reply.code == 530:
        raise failed("wants_account", probe, said=printable(f"{reply.code} {reply.message}"))


async def _auth_login(client: aiosmtplib.SMTP, username: str, password: str) -> None:
    """Log in by LOGIN as Cyrus does: the name has a line of its own, as some servers demand."""
    words = (b"AUTH LOGIN", *(base64.b64encode(text.encode()) for text in (username, password)))
    for word, expected in zip(words, (334, 334, 235), strict=True):
        reply = await client.execute_command(word)
        if reply.code != expected:
            raise aiosmtplib.SMTPAuthenticationError(reply.code, reply.message)


def _not_logged_in(probe: SmtpLogin, error: Exception) -> ProbeFailed:
    if not is_refusal(error):
        return failed("broken_off", probe)
    reply = f"{error.code} {error.message}"
    said = reply_without(reply, probe.username or "", probe.password or "")
    return failed(login_failure(error.code, said), probe, said=said)
