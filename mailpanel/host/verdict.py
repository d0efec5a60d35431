"""What smtp(8) says of a relay, read: through or not, and what to say of it.

Its words are those of Postfix 3.7 to 3.10 (smtp_connect.c, smtp_proto.c, smtp_sasl_glue.c);
``tests/host/test_own_probe.py`` hears them from the daemon at hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mailpanel.errors import ProbeFailed
from mailpanel.plan import PostfixRelays
from mailpanel.relay_words import (
    certificate_failure,
    is_locked,
    letter_failure,
    login_failure,
    printable,
    remark,
    reply_without,
    say,
)

__all__ = ["Outcome", "judge", "judge_letter"]

_TROUBLE = (
    (r"Network is unreachable|No route to host", "unreachable"),
    (r"Connection refused", "refused"),
    (r"Connection timed out", "timeout"),
    (r"Address family for hostname not supported|no data record of requested type", "no_family"),
    (r"Name service error|unable to look up host|name not found", "dns"),
    (r"TLS is required, but was not offered", "no_starttls"),
    (r"receiving the initial server greeting", "not_smtp"),
    (r"no mechanism available|No worthy mechs", "no_mechanism_here"),
    (r"refused to talk to me", "turned_away"),
    (r"\(in reply to (?:EHLO|HELO) ", "ehlo"),
    (r"loops back to myself", "this_host"),
)
_REPLY = re.compile(r"(?:said|refused to talk to me): ([45][0-9]{2})[ -].*")
_REASON = re.compile(r"certificate verification failed for [^ ]+: (.*)")
_IN_REPLY = re.compile(r" \(in reply to (?:end of )?([A-Z]+)[^()]*\)$")
_LETTER = ("MAIL", "RCPT", "DATA")
# smtp(8)'s last figure is the time since it began to hand the message over: none before that.
_BEGUN = re.compile(r" delays=(?:[0-9.]+/){3}(?!0,)[0-9.]+, dsn=")
# A line that is cut is some 2,000 characters long. On a busy machine that figure is not zero where
# a log-in has failed, either.
_CUT, _LOGIN = 1000, "SASL authentication failed"
# Policy (RFC 3463, 3.8), or the usual words of servers that give no such code.
_POLICY = re.compile(r"\b5\.7\.[0-9]|relay|rcpthosts|denied", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What smtp(8) logged of one test: its last word, and all of the *log*.

    ``deliverable`` says whether the recipient was accepted, or the message taken.

    *password* is what must not be repeated, should the relay do so.
    """

    deliverable: bool
    says: str
    sender: str
    log: str = field(repr=False)
    password: str = field(default="", repr=False)


def judge(wanted: PostfixRelays, outcome: Outcome) -> str:
    """Return what to say of an *outcome* with which mail gets through.

    Raises :class:`ProbeFailed` for any other.
    """
    if outcome.deliverable:
        return remark("fine")
    words = _Words(wanted, outcome)
    if words.command in ("MAIL", "RCPT") or words.is_cut:
        return words.of_envelope()
    raise words.of_connection()


def judge_letter(wanted: PostfixRelays, outcome: Outcome) -> str:
    """Return what to say of a message that the relay has taken.

    Raises :class:`ProbeFailed` where it has not.
    """
    words = _Words(wanted, outcome)
    if outcome.deliverable:
        return remark("sent", recipient=wanted.message_to, said=words.said)
    about_letter = words.command in _LETTER or words.is_cut
    raise words.of_letter() if about_letter else words.of_connection()


class _Words:
    def __init__(self, wanted: PostfixRelays, outcome: Outcome) -> None:
        self._wanted = wanted
        self._outcome = outcome
        match = _IN_REPLY.search(outcome.says)
        self.command = match[1] if match else ""
        text = outcome.says[: match.start()] if match else outcome.says
        found = _REPLY.search(text)
        self._code = int(found[1]) if found else 0
        reply = text[found.start(1) :] if found else text
        self.said = reply_without(reply, wanted.username or "", outcome.password)
        # So long a reply that the line ends before it says to what: nothing else leaves it out.
        self.is_cut = (
            not match
            and len(outcome.says) > _CUT
            and not outcome.says.startswith(_LOGIN)
            and bool(found and _BEGUN.search(outcome.log))
        )

    def of_envelope(self) -> str:
        """Return what to say of a refused MAIL or RCPT; see the decision record for the rule."""
        said, account = self.said, self._wanted.username is not None
        if self._code == 530:
            raise self._say("wants_tls" if "STARTTLS" in said.upper() else "wants_account")
        if self._code < 500:
            return remark("greylisted", said=said)
        if account and "account" in said.lower() and is_locked(said):
            raise self._say("locked")
        of_sender = "sender" in said.lower() or (account and self.command == "MAIL")
        if not of_sender and _POLICY.search(said):
            raise self._say("no_relaying")
        of_sender = of_sender or self.command == "MAIL"
        key = "sender" if of_sender else "either" if self.is_cut else "recipient"
        return remark(key, sender=self._outcome.sender, said=said)

    def of_letter(self) -> ProbeFailed:
        """Return what to say of a message that was refused."""
        key = letter_failure(self.command, self._code, self.said)
        return self._say(key, sender=self._outcome.sender, recipient=self._wanted.message_to)

    def of_connection(self) -> ProbeFailed:
        """Return what to say where it did not come as far as MAIL."""
        says = self._outcome.says
        if says.startswith(_LOGIN) and self._code:
            return self._say(login_failure(self._code, self.said))
        if "Server certificate not" in says:
            reason = _REASON.search(self._outcome.log)
            said = printable(reason[1]) if reason else "Postfix does not say why"
            return self._say(certificate_failure(said), said=said)
        if says.startswith("Cannot start TLS"):
            plain = "wrong version number" in self._outcome.log
            return self._say("not_tls" if plain else "handshake")
        for pattern, key in _TROUBLE:
            if re.search(pattern, says):
                blocked = key == "timeout" and self._wanted.port == 25
                return self._say("port_25" if blocked else key)
        return self._say("other")

    def _say(self, key: str, **details: str) -> ProbeFailed:
        known = {
            "hostname": self._wanted.hostname,
            "port": self._wanted.port,
            "ca_option": self._wanted.ca_option,
            "said": self.said,
        }
        return say(key, **known | details)
