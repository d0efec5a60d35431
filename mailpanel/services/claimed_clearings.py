"""Runs that clear folders, as the courier of a mail host sees them: claimed, told of, ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from mailpanel.models import ClearingRow, ErrandRow
from mailpanel.reports import ClearedFolder
from mailpanel.services._unbelieved import Broken, as_name, raw
from mailpanel.services.clearing import WITHOUT_A_WORD
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.database import Database

__all__ = ["ClaimedClearings"]

# Older runs are forgotten with the next one.
KEPT = timedelta(days=400)
LONGEST_NAME = 255
TICKET = re.compile(r"[0-9a-f]{32}")


class ClaimedClearings:
    """The runs of *host*, which serves *mail_store*."""

    def __init__(
        self, database: Database, host: str, mail_store: str, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._host = host
        self._mail_store = mail_store[:LONGEST_NAME]
        self._clock = clock

    def claim_day(self, day: date) -> int:
        """Return the number of this host's run for *day*, 0 where another host has claimed it.

        And 0 where this one's own has ended.
        """
        return self._claim(day=day)

    def claim_asked(self, errand: int) -> int:
        """Return the number of this host's run for *errand*; 0 as :meth:`claim_day`.

        And 0 where nobody asked.
        """
        is_it = (ErrandRow.id == errand, ErrandRow.host == self._host, ErrandRow.kind == "clear")
        with self._database.reading() as session:
            columns = raw(session, ErrandRow.ticket, ErrandRow.asked_by)
            row = session.execute(select(*columns).where(*is_it)).one_or_none()
        try:
            ticket, asked_by = (as_name(each or b"") for each in row or (None, None))
        except Broken:
            return 0
        if not TICKET.fullmatch(ticket):
            return 0
        return self._claim(ticket=ticket, asked_by=asked_by or None)

    def _claim(self, **columns: Any) -> int:
        """Add the run, or find the one that is there, by what is unique of *columns*."""
        now = self._clock()
        key = {name: each for name, each in columns.items() if name != "asked_by"}
        with self._database.writing() as session:
            session.execute(delete(ClearingRow).where(ClearingRow.started < now - KEPT))
            row = ClearingRow(
                host=self._host, mail_store=self._mail_store, started=now, folders=[], **columns
            )
            try:
                with session.begin_nested():
                    session.add(row)
            except IntegrityError:
                # Its own answer may have been lost: it is asked for only where none is under way.
                own = select(ClearingRow.id).filter_by(
                    mail_store=self._mail_store, host=self._host, ended=None, **key
                )
                return session.scalar(own) or 0
            return row.id

    def tell(
        self,
        run: int,
        folders: Sequence[ClearedFolder],
        says: str,
        error: str | None,
        *,
        ended: bool,
    ) -> None:
        """Note how far this host's *run* is, or how it has *ended*."""
        self._note(
            ClearingRow.id == run,
            messages=sum(each.messages for each in folders),
            bytes=sum(each.bytes for each in folders),
            folders=[asdict(each) | {"folder": _storable(each.folder)} for each in folders],
            says=_storable(says),
            error=None if error is None else _storable(error),
            ended=self._clock() if ended else None,
        )

    def under_way(self, run: int) -> None:
        """Note that of this host's runs *run* alone is under way, 0 for none."""
        self._note(ClearingRow.id != run, error=WITHOUT_A_WORD, ended=self._clock())

    def _note(self, which: Any, **values: Any) -> None:
        # What has ended stays as it was told; and not the whole row: the rest may be broken.
        is_own = (ClearingRow.host == self._host, ClearingRow.ended.is_(None))
        with self._database.writing() as session:
            session.execute(update(ClearingRow).where(which, *is_own).values(**values))


def _storable(text: str) -> str:
    """Return *text*, which may quote a daemon, as every database can hold it."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode("utf-8")
