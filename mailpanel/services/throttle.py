"""Counting bad credentials, so that guessing is slow."""

from __future__ import annotations

import ipaddress
from math import ceil

from sqlalchemy import delete

from mailpanel.models import FailedAttempt
from mailpanel.services._rows import locked_row
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.database import Database

__all__ = ["Throttle"]


class Throttle:
    """At most *limit* bad credentials from one network in each *window* of seconds.

    A network is an IPv4 address, or an IPv6 /64: whoever has one has them all. What is
    counted for one *purpose* does not count for another.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock = utc_now,
        limit: int = 100,
        window: int = 60,
        *,
        purpose: str = "",
    ) -> None:
        self._database = database
        self._clock = clock
        self._limit = limit
        self._window = window
        self._purpose = purpose

    def failed(self, address: str) -> None:
        """Count a bad credential from *address*; raises :class:`DatabaseAway`."""
        now = int(self._clock().timestamp())
        with self._database.writing() as session:
            session.execute(delete(FailedAttempt).where(FailedAttempt.until <= now))
            key = {"who": self._key(address), "until": self._until()}
            locked_row(session, FailedAttempt, key, count=0).count += 1

    def retry_after(self, address: str) -> int | None:
        """Return the seconds that *address* has to wait, or ``None`` where it may try."""
        until = self._until()
        with self._database.reading() as session:
            key = {"who": self._key(address), "until": until}
            row = session.get(FailedAttempt, key)
        if row is None or row.count < self._limit:
            return None
        return max(1, ceil(until - self._clock().timestamp()))

    def _key(self, address: str) -> str:
        return f"{self._purpose}{_network(address)}"[:96]

    def _until(self) -> int:
        return (int(self._clock().timestamp()) // self._window + 1) * self._window


def _network(address: str) -> str:
    try:
        where = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(where, ipaddress.IPv6Address) and where.ipv4_mapped is None:
        return str(ipaddress.ip_network((where, 64), strict=False))
    return str(getattr(where, "ipv4_mapped", None) or where)
