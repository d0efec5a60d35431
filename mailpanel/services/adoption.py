"""What a host answered that stands there, stored as a new revision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from mailpanel.errors import Conflict, NotFound, PreconditionFailed
from mailpanel.models import ErrandRow, Revision
from mailpanel.seal import Sealer
from mailpanel.services._candidates import make_candidate
from mailpanel.services._revisions import locked, store
from mailpanel.services._states import SettingState, state_of
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.database import Database
from mailpanel.services.wake import Waker
from mailpanel.settings import SETTINGS, Setting
from mailpanel.words import _

__all__ = ["Adoption"]


class Adoption:
    """Makes what was asked for by :meth:`Errands.adopt` the desired value, once it is answered."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        waker: Waker,
        settings: Mapping[str, Setting] = SETTINGS,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._waker = waker
        self._settings = settings
        self._clock = clock

    def store(self, ticket: str, author: Author) -> SettingState | None:
        """Store the answer to *ticket* as a new revision; ``None`` where there is none yet.

        Raises :class:`Conflict` with the host's own sentence where there is nothing to adopt,
        :class:`PreconditionFailed` where the setting was changed since the host was asked, and
        :class:`InvalidFields` where the answer breaks the setting's own rules.
        """
        with self._database.writing() as session:
            query = select(ErrandRow).where(ErrandRow.ticket == ticket, ErrandRow.kind == "adopt")
            row = session.scalars(query.with_for_update()).one_or_none()
            if row is None:
                raise NotFound(_("There is no such errand, or no more."))
            if row.answer is None:
                return None
            adopted: dict[str, Any] | None = row.answer.get("adopted")
            if adopted is None:
                raise Conflict(row.answer["error"] or _("There is nothing to adopt."))
            setting = self._settings[row.setting]
            place = locked(session, row.setting)
            if place.current is not None and place.current.created > row.created:
                raise PreconditionFailed(
                    _("This setting was changed meanwhile; read it again, then decide anew.")
                )
            # As if it were stored already: its secret, which only a mail host can open, stays.
            found = Revision(value=adopted["value"], sealed=adopted["sealed"])
            made = make_candidate(setting, adopted["value"], found, place.number, self._sealer)
            revision = store(
                session, place, author, made, probe=True, clock=self._clock, adopted=row.host
            )
            # Once is enough.
            session.delete(row)
            state = state_of(revision, [])
        self._waker.wake()
        return state
