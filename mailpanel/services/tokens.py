"""The use cases of tokens: who may have one, and how far it reaches."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from mailpanel.errors import NotFound, PreconditionFailed
from mailpanel.models import Account, Token
from mailpanel.services import audit
from mailpanel.services._token_scope import check_fields, check_reach, is_seen
from mailpanel.services.accounts import NAME, NOBODY
from mailpanel.services.audit import Author
from mailpanel.services.authentication import digest_of
from mailpanel.services.clock import Clock, in_text, utc_now
from mailpanel.services.database import Database
from mailpanel.words import _

__all__ = ["Issued", "Tokens"]

PREFIX = "mp_"  # so that scanners for leaked secrets can know one
LARGEST_ID = 2**31 - 1

Row = dict[str, Any]
Rows = list[Row]


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token, which is stored nowhere and shown only now; ``shown`` is what is kept of it."""

    token: str = field(repr=False)
    shown: Row


class Tokens:
    """The tokens of all accounts; *author* stands in the audit log.

    Where *within* is given it is the id of the token in use, which neither makes one that
    is wider than itself nor gets at one for other settings than its own.
    """

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def create(self, account: str, *scope: Any, **more: Any) -> str:
        """Return a new token for *account*, as :meth:`issue` does."""
        return self.issue(account, *scope, **more).token

    def issue(
        self,
        account: str,
        name: str = "",
        read_only: bool = False,
        settings: Iterable[str] | None = None,
        networks: Iterable[str] | None = None,
        *,
        expires: datetime | None = None,
        author: Author = NOBODY,
        within: int | None = None,
        proven: str | None = None,
        newest: int | None = None,
    ) -> Issued:
        """Make a token for *account*; those of the account that have expired are removed.

        No *settings* are all settings, no *networks* are all networks. *proven* is the
        hash of the password by which somebody has shown to be the owner: it must still be
        that of an enabled account. *newest* is the id of the account's newest token as the
        caller has seen it, 0 for none: a form that is sent again makes no second one. Raises
        :class:`NotFound`, :class:`InvalidFields`, or :class:`PreconditionFailed`.
        """
        settings, networks = sorted(set(settings or ())), list(networks or ())
        now = self._clock()
        check_fields(name, settings, networks, expires, now)
        token = PREFIX + secrets.token_urlsafe(32)
        row = Token(
            name=name,
            digest=digest_of(token),
            read_only=read_only,
            settings=settings or None,
            networks=[str(ipaddress.ip_network(each)) for each in networks] or None,
            expires=expires,
            created=now,
        )
        with self._database.writing() as session:
            owner = _owner(session, account, alone=newest is not None)
            if owner is None or (proven and not _is_still(owner, proven)):
                raise NotFound(_("There is no such account."))
            if within is not None:
                check_reach(row, _in_use(session, within))
            if newest is not None and _newest(session, owner) > newest:
                raise PreconditionFailed(_("A token has been made since this form was loaded."))
            is_over = (Token.account_id == owner.id, Token.expires <= now)
            session.execute(delete(Token).where(*is_over))
            row.account_id = owner.id
            session.add(row)
            session.flush()
            detail = {"account": account, "token": row.id}
            audit.record(session, author, "token.create", detail=detail, clock=self._clock)
            return Issued(token, _as_dict(row, account))

    def list(self, account: str | None = None, within: int | None = None) -> Rows:
        """Return the tokens of *account*, or of all; the tokens themselves are not known."""
        query = select(Token).join(Token.account).order_by(Token.id)
        if account is not None:
            if not NAME.fullmatch(account):
                return []
            query = query.where(Account.username == account)
        with self._database.reading() as session:
            in_use = None if within is None else _in_use(session, within)
            return [
                _as_dict(token, token.account.username)
                for token in session.scalars(query)
                if in_use is None or is_seen(token, in_use)
            ]

    def revoke(
        self,
        token_id: int,
        author: Author = NOBODY,
        *,
        account: str | None = None,
        within: int | None = None,
    ) -> None:
        """Remove a token, of *account* where that is given: from now on it opens nothing.

        Raises :class:`NotFound`.
        """
        with self._database.writing() as session:
            # Of the two rows that it reads only this one: the account's is not changed.
            lock = {"of": Token}
            token = None
            if token_id <= LARGEST_ID:
                token = session.get(Token, token_id, with_for_update=lock)
            if token is None or not _is_reached(session, token, account, within):
                raise NotFound(_("There is no such token."))
            session.delete(token)
            detail = {"account": token.account.username, "token": token_id}
            audit.record(session, author, "token.revoke", detail=detail, clock=self._clock)


def _is_still(owner: Account, proven: str) -> bool:
    return owner.enabled and owner.password_hash == proven


def _is_reached(session: Session, token: Token, account: str | None, within: int | None) -> bool:
    if account is not None and token.account.username != account:
        return False
    return within is None or is_seen(token, _in_use(session, within))


def _in_use(session: Session, token_id: int) -> Token:
    token = session.get(Token, token_id)
    if token is None:
        raise NotFound(_("The token in use has just been revoked."))
    return token


def _newest(session: Session, owner: Account) -> int:
    return session.scalar(select(func.max(Token.id)).where(Token.account_id == owner.id)) or 0


def _owner(session: Session, name: str, *, alone: bool) -> Account | None:
    """Return the account *name*, which cannot be removed until the transaction ends.

    Nobody else makes a token of it *alone* meanwhile.
    """
    if not NAME.fullmatch(name):
        return None
    query = select(Account).where(Account.username == name)
    return session.scalar(query.with_for_update(read=not alone, key_share=True))


def _as_dict(token: Token, account: str) -> Row:
    return {
        "id": token.id,
        "account": account,
        "name": token.name,
        "read_only": token.read_only,
        "settings": token.settings,
        "networks": token.networks,
        "expires": in_text(token.expires),
        "created": in_text(token.created),
        "last_used": in_text(token.last_used),
    }
