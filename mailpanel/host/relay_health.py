"""How a live relay fares, concluded from what log and queue tell of mail on its way there.

The sentences are those of a test of the relay: :mod:`mailpanel.relay_words` has them all.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mailpanel.errors import ProbeFailed
from mailpanel.host.relay_mail import Attempt, Hop, Tally
from mailpanel.host.verdict import Outcome, judge
from mailpanel.plan import PostfixRelays
from mailpanel.relay_words import remark, reply_without
from mailpanel.waiting_words import mail_that_waits

__all__ = ["Growth", "Judge", "Standing", "beside", "concluded", "told"]

# Whose business it is who writes to whom.
_ADDRESS = re.compile(r"<[^<>]*@[^<>]*>|[^\s<>()\"]+@[^\s<>()\"]+")
# What the relay itself has said, between what smtp(8) says of that.
_SAID = re.compile(
    r"^(?P<before>.*? (?:said|refused to talk to me|refused to start TLS): )"
    r"(?P<reply>(?P<code>[45][0-9]{2}(?:[ -][245]\.[0-9]{1,3}\.[0-9]{1,3})?).*?)"
    r"(?P<after> \(in reply to [^()]*\))?$"
)
_WITH_A_MESSAGE = re.compile(r" \(in reply to (?:MAIL|RCPT|DATA|end of DATA)\b")
# So many refusals one after the other that are of one message each are the relay's after all.
MANY = 3
# Looks, and messages, from which on a queue is one that grows.
LOOKS, GROWN = 5, 10


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the relay takes mail, as far as is known; ``says`` is what is wrong, or remarkable.

    ``since`` when, in seconds since the epoch.
    """

    ok: bool
    says: str | None
    since: float


class Judge:
    """Puts what smtp(8) says of *relay* into the words of a test.

    *password* is what must not be shown where the relay repeats it; where it is ``None`` it
    is not known, and of the relay's words no more is shown than the codes. *why* are the lines
    of the log that say why a certificate is not accepted, the oldest first.
    """

    def __init__(self, relay: PostfixRelays, password: str | None, why: Iterable[str] = ()) -> None:
        self._relay = relay
        self._password = password
        ours = [line for line in why if "failed for" not in line or f" {relay.hostname}[" in line]
        # The first that matches counts.
        self._log = "\n".join(reversed(ours))

    def __call__(self, reason: str) -> tuple[bool, str, bool]:
        """Return whether the relay takes mail in spite of *reason*, the sentence, and whether
        what is wrong is so for good."""
        found = _SAID.search(reason)
        said = self._fit_to_show(found) if found else ""
        if found:
            # A code alone is no reply without the blank.
            reason = f"{found['before']}{said} {found['after'] or ''}"
        reason = _ADDRESS.sub("<…>", reason)
        if found and found["code"].startswith("4") and _WITH_A_MESSAGE.search(reason):
            return True, remark("put_off", said=said), False
        try:
            outcome = Outcome(False, reason, "", self._log, self._password or "")
            return True, judge(self._relay, outcome), False
        except ProbeFailed as error:
            return False, str(error), not error.temporary

    def _fit_to_show(self, found: re.Match[str]) -> str:
        """Return the relay's reply without secret and addresses."""
        if self._password is None:
            return found["code"]
        reply = reply_without(found["reply"], self._relay.username or "", self._password)
        return _ADDRESS.sub("<…>", reply)


def concluded(before: Standing, attempts: Iterable[Attempt], judged: Judge, now: float) -> Standing:
    """Return how the relay stands after *attempts*, all at the relay: the last word counts."""
    standing, refusals = before, 0
    for attempt in attempts:
        if attempt.status == "sent":
            standing, refusals = _well(standing, now), 0
            continue
        through, says, for_good = judged(attempt.reason)
        refusals = 0 if through else refusals + 1
        # One message that bounces may be one that nobody takes.
        if not through and (attempt.status == "deferred" or for_good or refusals >= MANY):
            standing = _ill(standing, says, now)
    return standing


def beside(standing: Standing, tally: Tally, judged: Judge, now: float, *, log: bool) -> Standing:
    """Return how the relay stands beside what waits in the queue.

    Where it is well that is what most messages wait for that came since. Without a *log* that
    tells what gets through, one that nothing waits for is well again.
    """
    if not standing.ok:
        return standing if log or tally.waiting else _well(standing, now)
    if tally.reason is None:
        return Standing(True, None, standing.since)
    through, says, _ = judged(tally.reason)
    return Standing(True, says, standing.since) if through else _ill(standing, says, now)


def _well(before: Standing, now: float) -> Standing:
    return before if before.ok else Standing(True, None, now)


def _ill(before: Standing, says: str, now: float) -> Standing:
    return Standing(False, says, now if before.ok else before.since)


class Growth:
    """Whether ever more mail waits, over the last looks."""

    def __init__(self) -> None:
        self._counts: deque[int] = deque(maxlen=LOOKS)

    def add(self, count: int) -> bool:
        """Note how many wait now; say whether they have become many more, and at no look fewer."""
        self._counts.append(count)
        counts = list(self._counts)
        return counts == sorted(counts) and counts[-1] - counts[0] >= GROWN


def told(
    relay: Hop | None,
    standing: Standing,
    tally: Tally,
    *,
    growing: bool,
    complete: bool,
    log: str | None,
) -> dict[str, Any]:
    """Return what is told of all that, with a sentence on the mail that waits."""
    return {
        "relay": f"[{relay.hostname}]:{relay.port}" if relay else None,
        "ok": standing.ok,
        "says": standing.says,
        "since": _in_text(standing.since),
        "waiting": tally.waiting,
        "left_over": tally.left_over,
        "for_older": tally.for_older,
        "oldest": None if tally.oldest is None else _in_text(tally.oldest),
        "growing": growing,
        "complete": complete,
        "log": log,
        "mail": mail_that_waits(
            tally.waiting,
            tally.for_older,
            None if tally.oldest is None else datetime.fromtimestamp(tally.oldest, UTC),
            has_relay=tally.relay is not None,
            growing=growing,
            complete=complete,
        ),
    }


def _in_text(time: float) -> str:
    """Return *time* as RFC 3339 has it."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
