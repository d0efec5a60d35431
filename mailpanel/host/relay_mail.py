"""What Postfix's log and queue tell of mail on its way to a relay, read and counted.

The lines of ``postqueue -j`` are as postqueue(1) has them ("JSON OBJECT FORMAT"), those of
the log as smtp(8), error(8) and retry(8) of Postfix 3.7 to 3.10 write them. Senders and
servers have a hand in both, so nothing of them is taken that is not of the very form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["Attempt", "Hop", "Queued", "Tally", "attempt_of", "named_hop", "queued_of"]

# How many different reasons are told apart; a relay may put a number of its own in each.
MOST_REASONS = 500
# What differs from message to message in a reason that is the same: numbers and identifiers.
# With as many dots as a relay likes one expression for both would take long.
_WORD = re.compile(r"[0-9A-Za-z_+/=.-]{4,}")
_IDENTIFIER, _NUMBER = re.compile(r"[0-9].{7}"), re.compile(r"[0-9]{4,}")
# Set before the reason by qmgr(8) for mail that it has not even tried.
_SUSPENDED = "delivery temporarily suspended: "
# From the line's start: what stands behind the first process's number others may have chosen, as
# the whole of a Message-ID, which cleanup(8) logs. Addresses are in external form (RFC 5321,
# 4.1.2): what a sender has put between quotes is in quotes.
_ATTEMPT = re.compile(
    r"^(?:[^\[\]]* )?[^ \[\]]+/(?:smtp|error|retry)\[[0-9]+\]: (?P<id>[0-9A-Za-z]+): "
    r'to=<(?:"(?:\\.|[^"\\])*")?[^<>"]*>, (?:orig_to=<(?:"(?:\\.|[^"\\])*")?[^<>"]*>, )?'
    r"relay=(?P<relay>[^, ]+), (?:conn_use=[0-9]+, )?delay=[0-9.]+, delays=[0-9./]+, "
    r"dsn=[0-9.]+, status=(?P<status>sent|deferred|bounced) \((?P<reason>.*)\)$"
)
_HOST = re.compile(r"(?:^|[ =])([^\s\[\]()<>,;=]+)\[(?:[0-9A-Fa-f.:]+|unknown)\](?::([0-9]{1,5}))?")
_LOOKED_UP = re.compile(
    r"(?:Name service error for name=|unable to look up host |mail for )([^\s:\[]+)"
)
# From here on the server has the word.
_ITS_WORDS = re.compile(r" (?:said|refused to talk to me|refused to start TLS): ")
# Those of smtp(8) that name no server.
_NAMELESS = ("Server certificate not", "Cannot start TLS")


class Hop(NamedTuple):
    """A next hop: a server, and its port where that is known (0 else)."""

    hostname: str
    port: int

    def is_also(self, other: Hop) -> bool:
        """Say whether *other* may be the same; a port that is not known is no difference."""
        same_port = self.port == other.port or not (self.port and other.port)
        return self.hostname.lower() == other.hostname.lower() and same_port


@dataclass(frozen=True, slots=True)
class Attempt:
    """One recipient of one message, tried: ``status`` is ``sent``, ``deferred`` or ``bounced``."""

    queue_id: str
    hop: Hop | None
    status: str
    reason: str

    def is_at(self, relay: Hop) -> bool:
        """Say whether it was *relay* that was tried, or is to be blamed."""
        if self.hop is None:
            return self.reason.startswith(_NAMELESS)
        return self.hop.is_also(relay)


@dataclass(frozen=True, slots=True)
class Queued:
    """One message that waits, since *arrived* (seconds since the epoch), and why."""

    queue_id: str
    arrived: int
    reasons: frozenset[str]


def attempt_of(line: str) -> Attempt | None:
    """Return what a *line* of the log tells of a delivery; ``None`` where it tells of none."""
    found = _ATTEMPT.match(line)
    if found is None:
        return None
    reason = found["reason"].removeprefix(_SUSPENDED)
    hop = _hop(_HOST.match(found["relay"])) or named_hop(reason)
    return Attempt(found["id"], hop, found["status"], reason)


def queued_of(line: str) -> Queued | None:
    """Return the deferred message that a *line* of ``postqueue -j`` tells of.

    ``None`` for one in another queue, and for a line that is not of that form.
    """
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("queue_name") != "deferred":
        return None
    queue_id, arrived = told.get("queue_id"), told.get("arrival_time")
    if not isinstance(queue_id, str) or type(arrived) is not int:
        return None
    return Queued(queue_id, arrived, frozenset(_reasons(told.get("recipients"))))


def named_hop(reason: str) -> Hop | None:
    """Return the server that *reason*, as smtp(8) gives it, names; ``None`` where it names none."""
    own = _ITS_WORDS.split(reason, maxsplit=1)[0]
    if looked_up := _LOOKED_UP.search(own):
        return Hop(looked_up[1].lower(), 0)
    return _hop(_HOST.search(own))


def _hop(found: re.Match[str] | None) -> Hop | None:
    return Hop(found[1].lower(), int(found[2] or 0)) if found else None


def _without_own(word: re.Match[str]) -> str:
    return "…" if _IDENTIFIER.search(word[0]) else _NUMBER.sub("…", word[0])


def _reasons(recipients: Any) -> list[str]:
    each = recipients if isinstance(recipients, list) else []
    given = (one.get("delay_reason") for one in each if isinstance(one, dict))
    return [reason.removeprefix(_SUSPENDED) for reason in given if isinstance(reason, str)]


@dataclass(slots=True)
class Tally:
    """Counts the mail that waits for *relay*, and for one of the *older* ones.

    *tried* tells, by queue id, where a message was tried whose reason names no server. What
    came before *since* (seconds since the epoch) is ``left_over``, and its reasons do not count.
    """

    relay: Hop | None
    older: Collection[Hop] = ()
    tried: Mapping[str, Hop] = field(default_factory=dict)
    since: float = 0.0
    waiting: int = 0
    left_over: int = 0
    for_older: int = 0
    oldest: int | None = None
    _reasons: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, queued: Queued) -> None:
        """Count one message: once, however many recipients it has."""
        hops = {reason: self._hop_of(queued, reason) for reason in queued.reasons}
        of_relay = [reason for reason, hop in hops.items() if self._is_relay(hop)]
        if of_relay:
            self._wait(queued, of_relay)
        elif any(hop and any(hop.is_also(each) for each in self.older) for hop in hops.values()):
            self.for_older += 1
            self._note_oldest(queued)

    @property
    def reason(self) -> str | None:
        """Return the reason that most messages have, ``None`` where there is none."""
        return max(self._reasons.values(), default=(0, None))[1]

    def _hop_of(self, queued: Queued, reason: str) -> Hop | None:
        hop = named_hop(reason)
        if hop is None and reason.startswith(_NAMELESS):
            return self.tried.get(queued.queue_id, self.relay)
        return hop

    def _is_relay(self, hop: Hop | None) -> bool:
        return hop is not None and self.relay is not None and hop.is_also(self.relay)

    def _wait(self, queued: Queued, reasons: list[str]) -> None:
        self.waiting += 1
        self._note_oldest(queued)
        # The queue counts in whole seconds.
        if queued.arrived < int(self.since):
            self.left_over += 1
        if queued.arrived < self.since:
            return
        for reason in reasons:
            key = _WORD.sub(_without_own, reason)
            if key in self._reasons or len(self._reasons) < MOST_REASONS:
                count, first = self._reasons.get(key, (0, reason))
                self._reasons[key] = (count + 1, first)

    def _note_oldest(self, queued: Queued) -> None:
        self.oldest = min(queued.arrived, self.oldest or queued.arrived)
