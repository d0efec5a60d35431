"""The use cases of tokens: who may have one, and how far it reaches."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailpanel.errors import FieldError, InvalidFields, NotFound
from mailpanel.models import Account, Token
from mailpanel.services import audit
from mailpanel.services.accounts import NAME, NOBODY
from mailpanel.services.audit import Author
from mailpanel.services.authentication import digest_of
from mailpanel.services.clock import Clock, in_text, utc_now
from mailpanel.services.database import Database
from mailpanel.settings import SETTINGS

__all__ = ["Tokens"]

PREFIX = "mp_"  # so that scanners for leaked secrets can know one

Rows = list[dict[str, Any]]


class Tokens:
    """The tokens of all accounts; *author* stands in the audit log."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        account: str,
        name: str = "",
        read_only: bool = False,
        settings: Iterable[str] = (),
        networks: Iterable[str] = (),
        *,
        expires: datetime | None = None,
        author: Author = NOBODY,
    ) -> str:
        """Make a token for *account* and return it; it is stored nowhere and shown only now.

        No *settings* are all settings, no *networks* are all networks. Raises
        :class:`NotFound`, or :class:`InvalidFields`.
        """
        settings, networks = sorted(set(settings)), list(networks)
        _check_fields(name, settings, networks, expires, self._clock())
        token = PREFIX + secrets.token_urlsafe(32)
        with self._database.writing() as session:
            owner = _owner(session, account)
            if owner is None:
                raise NotFound("There is no such account.")
            row = Token(
                account_id=owner.id,
                name=name,
                digest=digest_of(token),
                read_only=read_only,
                settings=settings or None,
                networks=[str(ipaddress.ip_network(each)) for each in networks] or None,
                expires=expires,
                created=self._clock(),
            )
            session.add(row)
            session.flush()
            detail = {"account": account, "token": row.id}
            audit.record(session, author, "token.create", detail=detail, clock=self._clock)
        return token

    def list(self, account: str | None = None) -> Rows:
        """Return the tokens of *account*, or of all; the tokens themselves are not known."""
        query = select(Token).join(Token.account).order_by(Token.id)
        if account is not None:
            if not NAME.fullmatch(account):
                return []
            query = query.where(Account.username == account)
        with self._database.reading() as session:
            return [_as_dict(token) for token in session.scalars(query)]

    def revoke(self, token_id: int, author: Author = NOBODY) -> None:
        """Remove a token: from now on it opens nothing. Raises :class:`NotFound`."""
        with self._database.writing() as session:
            # Of the two rows that it reads only this one: the account's is not changed.
            token = session.get(Token, token_id, with_for_update={"of": Token})
            if token is None:
                raise NotFound("There is no such token.")
            session.delete(token)
            detail = {"account": token.account.username, "token": token_id}
            audit.record(session, author, "token.revoke", detail=detail, clock=self._clock)


def _owner(session: Session, name: str) -> Account | None:
    """Return the account *name*, which cannot be removed until the transaction ends."""
    if not NAME.fullmatch(name):
        return None
    query = select(Account).where(Account.username == name)
    return session.scalar(query.with_for_update(read=True, key_share=True))


def _check_fields(
    name: str,
    settings: Iterable[str],
    networks: Iterable[str],
    expires: datetime | None,
    now: datetime,
) -> None:
    errors = []
    if len(name) > 255:
        errors.append(FieldError("name", "A name has at most 255 characters."))
    if not all(char.isprintable() for char in name):
        errors.append(FieldError("name", "A name has no control characters."))
    if any(setting not in SETTINGS for setting in settings):
        errors.append(FieldError("settings", f"There are only: {', '.join(SETTINGS)}."))
    if not all(_is_network(network) for network in networks):
        errors.append(FieldError("networks", "Give networks like 10.0.0.0/8 or 2001:db8::/32."))
    if expires is not None and expires <= now:
        errors.append(FieldError("expires", "This time has passed; give one to come."))
    if errors:
        raise InvalidFields(errors)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _as_dict(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "account": token.account.username,
        "name": token.name,
        "read_only": token.read_only,
        "settings": token.settings,
        "networks": token.networks,
        "expires": in_text(token.expires),
        "created": in_text(token.created),
        "last_used": in_text(token.last_used),
    }
