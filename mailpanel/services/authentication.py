"""The one question of every API request: whose token is it?"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from mailpanel.errors import DatabaseAway
from mailpanel.models import Account, Token
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.database import Database

__all__ = ["LAST_USE", "Authentication", "Identity", "digest_of"]

LAST_USE = timedelta(minutes=1)  # how precisely the last use is kept (API.md)


# Columns, not rows to change: every request asks this, and rows cost three times as much.
_QUESTION = (
    select(
        Token.id,
        Token.digest,
        Token.read_only,
        Token.settings,
        Token.networks,
        Token.expires,
        Token.last_used,
        Account.username,
        Account.perm_level,
        Account.enabled,
        Account.api_access,
    )
    .join(Token.account)
    .where(Token.digest == bindparam("digest"))
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, and how far the token reaches; ``settings`` is ``None`` for all.

    ``token_id`` is ``None`` for somebody who is logged in to the panel, and
    ``has_to_enrol`` says that they may do nothing before they have a second factor.
    """

    username: str
    perm_level: str
    token_id: int | None
    read_only: bool = False
    settings: frozenset[str] | None = None
    has_to_enrol: bool = False


class Authentication:
    """Knows a caller by the token, and notes its use."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def identity(self, username: str | None, token: str, address: str) -> Identity | None:
        """Return whose *token* it is, or ``None``; never why not.

        *username* is ``None`` where the scheme sends none (Bearer). *address* is
        where the request comes from. Raises :class:`DatabaseAway`.
        """
        digest = digest_of(token)
        row = self._database.row(_QUESTION, digest=digest)
        if row is None or not self._opens(row, username, digest, address):
            return None
        self._note_use(row)
        return Identity(
            username=row.username,
            perm_level=row.perm_level,
            token_id=row.id,
            read_only=row.read_only,
            settings=None if row.settings is None else frozenset(row.settings),
        )

    def _opens(self, row: Row[Any], username: str | None, digest: str, address: str) -> bool:
        return (
            hmac.compare_digest(row.digest, digest)
            and (username is None or username == row.username)
            and row.enabled
            and row.api_access
            and (row.expires is None or self._clock() < row.expires)
            and (row.networks is None or _is_within(address, row.networks))
        )

    def _note_use(self, row: Row[Any]) -> None:
        now = self._clock()
        if row.last_used is not None and now - row.last_used < LAST_USE:
            return
        try:
            with self._database.writing() as session:
                session.execute(update(Token).where(Token.id == row.id).values(last_used=now))
        except DatabaseAway:
            # The answer does not depend on it, and the next request notes it.
            return


def digest_of(token: str) -> str:
    """Return what is stored of *token*."""
    # 256 random bits need no salt and no slow hash. A lone surrogate is no part of a token.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _is_within(address: str, networks: Iterable[str]) -> bool:
    try:
        where = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(where, "ipv4_mapped", None)
    return any((mapped or where) in ipaddress.ip_network(network) for network in networks)
