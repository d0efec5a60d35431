"""The courier's part of clearing: it claims a run for the executor, and writes what came of it."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

from mailpanel.apply.faults import Complaints
from mailpanel.apply.messages import (
    ClearingClaimed,
    ClearingDue,
    ClearingTold,
    ClearingUnderWay,
)
from mailpanel.errors import DatabaseAway
from mailpanel.services.claimed_clearings import ClaimedClearings

__all__ = ["ClearingPost"]

WHAT = "the clearings"


class ClearingPost:
    """Passes on what the executor says of its runs; nothing is lost while the database is away."""

    def __init__(self, clearings: ClaimedClearings, complaints: Complaints) -> None:
        self._clearings = clearings
        self._complaints = complaints
        # The last word on each run, and under 0 which of them is under way.
        self._untold: dict[int, ClearingTold | ClearingUnderWay] = {}

    def claimed(self, due: ClearingDue) -> ClearingClaimed | None:
        """Return the answer to *due*; ``None`` while the database is away: it is asked anew."""
        with suppress(DatabaseAway), self._complaints.about(WHAT):
            # Else a run that has ended would be taken for the one that is asked for.
            self.write()
            if due.day is None:
                return ClearingClaimed(due.number, self._clearings.claim_asked(due.errand))
            day = date.fromisoformat(due.day)
            return ClearingClaimed(due.number, self._clearings.claim_day(day))
        return None

    def take(self, message: ClearingTold | ClearingUnderWay) -> None:
        """Take what is to be written."""
        key = message.run if isinstance(message, ClearingTold) else 0
        self._untold[key] = message

    def write(self) -> None:
        """Write it, in the order in which it came; raises :class:`DatabaseAway`."""
        for key, message in list(self._untold.items()):
            with self._complaints.about(WHAT):
                self._write(message)
            if self._untold[key] is message:
                del self._untold[key]

    def _write(self, message: ClearingTold | ClearingUnderWay) -> None:
        if isinstance(message, ClearingUnderWay):
            self._clearings.under_way(message.run)
        else:
            self._clearings.tell(
                message.run, message.folders, message.says, message.error, ended=message.ended
            )
