"""The mail that was on its way when a change was made: when all of it has gone."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["InFlight"]


class InFlight:
    """Follows the messages that the first look finds, each until it has left the queue once.

    One that is deferred and comes back later goes where the new configuration says, so it is
    not waited for: where no relay answers there are always some of them on their way. A message
    may be missed while it moves, so it has gone when looks *apart* seconds apart both say so.
    """

    def __init__(self, apart: float) -> None:
        self._apart = apart
        self._since: float | None = None
        # When each was first not there, of those that may still be.
        self._missed: dict[str, float | None] = {}

    def begin(self) -> None:
        """Forget all: another change has been made."""
        self._since = None
        self._missed = {}

    def has_gone(self, there: Collection[str], now: float) -> bool:
        """Say whether all is gone, where *there* is on its way at *now* (a monotonic clock's)."""
        if self._since is None:
            self._since = now
            self._missed = dict.fromkeys(there)
        for name, missed in list(self._missed.items()):
            gone_at = None if name in there else now if missed is None else missed
            self._missed[name] = gone_at
            if gone_at is not None and now - gone_at >= self._apart:
                del self._missed[name]
        return not self._missed and now - self._since >= self._apart
