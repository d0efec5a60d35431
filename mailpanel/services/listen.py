"""What a courier is woken by: the other end of :mod:`mailpanel.services.wake`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

from mailpanel.services.database import Database

__all__ = ["Listener", "SocketListener", "make_listener"]


class Listener(Protocol):
    """What a courier is woken by."""

    async def listen(self, woken: Callable[[], None]) -> NoReturn:
        """Call *woken* once it listens, and at each wake-up, until it is cancelled."""


def make_listener(database: Database, wake_socket: Path) -> Listener:
    """Return what :func:`mailpanel.services.wake.make_waker` of the same database wakes."""
    if database.server is None:
        return SocketListener(wake_socket)
    # Its driver is not everywhere.
    from mailpanel.services._notify import NotifyListener

    return NotifyListener(database.server)


@dataclass(frozen=True)
class SocketListener:
    """Is woken by datagrams to *socket_path*, which is made anew."""

    socket_path: Path

    async def listen(self, woken: Callable[[], None]) -> NoReturn:
        """Call *woken* for datagrams; raises :class:`OSError` where it cannot be bound."""
        # It is left there at the end: by then it may be that of the courier that follows.
        self.socket_path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.setblocking(False)
            receiver.bind(str(self.socket_path))
            self.socket_path.chmod(0o600)
            woken()
            while True:
                await asyncio.get_running_loop().sock_recv(receiver, 16)
                with contextlib.suppress(BlockingIOError):
                    while receiver.recv(16):
                        pass
                woken()
