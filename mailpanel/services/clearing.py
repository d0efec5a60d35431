"""What was cleared from Junk and Trash folders, as an administrator sees it; and: clear now.

What a host itself writes of it: :mod:`mailpanel.services.claimed_clearings`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailpanel.errors import Conflict
from mailpanel.models import ClearingRow, Host
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock, in_text, utc_now
from mailpanel.services.database import Database
from mailpanel.services.errands import Errands
from mailpanel.services.hosts import away_after
from mailpanel.words import _

__all__ = ["LARGEST_PAGE", "PAGE", "WITHOUT_A_WORD", "Clearings"]

PAGE, LARGEST_PAGE = 50, 500  # runs
DAYS = 14
# A store that has had no run since is cleared by nobody any more.
RECENT = timedelta(days=2)
WITHOUT_A_WORD = "It ended without a word: the host or its mailpanel apply was stopped."


class Clearings:
    """The runs; *check_interval*, in seconds, is how often a live host checks in."""

    def __init__(
        self,
        database: Database,
        errands: Errands,
        check_interval: float = 60.0,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._errands = errands
        self._away_after = away_after(check_interval)
        self._clock = clock

    def runs(self, limit: int = PAGE, before: int | None = None) -> list[dict[str, Any]]:
        """Return *limit* runs, the newest first, those below number *before*."""
        return self.page(limit, before)[0]

    def page(
        self, limit: int = PAGE, before: int | None = None
    ) -> tuple[list[dict[str, Any]], int | None]:
        """Return :meth:`runs`, and what *before* is for the next page, ``None`` for none."""
        query = select(ClearingRow).order_by(ClearingRow.id.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(ClearingRow.id < before)
        with self._database.reading() as session:
            live = self._live(session)
            runs = [_as_dict(row, live) for row in session.scalars(query)]
        shown = runs[:limit]
        return shown, shown[-1]["id"] if len(runs) > limit else None

    def of(self, ticket: str) -> list[dict[str, Any]]:
        """Return the runs that were asked for under *ticket*, in the order of their hosts."""
        query = select(ClearingRow).where(ClearingRow.ticket == ticket).order_by(ClearingRow.host)
        with self._database.reading() as session:
            live = self._live(session)
            return [_as_dict(row, live) for row in session.scalars(query)]

    def failed(self) -> list[dict[str, Any]]:
        """Return the last run of each mail store of the last two days, where that has failed."""
        newest = select(func.max(ClearingRow.id)).group_by(ClearingRow.mail_store)
        query = (
            select(ClearingRow)
            .where(ClearingRow.id.in_(newest), ClearingRow.started >= self._clock() - RECENT)
            .order_by(ClearingRow.host)
        )
        with self._database.reading() as session:
            live = self._live(session)
            runs = [_as_dict(row, live) for row in session.scalars(query)]
        return [run for run in runs if run["status"] == "failed"]

    def per_day(self, days: int = DAYS) -> list[tuple[date, int]]:
        """Return how many messages were cleared on each of the last *days* days, in UTC.

        The oldest day comes first, and today, as far as it is over, last.
        """
        today = self._clock().astimezone(UTC).date()
        cleared = {today - timedelta(days=ago): 0 for ago in reversed(range(days))}
        since = datetime.combine(min(cleared), time(), UTC)
        query = select(ClearingRow.started, ClearingRow.messages)
        with self._database.reading() as session:
            for started, messages in session.execute(query.where(ClearingRow.started >= since)):
                if started.date() in cleared:
                    cleared[started.date()] += max(messages, 0)
        return list(cleared.items())

    def ask(self, author: Author) -> str:
        """Ask every live host to clear now; return the ticket of its answers and its runs.

        Raises :class:`Conflict` where a run is under way, or nobody could begin one, and
        :class:`Throttled`.
        """
        with self._database.reading() as session:
            live = self._live(session)
            under_way = select(func.count(ClearingRow.id)).where(
                ClearingRow.ended.is_(None), ClearingRow.host.in_(live)
            )
            if session.scalar(under_way):
                raise Conflict(_("Folders are being cleared just now; wait until that has ended."))
        if not live:
            raise Conflict(_("No mail host is there that could clear; see the hosts."))
        return self._errands.clear(author)

    def _live(self, session: Session) -> Collection[str]:
        seen = Host.last_seen >= self._clock() - self._away_after
        return set(session.scalars(select(Host.name).where(seen)))


def _as_dict(row: ClearingRow, live: Collection[str]) -> dict[str, Any]:
    # A host that is gone for good ends none.
    is_lost = row.ended is None and row.host not in live
    error = WITHOUT_A_WORD if is_lost else row.error
    return {
        "id": row.id,
        "host": row.host,
        "mail_store": row.mail_store,
        "day": row.day.isoformat() if row.day else None,
        "asked_by": row.asked_by,
        "status": _status(error, is_over=is_lost or row.ended is not None),
        "started": in_text(row.started),
        "ended": in_text(row.ended),
        "error": error,
        "messages": row.messages,
        "bytes": row.bytes,
        "folders": row.folders,
        "says": row.says,
    }


def _status(error: str | None, *, is_over: bool) -> str:
    if not is_over:
        return "running"
    return "done" if error is None else "failed"
