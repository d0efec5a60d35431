"""How often a daemon is made to read its configuration, and a new value tried, at most.

A change waits while its daemon has only just read one; what comes meanwhile takes its place,
so that a storm of revisions is a reload now and then. The first one waits for nothing.
"""

from __future__ import annotations

import time

from mailpanel.host.transaction import PUT_BACK, RELOAD

__all__ = ["MOST_FAILURES", "Pace"]

# Failures are what somebody learns from who scans or guesses by saving instead of testing.
MOST_FAILURES, WINDOW = 12, 60.0


class Pace:
    """*interval*, in seconds, lies between two reloads of one part of the host."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._reloaded: dict[str, float] = {}
        self._failed: list[float] = []

    def reloaded(self, part: str) -> None:
        """Take note that *part* reads its configuration now."""
        self._reloaded[part] = time.monotonic()

    def at_step(self, part: str, step: str) -> None:
        """Take note of *step* of a change of *part*, where it makes it read its configuration."""
        if step in {RELOAD, PUT_BACK}:
            self.reloaded(part)

    def failed(self) -> None:
        """Take note that a new value has failed."""
        self._failed = [*self._failed, time.monotonic()][-MOST_FAILURES:]

    def wait(self, part: str) -> float:
        """Return in how many seconds *part* may be changed; 0 for now."""
        now = time.monotonic()
        until = self._reloaded.get(part, now - self._interval) + self._interval
        if len(self._failed) == MOST_FAILURES:
            until = max(until, self._failed[0] + WINDOW)
        return max(until - now, 0.0)
