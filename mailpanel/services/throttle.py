"""Counting bad credentials, so that guessing is slow."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from math import ceil
from typing import Any, NamedTuple

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from mailpanel.errors import Throttled
from mailpanel.models import FailedAttempt
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.database import Database

__all__ = ["Throttle", "Try", "network_of"]

REFUSAL = "Too many bad credentials came from this address."


class Try(NamedTuple):
    """One that was counted: the end of its window, and how many are left in it."""

    until: int
    left: int


class Throttle:
    """At most *limit* tries under one name in each *window* of seconds.

    A name is that of a network, an IPv4 address or an IPv6 /64 (whoever has one has
    them all), or any other text. What is counted for one *purpose* does not count for
    another; *refusal* is the sentence for whoever has to wait.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock = utc_now,
        limit: int = 100,
        window: int = 60,
        *,
        purpose: str = "",
        refusal: str = REFUSAL,
    ) -> None:
        self._database = database
        self._clock = clock
        self._limit = limit
        self._window = window
        self._purpose = purpose
        self._refusal = refusal

    def guess(self, who: str, is_right: Callable[[], bool]) -> bool:
        """Say whether the guess of *who* is right; only the wrong ones stay counted.

        It is counted before it is looked at: of many at the same moment, none is looked at
        beyond the limit. Raises what :meth:`count` does.
        """
        until = self.count(who).until
        right = is_right()
        if right:
            self._take_back(who, until)
        return right

    def count(self, who: str) -> Try:
        """Count a try of *who*; raises :class:`Throttled`, :class:`DatabaseAway`."""
        until = self._until()
        # Whoever is refused already costs no write.
        self.check(who)
        with self._database.writing() as session:
            count = session.scalar(self._one_more(session, self._key(who), until))
            if count == 1:
                now = int(self._clock().timestamp())
                session.execute(delete(FailedAttempt).where(FailedAttempt.until <= now))
        if count is None:
            raise self._refused(until)
        return Try(until, self._limit - count)

    def check(self, who: str) -> None:
        """Raise :class:`Throttled` where *who* has to wait."""
        until = self._until()
        with self._database.reading() as session:
            row = session.get(FailedAttempt, {"who": self._key(who), "until": until})
        if row is not None and row.count >= self._limit:
            raise self._refused(until)

    def _one_more(self, session: Session, key: str, until: int) -> Any:
        """Return the statement that counts one more, and returns no row at the limit.

        It is one statement, since between a look and a write another process may write.
        """
        dialects: dict[str, Any] = {"sqlite": sqlite, "postgresql": postgresql}
        insert = dialects[session.get_bind().dialect.name].insert(FailedAttempt)
        return (
            insert.values(who=key, until=until, count=1)
            .on_conflict_do_update(
                index_elements=["who", "until"],
                set_={"count": FailedAttempt.count + 1},
                where=FailedAttempt.count < self._limit,
            )
            .returning(FailedAttempt.count)
        )

    def _take_back(self, who: str, until: int) -> None:
        where = (FailedAttempt.who == self._key(who), FailedAttempt.until == until)
        with self._database.writing() as session:
            session.execute(
                update(FailedAttempt).where(*where).values(count=FailedAttempt.count - 1)
            )

    def _refused(self, until: int) -> Throttled:
        return Throttled(self._refusal, max(1, ceil(until - self._clock().timestamp())))

    def _key(self, who: str) -> str:
        return f"{self._purpose}{network_of(who)}"[:96]

    def _until(self) -> int:
        return (int(self._clock().timestamp()) // self._window + 1) * self._window


def network_of(address: str) -> str:
    """Return the network that *address* counts for: itself, or the /64 of an IPv6 one."""
    try:
        where = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(where, ipaddress.IPv6Address) and where.ipv4_mapped is None:
        return str(ipaddress.ip_network((where, 64), strict=False))
    return str(getattr(where, "ipv4_mapped", None) or where)
