"""The use cases of accounts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, and_, delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mailpanel.errors import Conflict, FieldError, InvalidFields, NotFound
from mailpanel.models import Account, PanelSession, Token
from mailpanel.services import audit
from mailpanel.services.account_rules import LEVELS, NAME, check_fields
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock, in_text, utc_now
from mailpanel.services.database import Database
from mailpanel.services.passwords import hash_password
from mailpanel.words import _

__all__ = ["LEVELS", "NAME", "NOBODY", "Accounts", "is_other"]

NOBODY = Author("", None, "")
# What the audit log tells of a change; of all else that it was changed.
TOLD = ("perm_level", "enabled", "api_access")
RENEWED = "account.passwd"
LEAKED = _("This password is known from a leak; choose another.")

Row = dict[str, Any]
Rows = list[Row]


def _never(_password: str) -> bool:
    return False


class Accounts:
    """The accounts; at any time one MasterAdmin who could come in still can.

    *author* stands in the audit log. Of *words*, and of its own name, no password is
    made, and none is one that *is_leaked*.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock = utc_now,
        words: Collection[str] = (),
        is_leaked: Callable[[str], bool] = _never,
    ) -> None:
        self._database = database
        self._clock = clock
        self._words = words
        self._is_leaked = is_leaked

    def add(
        self,
        name: str,
        perm_level: str,
        password: str | None = None,
        author: Author = NOBODY,
        **more: Any,
    ) -> Row:
        """Add an account and return it; without a *password* it has no panel log-in.

        *more* is ``enabled``, ``api_access``, ``recovery_email`` or ``language``. Raises
        :class:`InvalidFields`, or :class:`Conflict` where the name is taken.
        """
        given = {"username": name, "perm_level": perm_level, "password": password, **more}
        self._check(name, given)
        account = Account(
            username=name,
            perm_level=perm_level,
            password_hash=None if password is None else hash_password(password),
            created=self._clock(),
            **{"enabled": True, "api_access": True, **more},
        )
        try:
            with self._database.writing() as session:
                session.add(account)
                self._record(session, author, "account.add", name, perm_level=perm_level)
        except IntegrityError:
            raise Conflict(_("There is an account of that name already.")) from None
        return _as_dict(account)

    def list(self) -> Rows:
        """Return all accounts, by name."""
        with self._database.reading() as session:
            return [
                _as_dict(account)
                for account in session.scalars(select(Account).order_by(Account.username))
            ]

    def get(self, name: str) -> Row:
        """Return the account *name*; raises :class:`NotFound`."""
        with self._database.reading() as session:
            return _as_dict(_found(session, name))

    def change(
        self,
        name: str,
        fields: Mapping[str, Any],
        author: Author = NOBODY,
        action: str = "account.change",
    ) -> Row:
        """Change those *fields* of an account and return it; the others stay.

        With a new password, or disabled, nobody is logged in with it any more, and its
        tokens are revoked. Raises :class:`InvalidFields`, :class:`NotFound`, or
        :class:`Conflict` where the last MasterAdmin would be locked out.
        """
        self._check(name, fields)
        return _as_dict(self._changed(name, fields, author, action)) if fields else self.get(name)

    def _changed(
        self,
        name: str,
        fields: Mapping[str, Any],
        author: Author,
        action: str,
        seen: Account | None = None,
    ) -> Account:
        """Change the account, unless it is no longer as *seen* where that is given."""
        given = dict(fields)
        password = given.pop("password", None)
        hashed = None if password is None else hash_password(password)
        with self._database.writing() as session:
            masters = _locked_masters(session)
            account = _found(session, name, lock=True)
            if seen is not None and is_other(account, seen):
                raise NotFound(_("Your account has just been disabled, or got another password."))
            first = account.password_hash is None
            for field, value in given.items():
                setattr(account, field, value)
            account.password_hash = hashed or account.password_hash
            session.flush()
            _keep_one_master(session, account, masters)
            told = {field: fields[field] if field in TOLD else "changed" for field in fields}
            if hashed or "enabled" in fields:
                _log_out(session, account)
            # An account's first password lets nobody in who was not before.
            if (hashed and not first) or not account.enabled:
                told |= _without_tokens(session, account)
            self._record(session, author, action, name, **told)
        return account

    def set_password(self, name: str, password: str, author: Author = NOBODY) -> None:
        """Give an account a new password, as :meth:`change`."""
        self.change(name, {"password": password}, author, RENEWED)

    def renew_password(self, seen: Account, password: str, author: Author) -> Account:
        """Give its owner's new password to the account, as :meth:`change`, and return it.

        *seen* is the account of whose password the owner has shown the knowledge: where
        somebody else has set another one meanwhile, or disabled it, that stays. Raises
        :class:`InvalidFields`, :class:`NotFound`.
        """
        fields = {"password": password}
        self._check(seen.username, fields)
        return self._changed(seen.username, fields, author, RENEWED, seen)

    def set_enabled(self, name: str, enabled: bool, author: Author = NOBODY) -> None:
        """Enable or disable an account, as :meth:`change`; a disabled one can do nothing."""
        action = "account.enable" if enabled else "account.disable"
        self.change(name, {"enabled": enabled}, author, action)

    def remove(self, name: str, author: Author = NOBODY) -> None:
        """Remove an account with its tokens.

        Raises :class:`NotFound`, or :class:`Conflict` for the last MasterAdmin.
        """
        with self._database.writing() as session:
            masters = _locked_masters(session)
            account = _found(session, name, lock=True)
            session.execute(delete(Account).where(Account.id == account.id))
            _keep_one_master(session, account, masters)
            self._record(session, author, "account.remove", name)

    def _check(self, name: str, fields: Mapping[str, Any]) -> None:
        check_fields(fields, {name, *self._words})
        password = fields.get("password")
        if password is not None and self._is_leaked(password):
            raise InvalidFields([FieldError("password", LEAKED)])

    def _record(
        self, session: Session, author: Author, action: str, name: str, **detail: Any
    ) -> None:
        audit.record(session, author, action, detail={"account": name, **detail}, clock=self._clock)


def is_other(account: Account, seen: Account) -> bool:
    """Say whether *account* no longer opens by what opened it when it was *seen*."""
    return not account.enabled or account.password_hash != seen.password_hash


def _found(session: Session, name: str, lock: bool = False) -> Account:
    # PostgreSQL cannot even compare with a text that holds NUL.
    query = select(Account).where(Account.username == name)
    account = None
    if NAME.fullmatch(name):
        account = session.scalar(query.with_for_update() if lock else query)
    if account is None:
        raise NotFound(_("There is no such account."))
    return account


def _log_out(session: Session, account: Account) -> None:
    session.execute(delete(PanelSession).where(PanelSession.account_id == account.id))


def _without_tokens(session: Session, account: Account) -> Row:
    """Revoke all tokens of *account*; return how many, for the audit log."""
    gone = session.execute(delete(Token).where(Token.account_id == account.id))
    count = gone.rowcount if isinstance(gone, CursorResult) else 0
    return {"tokens_revoked": count} if count else {}


def _is_master() -> ColumnElement[bool]:
    """Return what is true of a MasterAdmin who can come in, by one door or the other."""
    way_in = or_(Account.api_access, Account.password_hash.is_not(None))
    return and_(Account.perm_level == "MasterAdmin", Account.enabled, way_in)


def _locked_masters(session: Session) -> Sequence[int]:
    """Return those who :func:`_is_master`, locked; to be called before another row is.

    All of them are locked, else two could be disabled at one moment, each beside the
    other; and in one order, else the two would wait for each other.
    """
    masters = select(Account.id).where(_is_master())
    return session.scalars(masters.order_by(Account.id).with_for_update()).all()


def _keep_one_master(session: Session, account: Account, masters: Sequence[int]) -> None:
    """Raise :class:`Conflict` where *account* was the only one of *masters* and no longer is."""
    if list(masters) != [account.id]:
        return
    if session.scalar(select(Account.id).where(Account.id == account.id, _is_master())) is None:
        raise Conflict(
            _(
                "${name} is the last enabled MasterAdmin who can come in; "
                "add or enable another one first.",
                name=account.username,
            )
        )


def _as_dict(account: Account) -> dict[str, Any]:
    return {
        "username": account.username,
        "perm_level": account.perm_level,
        "enabled": account.enabled,
        "api_access": account.api_access,
        "has_password": account.password_hash is not None,
        "recovery_email": account.recovery_email,
        "language": account.language,
        "created": in_text(account.created),
    }
