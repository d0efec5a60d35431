"""The use cases of the panel's log-ins, which are kept here and not in the browser.

Why they are built so: docs/decisions/0006-panel-sessions.md.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, or_, select, update

from mailpanel.errors import DatabaseAway, FieldError, InvalidFields, NotFound
from mailpanel.models import Account, PanelSession, SecondFactor
from mailpanel.services import audit
from mailpanel.services.accounts import Accounts, is_other
from mailpanel.services.audit import Author
from mailpanel.services.authentication import LAST_USE, Identity, digest_of
from mailpanel.services.clock import Clock, in_text, utc_now
from mailpanel.services.codes import Codes
from mailpanel.services.database import Database
from mailpanel.services.half_way import HalfWay, Tickets
from mailpanel.services.proofs import Proofs, Visitor, known_mark
from mailpanel.words import _

__all__ = ["FRESH", "IDLE", "LONGEST", "Opened", "Session", "Sessions"]

# NIST SP 800-63B-4, 2.2.3: no more than an hour without a request. It allows a day in all;
# half of that is a working day with its breaks.
IDLE = timedelta(hours=1)
LONGEST = timedelta(hours=12)
# How long whoever has just given the password or the second factor is believed to be still
# there: enough to fill in a form, too little to leave the desk.
FRESH = timedelta(minutes=10)

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in; ``kept`` is for the next page, see :class:`PanelSession`.

    ``fresh`` says that its owner has just given the password or the second factor;
    ``second_factor`` that there is one. ``language`` is the account's.
    """

    number: int
    identity: Identity
    csrf_token: str = field(repr=False)
    last_used: datetime
    fresh: bool
    second_factor: bool
    kept: dict[str, Any]
    language: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    """What a browser keeps of a log-in: the session's id, and a mark that lasts.

    The mark opens nothing. It says that the account's owner has used this browser, and a
    stranger who guesses from the same network is then not taken for the owner.
    """

    session_id: str = field(repr=False)
    mark: str = field(repr=False)


class Sessions:
    """Log-ins to the panel; *proofs*, *codes* and *tickets* know who somebody is.

    With *require_second_factor* a MasterAdmin without one has to set one up before all else.
    *accounts* knows what may be a new password.
    """

    def __init__(
        self,
        database: Database,
        proofs: Proofs,
        codes: Codes,
        tickets: Tickets,
        clock: Clock = utc_now,
        *,
        require_second_factor: bool = False,
        accounts: Accounts | None = None,
    ) -> None:
        self._database = database
        self._proofs = proofs
        self._codes = codes
        self._tickets = tickets
        self._clock = clock
        self._require = require_second_factor
        self._accounts = accounts or Accounts(database, clock)

    def log_in(
        self, username: str, password: str, visitor: Visitor, kept: dict[str, Any] | None = None
    ) -> Opened | HalfWay | None:
        """Return a new session, or what :meth:`finish` needs; or ``None``, never why not.

        *kept* is for its first page. Raises :class:`Throttled` where too many bad
        passwords came from there, :class:`DatabaseAway`.
        """
        account = self._proofs.by_password(username, password, visitor)
        if account is not None and self._codes.is_needed(account):
            return self._tickets.make(account)
        # It may have been disabled, got another password or a second factor, while this one
        # was looked at.
        return self._opened(account, visitor, kept or {}, with_code=False) if account else None

    def finish(
        self, ticket: str, code: str, visitor: Visitor, kept: dict[str, Any]
    ) -> Opened | None:
        """Return a new session for whoever is half-way, or ``None`` where *code* is wrong.

        Raises :class:`BadCredentials` where the ticket is over, :class:`Throttled`.
        """
        account = self._tickets.account(ticket)
        if not self._codes.accepts(account, code, visitor):
            return None
        return self._opened(account, visitor, kept)

    def get(self, session_id: str) -> Session | None:
        """Return the session, or ``None`` where it has ended; raises :class:`DatabaseAway`."""
        has_factor = exists().where(SecondFactor.account_id == PanelSession.account_id)
        query = select(PanelSession, has_factor).where(PanelSession.digest == digest_of(session_id))
        with self._database.reading() as session:
            found = session.execute(query).one_or_none()
        if found is None or not found[0].account.enabled or self._is_over(found[0]):
            return None
        row, second_factor = found
        account = row.account
        has_to_enrol = self._require and account.perm_level == "MasterAdmin" and not second_factor
        return Session(
            row.id,
            Identity(account.username, account.perm_level, None, has_to_enrol=has_to_enrol),
            row.csrf_token,
            row.last_used,
            self._clock() - row.proved < FRESH,
            second_factor,
            row.kept,
            account.language,
        )

    def touch(self, session: Session) -> None:
        """Note that somebody is there, to the minute; where it cannot be noted, it is not."""
        now = self._clock()
        if now - session.last_used < LAST_USE:
            return
        try:
            self._update(session, last_used=now)
        except DatabaseAway:
            # The answer does not depend on it, and the next request notes it.
            return

    def keep(self, session: Session, **notes: Any) -> None:
        """Keep *notes* for the next page, in place of what is kept; none forgets it."""
        self._update(session, kept=notes)

    def log_out(self, session: Session, visitor: Visitor) -> None:
        """End the session; raises :class:`DatabaseAway`."""
        author = Author(session.identity.username, None, visitor.address)
        self.end(session.identity.username, session.number, author)

    def list(self, username: str) -> Rows:
        """Return the sessions of *username*, the one used last first."""
        query = select(PanelSession).join(PanelSession.account)
        query = query.where(Account.username == username)
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(PanelSession.last_used.desc())).all()
        return [_as_dict(row) for row in rows if not self._is_over(row)]

    def end(self, username: str, number: int, author: Author) -> None:
        """End the session *number* of *username*; raises :class:`NotFound`."""
        with self._database.writing() as session:
            row = session.get(PanelSession, number, with_for_update={"of": PanelSession})
            if row is None or row.account.username != username:
                raise NotFound(_("There is no such log-in; it may have ended by itself."))
            session.delete(row)
            detail = {"session": number}
            audit.record(session, author, "session.end", detail=detail, clock=self._clock)

    def change_password(
        self, session: Session, current: str, new: str, visitor: Visitor, kept: dict[str, Any]
    ) -> Opened:
        """Give the account of *session* a new password, and return a session in its place.

        All other sessions of the account end, and its tokens are revoked; *kept* is for the
        first page of this one.
        Raises :class:`InvalidFields` where *current* is not the password or *new* cannot be
        one, and :class:`Throttled`, :class:`NotFound`.
        """
        name = session.identity.username
        seen = self._proofs.by_password(name, current, visitor)
        if seen is None:
            raise InvalidFields([FieldError("current", _("This is not your present password."))])
        author = Author(name, None, visitor.address)
        account = self._accounts.renew_password(seen, new, author)
        opened = self._opened(account, visitor, kept)
        if opened is None:
            raise NotFound(_("Your account has just been removed or disabled."))
        return opened

    def prove(
        self, session: Session, proof: str, visitor: Visitor, kept: dict[str, Any]
    ) -> Opened | None:
        """Take the owner's word anew: *session* gets another id, and is fresh.

        *proof* is a code where there is a second factor, else the password; returns
        ``None`` where it is wrong. *kept* is for the next page. Raises
        :class:`Throttled`, and :class:`NotFound` where the session has ended meanwhile.
        """
        account = self._proofs.account(session.identity.username)
        if account is None or not self._is_proof(account, proof, visitor):
            return None
        session_id = secrets.token_urlsafe(32)
        values = {"digest": digest_of(session_id), "proved": self._clock(), "kept": kept}
        author = Author(account.username, None, visitor.address)
        with self._database.writing() as writing:
            row = writing.get(PanelSession, session.number, with_for_update={"of": PanelSession})
            if row is None:
                raise NotFound(_("Your log-in has just ended."))
            for name, value in values.items():
                setattr(row, name, value)
            detail = {"session": row.id}
            audit.record(writing, author, "session.prove", detail=detail, clock=self._clock)
        return Opened(session_id, known_mark(account, visitor))

    def _opened(
        self, seen: Account, visitor: Visitor, kept: dict[str, Any], *, with_code: bool = True
    ) -> Opened | None:
        """Return a new session, or ``None`` where that is no longer due.

        *with_code* says that the second factor, if there is one, was shown.
        """
        session_id, now = secrets.token_urlsafe(32), self._clock()
        with self._database.writing() as session:
            account = session.get(Account, seen.id, with_for_update=True)
            if account is None or is_other(account, seen):
                return None
            if not with_code and session.get(SecondFactor, account.id) is not None:
                return None
            over = or_(PanelSession.last_used < now - IDLE, PanelSession.created < now - LONGEST)
            session.execute(delete(PanelSession).where(over))
            row = PanelSession(
                account_id=account.id,
                digest=digest_of(session_id),
                csrf_token=secrets.token_urlsafe(32),
                created=now,
                proved=now,
                last_used=now,
                address=visitor.address[:64],
                user_agent=_printable(visitor.user_agent)[:255],
                kept=kept,
            )
            session.add(row)
            session.flush()
            author = Author(account.username, None, visitor.address)
            detail = {"session": row.id}
            audit.record(session, author, "session.open", detail=detail, clock=self._clock)
        return Opened(session_id, known_mark(seen, visitor))

    def _is_proof(self, account: Account, proof: str, visitor: Visitor) -> bool:
        if self._codes.is_needed(account):
            return self._codes.accepts(account, proof, visitor)
        return self._proofs.by_password(account.username, proof, visitor) is not None

    def _is_over(self, row: PanelSession) -> bool:
        now = self._clock()
        return now - row.last_used >= IDLE or now - row.created >= LONGEST

    def _update(self, session: Session, **values: Any) -> None:
        query = update(PanelSession).where(PanelSession.id == session.number)
        with self._database.writing() as writing:
            writing.execute(query.values(**values))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _as_dict(row: PanelSession) -> dict[str, Any]:
    return {
        "number": row.id,
        "created": in_text(row.created),
        "last_used": in_text(row.last_used),
        "address": row.address,
        "user_agent": row.user_agent,
    }
