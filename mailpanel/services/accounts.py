"""The use cases of accounts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mailpanel.errors import Conflict, FieldError, InvalidFields, NotFound
from mailpanel.models import Account
from mailpanel.services import audit
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock, in_text, utc_now
from mailpanel.services.database import Database
from mailpanel.services.passwords import SHORTEST, hash_password, is_common

__all__ = ["LEVELS", "NAME", "NOBODY", "Accounts"]

LEVELS = ("MasterAdmin", "DomainAdmin", "MailUser")
# No colon: it ends the name in Basic authentication (RFC 7617, 2).
NAME = re.compile(r"[A-Za-z0-9._@+-]{1,64}")
NOBODY = Author("", None, "")

Rows = list[dict[str, Any]]


class Accounts:
    """The accounts; at any time one MasterAdmin that was enabled stays so.

    *author* stands in the audit log.
    """

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def add(
        self, name: str, perm_level: str, password: str | None = None, author: Author = NOBODY
    ) -> None:
        """Add an account; without a *password* it has no panel log-in.

        Raises :class:`InvalidFields`, or :class:`Conflict` where the name is taken.
        """
        _check_fields(name, perm_level, password)
        account = Account(
            username=name,
            perm_level=perm_level,
            password_hash=None if password is None else hash_password(password),
            enabled=True,
            api_access=True,
            created=self._clock(),
        )
        try:
            with self._database.writing() as session:
                session.add(account)
                self._record(session, author, "account.add", name, perm_level=perm_level)
        except IntegrityError:
            raise Conflict(f"There is an account named {name} already.") from None

    def list(self) -> Rows:
        """Return all accounts, by name."""
        with self._database.reading() as session:
            return [
                _as_dict(account)
                for account in session.scalars(select(Account).order_by(Account.username))
            ]

    def set_password(self, name: str, password: str, author: Author = NOBODY) -> None:
        """Give an account a new password; raises :class:`InvalidFields`, :class:`NotFound`."""
        _raise_if_any(_password_errors(password))
        hashed = hash_password(password)
        with self._database.writing() as session:
            _found(session, name).password_hash = hashed
            self._record(session, author, "account.passwd", name)

    def set_enabled(self, name: str, enabled: bool, author: Author = NOBODY) -> None:
        """Enable or disable an account; a disabled one can do nothing.

        Raises :class:`NotFound`, or :class:`Conflict` for the last enabled MasterAdmin.
        """
        with self._database.writing() as session:
            masters = [] if enabled else _locked_masters(session)
            account = _found(session, name)
            _keep_one_master(account, masters)
            account.enabled = enabled
            action = "account.enable" if enabled else "account.disable"
            self._record(session, author, action, name)

    def remove(self, name: str, author: Author = NOBODY) -> None:
        """Remove an account with its tokens.

        Raises :class:`NotFound`, or :class:`Conflict` for the last enabled MasterAdmin.
        """
        with self._database.writing() as session:
            masters = _locked_masters(session)
            account = _found(session, name)
            _keep_one_master(account, masters)
            session.execute(delete(Account).where(Account.id == account.id))
            self._record(session, author, "account.remove", name)

    def _record(
        self, session: Session, author: Author, action: str, name: str, **detail: str
    ) -> None:
        audit.record(session, author, action, detail={"account": name, **detail}, clock=self._clock)


def _check_fields(name: str, perm_level: str, password: str | None) -> None:
    errors = []
    if not NAME.fullmatch(name):
        errors.append(
            FieldError("username", "Use 1 to 64 letters, digits and the characters . _ @ + -")
        )
    if perm_level not in LEVELS:
        errors.append(FieldError("perm_level", f"This must be one of {', '.join(LEVELS)}."))
    if password is not None:
        errors += _password_errors(password)
    _raise_if_any(errors)


def _password_errors(password: str) -> list[FieldError]:
    if len(password) < SHORTEST:
        return [FieldError("password", f"A password has at least {SHORTEST} characters.")]
    if any("\ud800" <= char <= "\udfff" for char in password):
        return [FieldError("password", "This holds half of a character; send whole characters.")]
    if is_common(password):
        return [
            FieldError("password", "This password is among those guessed first; choose another.")
        ]
    return []


def _raise_if_any(errors: list[FieldError]) -> None:
    if errors:
        raise InvalidFields(errors)


def _found(session: Session, name: str) -> Account:
    # PostgreSQL cannot even compare with a text that holds NUL.
    query = select(Account).where(Account.username == name).with_for_update()
    account = session.scalar(query) if NAME.fullmatch(name) else None
    if account is None:
        raise NotFound("There is no such account.")
    return account


def _locked_masters(session: Session) -> Sequence[int]:
    """Return the enabled MasterAdmins, locked; to be called before another row is.

    All of them are locked, else two could be disabled at one moment, each beside the
    other; and in one order, else the two would wait for each other.
    """
    masters = select(Account.id).where(Account.perm_level == "MasterAdmin", Account.enabled)
    return session.scalars(masters.order_by(Account.id).with_for_update()).all()


def _keep_one_master(account: Account, masters: Sequence[int]) -> None:
    """Raise :class:`Conflict` where *account* is the only one of *masters*."""
    if list(masters) == [account.id]:
        raise Conflict(
            f"{account.username} is the last enabled MasterAdmin; add or enable another one first."
        )


def _as_dict(account: Account) -> dict[str, Any]:
    return {
        "username": account.username,
        "perm_level": account.perm_level,
        "enabled": account.enabled,
        "api_access": account.api_access,
        "has_password": account.password_hash is not None,
        "created": in_text(account.created),
    }
