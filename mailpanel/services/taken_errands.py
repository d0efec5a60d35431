"""Errands as the courier of a mail host sees them: taken once, followed, answered."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, or_, select, update

from mailpanel.models import ErrandRow
from mailpanel.reports import Errand, ErrandAnswer, ErrandProgress
from mailpanel.services._unbelieved import Broken, as_boolean, as_name, as_object, as_text, raw
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.database import Database
from mailpanel.services.errands import LIFE, MOST

__all__ = ["TakenErrands"]


class TakenErrands:
    """The errands as the courier of a mail host sees them."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def take(self, host: str) -> list[Errand]:
        """Return the errands that wait for *host*, each once; its values are gone then."""
        now = self._clock()
        waiting = (
            select(ErrandRow.id)
            .where(ErrandRow.host == host, ErrandRow.taken.is_(None))
            .where(ErrandRow.created >= now - LIFE)
            .order_by(ErrandRow.id)
            .limit(MOST)
        )
        old = ErrandRow.created < now - LIFE
        with self._database.reading() as session:
            found = select(ErrandRow.id).where(or_(old, ErrandRow.taken.is_(None))).limit(1)
            if session.scalar(found) is None:
                return []
        with self._database.writing() as session:
            session.execute(delete(ErrandRow).where(old))
            columns = raw(
                session,
                ErrandRow.kind,
                ErrandRow.setting,
                ErrandRow.reset,
                ErrandRow.value,
                ErrandRow.sealed,
                ErrandRow.message_to,
            )
            rows = session.execute(waiting.add_columns(*columns).with_for_update(of=ErrandRow))
            taken = [_as_errand(*row) for row in rows]
            session.execute(
                update(ErrandRow)
                .where(ErrandRow.id.in_([each.number for each in taken]))
                .values(taken=now, value=None, sealed=None)
            )
        return taken

    def progress(self, progress: ErrandProgress) -> None:
        """Note how far the host is, where somebody may still follow it."""
        told = {"steps": [asdict(step) for step in progress.steps], "now": progress.now}
        under_way = (ErrandRow.id == progress.number, ErrandRow.answer.is_(None))
        with self._database.writing() as session:
            session.execute(update(ErrandRow).where(*under_way).values(progress=told))

    def answer(self, answer: ErrandAnswer) -> None:
        """Note what the host says, where somebody may still wait for it."""
        with self._database.writing() as session:
            # Not the whole row: what else is in it may be broken.
            session.execute(
                update(ErrandRow).where(ErrandRow.id == answer.number).values(answer=_plain(answer))
            )


def _as_errand(number: int, kind: Any, setting: Any, *columns: Any) -> Errand:
    """Return the errand; of a row that is broken one that no setting answers to."""
    try:
        reset, value, sealed, message_to = columns
        return Errand(
            number,
            as_name(kind),
            as_name(setting),
            as_boolean(reset),
            as_object(value),
            as_text(sealed),
            as_text(message_to),
        )
    except Broken:
        return Errand(number, "test", "", False, None, None)


def _plain(answer: ErrandAnswer) -> dict[str, Any]:
    return {
        "error": answer.error,
        "steps": [asdict(step) for step in answer.steps],
        "diffs": [asdict(diff) for diff in answer.diffs],
        "preview": None if answer.preview is None else [asdict(each) for each in answer.preview],
        "adopted": None if answer.adopted is None else asdict(answer.adopted),
    }
