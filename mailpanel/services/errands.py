"""The use cases of errands: unsaved values that each mail host tries once, and answers.

Nothing of a test is kept: what was to be tried goes when a host takes it, the answer
minutes later, with the next test.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from mailpanel.errors import FieldError, InvalidFields, NotFound, Throttled
from mailpanel.models import ErrandRow, Host
from mailpanel.seal import Sealer
from mailpanel.services import audit
from mailpanel.services._addresses import own_address
from mailpanel.services._candidates import Candidate, make_candidate
from mailpanel.services._revisions import present
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.database import Database
from mailpanel.services.hosts import away_after, require_host
from mailpanel.services.wake import Waker
from mailpanel.settings import SETTINGS, Setting
from mailpanel.words import _

__all__ = ["LIFE", "MOST", "MOST_MESSAGES", "Answer", "Errands", "only"]

# An errand that no host has taken by then is nobody's any more.
LIFE = timedelta(minutes=2)
# From all administrators together; whoever asks for more is no person at a form.
MOST, MOST_MESSAGES, WINDOW = 20, 3, timedelta(minutes=1)
PAUSE = 0.05
LATE = "It did not answer in time."
TICKET = re.compile(r"[0-9a-f]{32}")
INTERVAL = "junk_trash_clearing_interval"
# A secret is sealed for a test, not for a revision: every one is later.
NO_REVISION = 0

Answer = dict[str, Any]


class Errands:
    """What an administrator can try without saving it."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        waker: Waker,
        settings: Mapping[str, Setting] = SETTINGS,
        check_interval: float = 60.0,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._waker = waker
        self._settings = settings
        self._away_after = away_after(check_interval)
        self._clock = clock

    def test(
        self,
        name: str,
        cstruct: Any,
        author: Author,
        *,
        kind: str = "test",
        form: bool = False,
        errors: Sequence[FieldError] = (),
        message_for: str | None = None,
    ) -> str:
        """Ask every live host to try *cstruct* as setting *name*; return a ticket.

        *kind* is ``test``, or ``dry_run`` for the difference alone. With *message_for*, an
        account's name, each host sends one message to that account's own address. Raises
        :class:`NotFound`, :class:`InvalidFields` or :class:`Throttled`.
        """
        setting = self._settings.get(name)
        if setting is None:
            raise NotFound(_("There is no such setting."))
        with self._database.writing() as session:
            current = present(session, name).current
            made = make_candidate(
                setting, cstruct, current, NO_REVISION, self._sealer, errors=errors, form=form
            )
            message_to = own_address(session, setting, message_for) if message_for else None
            ticket = self._ask(session, kind, name, made, message_to=message_to)
            detail = {"message_to": message_to} if message_to else None
            audit.record(session, author, f"setting.{kind}", name, detail=detail, clock=self._clock)
        self._waker.wake()
        return ticket

    def dry_reset(self, name: str, author: Author, *, errors: Sequence[FieldError] = ()) -> str:
        """Ask every live host what a reset of setting *name* would change; as :meth:`test`."""
        if name not in self._settings:
            raise NotFound(_("There is no such setting."))
        if errors:
            raise InvalidFields(list(errors))
        with self._database.writing() as session:
            ticket = self._ask(session, "dry_run", name, None)
            audit.record(session, author, "setting.dry_run", name, clock=self._clock)
        self._waker.wake()
        return ticket

    def put_back(self, name: str, host: str, author: Author) -> str:
        """Ask *host* to apply setting *name* once more, over edits; return a ticket.

        Raises :class:`NotFound` for an unknown setting or host.
        """
        return self._ask_by_name("put_back", name, [host], author)

    def adopt(self, name: str, host: str, author: Author) -> str:
        """Ask *host* for what stands there as a value of setting *name*; return a ticket.

        Raises :class:`NotFound` for an unknown setting or host. The answer is for
        :class:`mailpanel.services.adoption.Adoption`.
        """
        return self._ask_by_name("adopt", name, [host], author)

    def flush(self, name: str, hosts: Sequence[str], author: Author) -> str:
        """Ask *hosts* to try what waits for the relay of setting *name*; as :meth:`put_back`."""
        return self._ask_by_name("flush", name, hosts, author)

    def clear(self, author: Author) -> str:
        """Ask every live host to clear its folders now; return a ticket."""
        with self._database.writing() as session:
            ticket = self._ask(session, "clear", INTERVAL, None, asked_by=author.username)
            audit.record(session, author, "clearing.run", clock=self._clock)
        self._waker.wake()
        return ticket

    def _ask_by_name(self, kind: str, name: str, hosts: Sequence[str], author: Author) -> str:
        if name not in self._settings:
            raise NotFound(_("There is no such setting."))
        with self._database.writing() as session:
            for host in hosts:
                require_host(session, host)
            ticket = self._ask(session, kind, name, None, hosts)
            for host in hosts:
                detail = {"host": host}
                action = f"setting.{kind}"
                audit.record(session, author, action, name, detail=detail, clock=self._clock)
        self._waker.wake()
        return ticket

    def answers(self, ticket: str) -> list[Answer]:
        """Return what each host that was asked has answered; ``done`` says whether it has."""
        return self._answers(ErrandRow.ticket == ticket)

    def found(self, name: str, ticket: str) -> list[Answer]:
        """Return :meth:`answers` where *ticket* is one of setting *name*; raises :class:`NotFound`.

        It is forgotten some minutes after it was given out.
        """
        if TICKET.fullmatch(ticket):
            found = self._answers(ErrandRow.ticket == ticket, ErrandRow.setting == name)
            if found:
                return found
        raise NotFound(_("There is no such test, or no more."))

    def wait(self, ticket: str, seconds: float) -> list[Answer]:
        """Return the answers as soon as all are there, else those that are after *seconds*."""
        *_, answers = self.follow(ticket, seconds)
        return answers

    def follow(self, ticket: str, seconds: float) -> Iterator[list[Answer]]:
        """Yield the answers so far, again and again, until all are there or *seconds* are over."""
        deadline = time.monotonic() + seconds
        while True:
            answers = self.answers(ticket)
            yield answers
            if all(each["done"] for each in answers) or time.monotonic() >= deadline:
                return
            time.sleep(PAUSE)

    def _answers(self, *which: ColumnElement[bool]) -> list[Answer]:
        late = self._clock() - LIFE
        query = select(ErrandRow).where(*which).order_by(ErrandRow.host)
        with self._database.reading() as session:
            return [_as_dict(row, late) for row in session.scalars(query)]

    def _ask(
        self,
        session: Session,
        kind: str,
        name: str,
        made: Candidate | None,
        hosts: Sequence[str] | None = None,
        *,
        message_to: str | None = None,
        asked_by: str | None = None,
    ) -> str:
        """Store an errand for each of *hosts*, by default the live ones; return their ticket."""
        now = self._clock()
        session.execute(delete(ErrandRow).where(ErrandRow.created < now - LIFE))
        asked = select(func.count(func.distinct(ErrandRow.ticket))).where(
            ErrandRow.created > now - WINDOW
        )
        if (session.scalar(asked) or 0) >= MOST:
            raise Throttled(
                _("Too many tests at once; wait a minute."), int(WINDOW.total_seconds())
            )
        with_message = asked.where(ErrandRow.message_to.is_not(None))
        if message_to and (session.scalar(with_message) or 0) >= MOST_MESSAGES:
            raise Throttled(
                _("Too many test messages at once; wait a minute, or test without one."),
                int(WINDOW.total_seconds()),
            )
        ticket = secrets.token_hex(16)
        live = select(Host.name).where(Host.last_seen >= now - self._away_after)
        # None of them is forgotten before its errand stands there.
        live = live.order_by(Host.name).with_for_update(read=True, key_share=True)
        for host in session.scalars(live).all() if hosts is None else hosts:
            session.add(
                ErrandRow(
                    ticket=ticket,
                    host=host,
                    kind=kind,
                    setting=name,
                    reset=made is None,
                    value=made.value if made else None,
                    sealed=made.sealed if made else None,
                    message_to=message_to,
                    asked_by=asked_by,
                    created=now,
                )
            )
        return ticket


def only(answers: list[Answer]) -> Answer:
    """Return the answer of the one host that was asked; raises :class:`NotFound` for none.

    Its errands go with a host that is forgotten.
    """
    if not answers:
        raise NotFound(_("This host has just been forgotten."))
    return answers[0]


def _as_dict(row: ErrandRow, late: datetime) -> Answer:
    """Return what a host has said; one that has said nothing since *late* does so no more."""
    is_late = row.answer is None and row.created < late
    done = row.answer is not None or is_late
    answer: Answer = {
        "error": LATE if is_late else None,
        "steps": [],
        "now": None,
        "diffs": [],
        "preview": None,
    }
    answer |= row.answer or row.progress or {}
    # Not even sealed does a secret leave the database.
    answer.pop("adopted", None)
    return {"host": row.host, "done": done, "ok": done and answer["error"] is None, **answer}
