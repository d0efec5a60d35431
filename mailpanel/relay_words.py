"""What can be wrong with a relay, in the words of the person who has to mend it.

Both who try a relay choose from this table: the probe in :mod:`mailpanel.apply.probes`, and
Postfix itself, whose own words :mod:`mailpanel.host.verdict` reads.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from mailpanel.errors import ProbeFailed
from mailpanel.words import _, with_places

__all__ = [
    "FAILURES",
    "FLUSHED",
    "LEFT_WAITING",
    "NO_ACCOUNT",
    "OTHERS",
    "PORTS",
    "REMARKS",
    "certificate_failure",
    "has_plugin",
    "is_locked",
    "letter_failure",
    "login_failure",
    "printable",
    "remark",
    "reply_without",
    "say",
]

PORTS = _("Check the port: 465 is for TLS from the start, 587 for STARTTLS.")

# Nothing gets through. In braces stands what differs; ${said} is the server's reply.
FAILURES = {
    "dns": _("The name ${hostname} cannot be resolved. Check its spelling, and this host's DNS."),
    "no_family": _(
        "${hostname} has no address of the kind that Postfix here uses. Add the other kind "
        "to inet_protocols in main.cf, if this host has it, or use another relay."
    ),
    "refused": _(
        "${hostname}, port ${port}, cannot be reached: the connection is refused. Check name "
        "and port."
    ),
    "unreachable": _(
        "${hostname}, port ${port}, cannot be reached: this host has no way there. Check "
        "its network."
    ),
    "timeout": _(
        "${hostname}, port ${port}, cannot be reached: it does not answer. Check name and "
        "port, and the firewalls between."
    ),
    "port_25": _(
        "${hostname}, port 25, cannot be reached: it does not answer. Many networks block "
        "outgoing port 25; use the provider's port 587 or 465."
    ),
    "slow": _("${hostname}, port ${port}, is too slow: the log-in was not done within ${limit} s."),
    "turned_away": _("The relay turns this host away (${said})."),
    "ehlo": _("The relay refuses EHLO (${said})."),
    "not_smtp": _(
        "${hostname}, port ${port}, does not speak SMTP; it may want TLS from the start. ${ports}"
    ),
    "not_tls": _("${hostname}, port ${port}, does not speak TLS from the start. ${ports}"),
    "handshake": _(
        "${hostname}, port ${port}, does not speak TLS, or none that this host accepts. ${ports}"
    ),
    "no_starttls": _(
        "${hostname}, port ${port}, offers no STARTTLS, so the account would travel in "
        "clear. Use the provider's port for STARTTLS (587) or TLS (465)."
    ),
    "expired": _(
        "The certificate of ${hostname} is not accepted: it has expired. Its provider has to "
        "renew it; if it is none of today's, check this host's clock."
    ),
    "self_signed": _(
        "The certificate of ${hostname} is not accepted: it is self-signed. Have one "
        "issued by a CA, or set ${ca_option} to a file that holds this one too."
    ),
    "unknown_issuer": _(
        "The certificate of ${hostname} is not accepted: nobody here knows who issued "
        "it. Set ${ca_option} to the CA that issued it."
    ),
    "wrong_name": _(
        "The certificate of ${hostname} is not accepted: it is for another name. Use the "
        "name that the certificate is for."
    ),
    "certificate": _(
        "The certificate of ${hostname} is not accepted: ${said}. Use the name that the "
        "certificate is for, or set ${ca_option} to the CA that issued it."
    ),
    "no_mechanism": _(
        "The relay and this host have no way to log in in common: it offers ${offered}, "
        "Postfix here can use ${mechanisms}."
    ),
    "no_mechanism_mailer": _(
        "The server and mailpanel have no way to log in in common: it offers "
        "${offered}, system e-mails can use ${mechanisms}. Ask your provider for one of these."
    ),
    "no_mechanism_here": _(
        "The relay and this host have no way to log in in common. Test the "
        "setting to see what the relay offers; libsasl2-modules has the usual mechanisms."
    ),
    "missing_plugin": _(
        "The relay and this host have no way to log in in common: it offers "
        "${offered}, and Postfix here lacks the plugin. Install the package libsasl2-modules."
    ),
    "password": _(
        "The relay accepts the connection but refuses the password (${said}). Check the "
        "account at your provider; some want an app password."
    ),
    "locked": _(
        "The relay says that the account, or logging in with it, is locked or disabled "
        "(${said}). Have that changed at your provider before you try again."
    ),
    "not_now": _("The relay cannot check the password at the moment (${said})."),
    "not_here": _("The relay does not take a log-in here (${said}). ${ports}"),
    "broken_off": _("The relay broke the log-in off, or its answer is not SMTP."),
    "wants_account": _("The relay wants an account (${said}). Send username and password too."),
    "wants_tls": _("The relay takes mail over TLS alone (${said}). Choose STARTTLS."),
    "no_relaying": _(
        "The relay takes no mail for others from this host (${said}). Ask its provider "
        "to allow it, or use an account."
    ),
    "this_host": _(
        "${hostname}, port ${port}, is this host's own mail server, or bears its name: mail "
        "would go round in circles. Give the relay's name."
    ),
    "later": _(
        "The server does not take the message now (${said}), as one that greylists does. "
        "Nothing was sent."
    ),
    "sender_refused": _(
        "The server does not take mail from the sender ${sender} (${said}). Ask its "
        "provider to allow that address, or use an account whose name is an allowed one."
    ),
    "recipient_refused": _(
        "The server does not take mail to ${recipient} (${said}). Check that address."
    ),
    "letter_refused": _("The server refuses the message (${said}). Its provider knows why."),
    "letter_unanswered": _(
        "The server broke off while it took the message. It may arrive all the same, or not."
    ),
    "other": _("Postfix cannot send mail through ${hostname}, port ${port}: ${said}."),
}
# Trying the same again would do harm, as it locks accounts, or no good. Else it may help.
FOR_GOOD = frozenset(
    {
        "password",
        "locked",
        "wants_account",
        "sender_refused",
        "recipient_refused",
        "letter_refused",
    }
)

# Mail gets through, and there is something to know.
REMARKS = {
    "fine": _("Postfix itself gets as far as naming a recipient, and is accepted."),
    "sender": _(
        "The relay accepts this host, but not the sender ${sender} (${said}). Mail from the "
        "senders that your provider has allowed gets through."
    ),
    "greylisted": _(
        "The relay accepts this host, but puts the first mail off (${said}), as "
        "greylisting does. Postfix tries again by itself."
    ),
    "put_off": _("The relay puts mail off (${said}). Postfix tries again by itself."),
    "recipient": _("The relay accepts this host, but not the recipient of a test (${said})."),
    "either": _(
        "The relay accepts this host, but not the sender or the recipient of a test (${said})."
    ),
    "sent": _("The server has taken a message to ${recipient} (${said})."),
    "size": _(
        "The relay takes messages of up to ${limit} bytes, and message_size_limit in main.cf "
        "is ${own}: larger ones would bounce. Lower it to the relay's."
    ),
}

NO_ACCOUNT = _("The relay wants no account.")
LEFT_WAITING = _("The mail that waits was left waiting.")
FLUSHED = _("Postfix tries all mail that waits, now.")
OTHERS = (NO_ACCOUNT, LEFT_WAITING, FLUSHED)

# Replies to AUTH that say nothing about the account (RFC 4954, section 6).
_NOT_LOOKED_AT = frozenset({500, 501, 502, 503, 504, 521, 530, 538})
_LOCKED = re.compile(r"\b(un)?lock|disabled|suspend|deactivat|\bblocked\b|too many", re.IGNORECASE)
_CERTIFICATE = (
    (re.compile(r"has expired"), "expired"),
    (re.compile(r"in certificate chain|untrusted issuer|unable to get"), "unknown_issuer"),
    (re.compile(r"self[- ]signed"), "self_signed"),
    (re.compile(r"mismatch|not valid for"), "wrong_name"),
)
# Of Debian's package libsasl2-modules.
_PLUGINS = frozenset(
    {"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "SCRAM-SHA-1", "SCRAM-SHA-256"}
)
_LONGEST = 200
_SHORTEST_SECRET = 3
_SHORTEST_FOLDED = 5


def say(key: str, **details: Any) -> ProbeFailed:
    """Return the failure *key* of the table, with its *details*."""
    told = with_places(FAILURES[key], ports=PORTS, **details)
    return ProbeFailed(told, temporary=key not in FOR_GOOD)


def remark(key: str, **details: Any) -> str:
    """Return the remark *key* of the table, with its *details*."""
    return with_places(REMARKS[key], **details)


def login_failure(code: int, said: str) -> str:
    """Return the key for a refused AUTH: the reply's *code*, and what it *said*."""
    if code < 500:
        return "not_now"
    if code in _NOT_LOOKED_AT:
        return "not_here"
    return "locked" if is_locked(said) else "password"


def letter_failure(command: str, code: int, said: str) -> str:
    """Return the key for a letter that was refused in reply to *command*, ``MAIL``, ``RCPT`` or
    ``DATA``, with *code* and what the server *said*."""
    if code < 500:
        return "later"
    if "account" in said.lower() and is_locked(said):
        return "locked"
    if command == "MAIL" or "sender" in said.lower():
        return "sender_refused"
    return "recipient_refused" if command == "RCPT" else "letter_refused"


def is_locked(said: str) -> bool:
    """Say whether a reply tells of an account that is locked."""
    return bool(_LOCKED.search(said))


def certificate_failure(reason: str) -> str:
    """Return the key for OpenSSL's or Postfix's *reason* not to accept a certificate."""
    return next((key for pattern, key in _CERTIFICATE if pattern.search(reason)), "certificate")


def has_plugin(offered: Iterable[str]) -> bool:
    """Say whether there is a plugin for a mechanism of *offered* to be installed."""
    return not _PLUGINS.isdisjoint(offered)


def printable(text: str) -> str:
    """Return *text* on one line, printable, and short enough for a sentence."""
    clean = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(clean.split())[:_LONGEST].rstrip(".")


def reply_without(reply: str, username: str, password: str) -> str:
    """Return an SMTP *reply* to be shown, its code alone where it repeats what was sent to it."""
    pair = (username.encode(), password.encode())
    sent = [*pair, b"\0%b\0%b" % pair]
    echoes = [password, *(base64.b64encode(each).decode() for each in sent)]
    # Shorter ones occur by chance, and give nothing away.
    if any(len(echo) > _SHORTEST_SECRET and echo in reply for echo in echoes):
        return reply[:3]
    # Not the name's, which is no secret.
    folded = [_folded(echo) for echo in (echoes[0], *echoes[2:])]
    if any(len(echo) > _SHORTEST_FOLDED and echo in _folded(reply) for echo in folded):
        return reply[:3]
    return printable(reply)


def _folded(text: str) -> str:
    """Return what is left of *text* however it was quoted, percent-encoded, broken into lines or
    spelt: its letters and digits of ASCII. Postfix logs others as question marks at times."""
    return "".join(char for char in unquote(text).lower() if char.isascii() and char.isalnum())
