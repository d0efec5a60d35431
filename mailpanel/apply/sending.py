"""One letter handed to a server in which somebody is logged in, and what it says to it."""

from __future__ import annotations

import aiosmtplib

from mailpanel.errors import ProbeFailed
from mailpanel.letters import Letter, as_bytes
from mailpanel.plan import SmtpLogin
from mailpanel.relay_words import letter_failure, remark, reply_without, say

__all__ = ["hand_over"]


async def hand_over(client: aiosmtplib.SMTP, account: SmtpLogin, letter: Letter) -> str:
    """Let the server at *client* take *letter*; return its answer, which has its queue id.

    Raises :class:`ProbeFailed`, ``temporary`` where the same may be taken later.
    """
    command = "MAIL"
    try:
        await client.mail(letter.sender)
        command = "RCPT"
        await client.rcpt(letter.recipient)
        command = "DATA"
        reply = await client.data(as_bytes(letter))
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _not_taken(account, letter, command, error) from None
    said = _said(account, f"{reply.code} {reply.message}")
    return remark("sent", recipient=letter.recipient, said=said)


def _not_taken(account: SmtpLogin, letter: Letter, command: str, error: Exception) -> ProbeFailed:
    if not isinstance(error, aiosmtplib.SMTPResponseException) or not 400 <= error.code < 600:
        return say("letter_unanswered")
    said = _said(account, f"{error.code} {error.message}")
    key = letter_failure(command, error.code, said)
    return say(key, said=said, sender=letter.sender, recipient=letter.recipient)


def _said(account: SmtpLogin, reply: str) -> str:
    return reply_without(reply, account.username or "", account.password or "")
