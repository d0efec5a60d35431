"""When a setting is tried: in its turn, once it is due, and not sooner than its daemon can bear."""

from __future__ import annotations

import time
from dataclasses import dataclass

from mailpanel.apply.beliefs import HIGHEST_REVISION
from mailpanel.apply.pace import Pace
from mailpanel.host.state import Record
from mailpanel.reports import Desired

__all__ = ["Attempts", "Turns", "out_of_turn"]

LONGEST_PAUSE = 3600.0
# A database that a host has not heard of for long does not get further than that.
LARGEST_STEP = 1_000_000
# Far past the longest pause; a host may fail for years.
MOST_DOUBLINGS = 30


@dataclass(slots=True)
class Attempts:
    """How often the same has failed, and until when it rests.

    That is *pause*, in seconds, after the first time, then twice that, and so on.
    """

    pause: float
    failures: int = 0
    until: float = 0.0

    def failed(self, most: float = LONGEST_PAUSE) -> float:
        """Take note of one more; return for how many seconds it rests, *most* at most."""
        doublings = min(self.failures, MOST_DOUBLINGS)
        rest = min(self.pause * 2.0**doublings, LONGEST_PAUSE, most)
        self.failures += 1
        self.until = time.monotonic() + rest
        return rest

    def succeeded(self) -> None:
        """Take note that nothing is wrong any more."""
        self.failures, self.until = 0, 0.0

    @property
    def rests(self) -> bool:
        """Say whether it is too early for another one."""
        return time.monotonic() < self.until


class Turns:
    """When each setting is tried next.

    *pause* is in seconds: a failure that may pass is tried again after it, then after twice
    that, and so on. *pace* says how soon a daemon may read its configuration once more.
    """

    def __init__(self, pause: float, pace: Pace) -> None:
        self._pause = pause
        self._pace = pace
        # Of the revision that was tried last.
        self._attempts: dict[str, tuple[int, Attempts]] = {}
        self._waiting: dict[str, float] = {}

    def is_due(self, wanted: Desired, record: Record, bounds: str) -> bool:
        """Say whether there is something to do for *wanted*, and it is not too early for it.

        *bounds* is what root's options allow: where it has changed what is live is made anew.
        """
        if wanted.revision != record.revision:
            return True
        if record.status == "applied":
            bounds_differ = not wanted.reset and record.bounds != bounds
            return bounds_differ or 0 < record.effective_from <= time.time()
        if record.status == "failed" and not record.retry:
            return False
        revision, attempts = self._attempts.get(wanted.setting, (0, Attempts(self._pause)))
        return record.status != "settling" and (revision != wanted.revision or not attempts.rests)

    def must_wait(self, part: str) -> bool:
        """Say whether *part* has read its configuration only just; take note if so."""
        self._waiting.pop(part, None)
        if wait := self._pace.wait(part):
            self._waiting[part] = time.monotonic() + wait
        return wait > 0

    def waits(self) -> float | None:
        """Return for how many seconds a change that is due waits for a reload before it.

        ``None`` where none does. What has become due since it was last tried waits no longer, which
        is told once: the next try takes note of it anew.
        """
        now = time.monotonic()
        waits = [max(until - now, 0.0) for until in self._waiting.values()]
        self._waiting = {part: until for part, until in self._waiting.items() if until > now}
        return min(waits, default=None)

    def failed(self, tried: Record, *, soon: bool) -> float:
        """Take note that *tried* has failed; return in how many seconds it is tried again.

        *soon* says that to look once more costs little, so that it is done by the next
        periodic check.
        """
        revision, attempts = self._attempts.get(tried.setting, (0, Attempts(self._pause)))
        if revision != tried.revision:
            attempts = Attempts(self._pause)
            self._pace.failed()
        self._attempts[tried.setting] = tried.revision, attempts
        return attempts.failed(self._pause / 2) if soon else attempts.failed()

    def made(self, setting: str) -> None:
        """Take note that *setting* is as it shall be."""
        self._attempts.pop(setting, None)


def out_of_turn(wanted: Desired, record: Record) -> str | None:
    """Return why *wanted* is a revision that no change led to, ``None`` where one may have."""
    if wanted.revision < max(record.highest, 1):
        return (
            f"The database offers revision {wanted.revision}, and this host has already seen "
            f"revision {record.highest}. Save the setting once more."
        )
    if wanted.revision > min(record.highest + LARGEST_STEP, HIGHEST_REVISION):
        # After it none could be counted any more.
        return (
            f"The database offers a revision that is far above {record.highest}, the highest "
            "that this host has seen. Bring the database back from a backup."
        )
    return None
