"""The mails that mailpanel itself sends: to one address, of fixed words, marked as a program's."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from textwrap import fill

__all__ = ["Letter", "as_bytes", "is_address", "letter", "sender_of", "test_letter"]

# What every server and every command takes as it stands, without quotes.
ADDRESS = re.compile(r"[A-Za-z0-9._+][A-Za-z0-9._+-]*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
WIDTH = 72
# A server may not take 8-bit text (RFC 6152).
_POLICY = SMTP.clone(cte_type="7bit")

TEST_SUBJECT = "A test of mailpanel's"
TEST_TEXT = (
    "An administrator of {host_name} tests a mail server in mailpanel's panel and had this "
    "message sent to see whether mail arrives through it.",
    "It arrived. There is nothing else to do.",
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail; ``date`` is in seconds since the epoch.

    Sent twice it has the same ``message_id``, by which a mail program knows it again.
    """

    sender: str
    recipient: str
    subject: str
    text: str = field(repr=False)
    message_id: str
    date: float


def letter(sender: str, recipient: str, subject: str, *paragraphs: str) -> Letter:
    """Return a new letter of *paragraphs*."""
    text = "\n\n".join(fill(each, WIDTH) for each in paragraphs)
    place = sender.rpartition("@")[2]
    message_id = f"<{secrets.token_hex(12)}.mailpanel@{place}>"
    return Letter(sender, recipient, subject, f"{text}\n", message_id, time.time())


def test_letter(sender: str, recipient: str, host_name: str) -> Letter:
    """Return the message that a test sends, if it is to send one."""
    paragraphs = (each.format(host_name=host_name) for each in TEST_TEXT)
    return letter(sender, recipient, TEST_SUBJECT, *paragraphs)


def as_bytes(wanted: Letter) -> bytes:
    """Return *wanted* as it travels (RFC 5322)."""
    message = EmailMessage(_POLICY)
    message["From"] = wanted.sender
    message["To"] = wanted.recipient
    message["Subject"] = wanted.subject
    message["Date"] = formatdate(wanted.date)
    message["Message-ID"] = wanted.message_id
    # No holiday notice comes back (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(wanted.text)
    return bytes(message)


def is_address(text: str) -> bool:
    """Say whether mail can go to *text* as it stands."""
    return len(text) <= LONGEST_ADDRESS and ADDRESS.fullmatch(text) is not None


def sender_of(username: str | None, host_name: str) -> str:
    """Return from whom mail goes out with the account *username*: its name, if it is an address."""
    if username and is_address(username):
        return username
    return (
        f"mailpanel@{host_name}" if is_address(f"mailpanel@{host_name}") else "mailpanel@localhost"
    )
