"""The use cases of the panel's log-ins, which are kept here and not in the browser.

Why they are built so: docs/decisions/0006-panel-sessions.md.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update

from mailpanel.errors import DatabaseAway, FieldError, InvalidFields, NotFound, Throttled
from mailpanel.models import Account, PanelSession
from mailpanel.services import audit
from mailpanel.services.accounts import NAME, Accounts
from mailpanel.services.audit import Author
from mailpanel.services.authentication import LAST_USE, Identity, digest_of
from mailpanel.services.clock import Clock, in_text, utc_now
from mailpanel.services.database import Database
from mailpanel.services.passwords import is_right
from mailpanel.services.throttle import Throttle

__all__ = ["BAD_PASSWORDS", "IDLE", "LONGEST", "Opened", "Session", "Sessions", "Visitor"]

# NIST SP 800-63B-4, 2.2.3: no more than an hour without a request. It allows a day in all;
# half of that is a working day with its breaks.
IDLE = timedelta(hours=1)
LONGEST = timedelta(hours=12)
# In a minute, from one network. A password has twelve characters and is not a common one
# (API.md), so a year of that, five million guesses, finds none that was not known before.
BAD_PASSWORDS = 10

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sends a request, as far as that is known before anybody logs in.

    ``mark`` is what :attr:`Opened.mark` gave this browser once, where it sends it.
    """

    address: str
    user_agent: str = ""
    mark: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in; ``kept`` is for the next page, see :class:`PanelSession`."""

    number: int
    identity: Identity
    csrf_token: str = field(repr=False)
    last_used: datetime
    kept: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """What a browser keeps of a log-in: the session's id, and a mark that lasts.

    The mark opens nothing. It says that the account's owner has used this browser, and a
    stranger who guesses from the same network is then not taken for the owner.
    """

    session_id: str = field(repr=False)
    mark: str = field(repr=False)


class Sessions:
    """Log-ins to the panel; *throttle* counts bad passwords."""

    def __init__(self, database: Database, throttle: Throttle, clock: Clock = utc_now) -> None:
        self._database = database
        self._throttle = throttle
        self._clock = clock

    def log_in(
        self, username: str, password: str, visitor: Visitor, kept: dict[str, Any] | None = None
    ) -> Opened | None:
        """Return a new session, or ``None``; never why not.

        *kept* is for its first page. Raises :class:`Throttled` where too many bad
        passwords came from there, :class:`DatabaseAway`.
        """
        account = self.proven(username, password, visitor)
        # It may have been disabled, or got another password, while this one was looked at.
        return self._opened(account, visitor, kept or {}) if account else None

    def proven(self, username: str, password: str, visitor: Visitor) -> Account | None:
        """Return the account that *username* and *password* open, or ``None``; never why not.

        It takes as long for a name that does not exist. Raises what :meth:`log_in` does.
        """
        account = self._account(username)
        if self._is_right(account, password, visitor):
            return account
        self._note_refusal(account, visitor)
        return None

    def get(self, session_id: str) -> Session | None:
        """Return the session, or ``None`` where it has ended; raises :class:`DatabaseAway`."""
        query = select(PanelSession).where(PanelSession.digest == digest_of(session_id))
        with self._database.reading() as session:
            row = session.scalar(query)
        if row is None or not row.account.enabled or self._is_over(row):
            return None
        return Session(
            row.id,
            Identity(row.account.username, row.account.perm_level, None),
            row.csrf_token,
            row.last_used,
            row.kept,
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
                raise NotFound("There is no such log-in; it may have ended by itself.")
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
        if self.proven(name, current, visitor) is None:
            raise InvalidFields([FieldError("current", "This is not your present password.")])
        author = Author(name, None, visitor.address)
        Accounts(self._database, self._clock).set_password(name, new, author)
        account = self._account(name)
        opened = self._opened(account, visitor, kept) if account else None
        if opened is None:
            raise NotFound("Your account has just been removed or disabled.")
        return opened

    def _account(self, username: str) -> Account | None:
        # PostgreSQL cannot even compare with a text that holds NUL.
        if not NAME.fullmatch(username):
            return None
        with self._database.reading() as session:
            return session.scalar(select(Account).where(Account.username == username))

    def _is_right(self, account: Account | None, password: str, visitor: Visitor) -> bool:
        """Say whether *password* opens *account*, in the same time whatever the answer is."""
        who = _marked(account, visitor.mark) or visitor.address
        retry_after = self._throttle.retry_after(who)
        if retry_after is not None:
            raise Throttled("Too many wrong passwords came from your network.", retry_after)
        hashed = account.password_hash if account else None
        right = is_right(password, hashed) and account is not None and account.enabled
        if not right:
            self._throttle.failed(who)
        return right

    def _note_refusal(self, account: Account | None, visitor: Visitor) -> None:
        # Not a name that does not exist: people type their password into the wrong field.
        detail = {"account": account.username} if account else {}
        author = Author("", None, visitor.address)
        with self._database.writing() as session:
            audit.record(session, author, "session.refused", detail=detail, clock=self._clock)

    def _opened(self, seen: Account, visitor: Visitor, kept: dict[str, Any]) -> Opened | None:
        session_id, now = secrets.token_urlsafe(32), self._clock()
        with self._database.writing() as session:
            account = session.get(Account, seen.id, with_for_update=True)
            if account is None or _is_other(account, seen):
                return None
            over = or_(PanelSession.last_used < now - IDLE, PanelSession.created < now - LONGEST)
            session.execute(delete(PanelSession).where(over))
            row = PanelSession(
                account_id=account.id,
                digest=digest_of(session_id),
                csrf_token=secrets.token_urlsafe(32),
                created=now,
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
        known = visitor.mark if _marked(seen, visitor.mark) else None
        return Opened(session_id, known or _new_mark(seen))

    def _is_over(self, row: PanelSession) -> bool:
        now = self._clock()
        return now - row.last_used >= IDLE or now - row.created >= LONGEST

    def _update(self, session: Session, **values: Any) -> None:
        query = update(PanelSession).where(PanelSession.id == session.number)
        with self._database.writing() as writing:
            writing.execute(query.values(**values))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _is_other(account: Account, seen: Account) -> bool:
    return not account.enabled or account.password_hash != seen.password_hash


def _new_mark(account: Account) -> str:
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_signature(account, nonce)}"


def _marked(account: Account | None, mark: str | None) -> str | None:
    """Return under what name a browser with *mark* is counted; ``None`` where *account* is not its.

    It is signed with the password's hash, which no browser knows and a new password changes.
    """
    if account is None or account.password_hash is None or mark is None:
        return None
    nonce, _, signature = mark.partition(".")
    given = signature.encode("utf-8", "replace")
    right = hmac.compare_digest(given, _signature(account, nonce).encode())
    return f"browser {nonce}" if right else None


def _signature(account: Account, nonce: str) -> str:
    key = (account.password_hash or "").encode()
    return hmac.new(
        key, f"mailpanel {account.id} {nonce}".encode("utf-8", "replace"), hashlib.sha256
    ).hexdigest()


def _as_dict(row: PanelSession) -> dict[str, Any]:
    return {
        "number": row.id,
        "created": in_text(row.created),
        "last_used": in_text(row.last_used),
        "address": row.address,
        "user_agent": row.user_agent,
    }
