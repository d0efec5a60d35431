"""Listening to PostgreSQL's NOTIFY: one channel, and every host listens on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import psycopg

from mailpanel.services.wake import CHANNEL

__all__ = ["NotifyListener"]

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between two tries to connect


@dataclass(frozen=True)
class NotifyListener:
    """Is woken through a connection of its own, made with *parameters* of libpq's."""

    parameters: dict[str, Any] = field(repr=False)

    async def listen(self, woken: Callable[[], None]) -> NoReturn:
        """Call *woken* for notifications, and at each new connection: some may be lost before."""
        pause = FIRST_PAUSE

        def connected() -> None:
            nonlocal pause
            pause = FIRST_PAUSE
            woken()

        while True:
            try:
                await self._listen(connected, woken)
            except (psycopg.Error, OSError) as error:
                reason = " ".join(str(error).split())
                log.warning("wake-ups are away: %s: %s", type(error).__name__, reason)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _listen(self, connected: Callable[[], None], woken: Callable[[], None]) -> None:
        # Not the connection that queries go through: one that waits inside notifies() would
        # never get to them.
        connection = await psycopg.AsyncConnection.connect(autocommit=True, **self.parameters)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            connected()
            async for _ in connection.notifies():
                woken()
