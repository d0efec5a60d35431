"""Waking the couriers: of this host by a datagram, or of all hosts by PostgreSQL.

A wake-up is a hint, so none of it ever breaks a change: where one is lost, the
courier's periodic check finds what is new. How a courier hears it:
:mod:`mailpanel.services.listen`.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from mailpanel.errors import DatabaseAway
from mailpanel.services.database import Database

__all__ = ["CHANNEL", "NotifyWaker", "SocketWaker", "Waker", "make_waker"]

CHANNEL = "mailpanel"


class Waker(Protocol):
    """What tells the couriers that something is new."""

    def wake(self) -> None:
        """Wake them; to be called after the commit. Never raises."""


def make_waker(database: Database, wake_socket: Path) -> Waker:
    """Return what wakes the couriers of *database*; *wake_socket* counts beside SQLite only."""
    return NotifyWaker(database) if database.file is None else SocketWaker(wake_socket)


@dataclass(frozen=True)
class SocketWaker:
    """Tells the courier that listens on *socket_path*."""

    socket_path: Path

    def wake(self) -> None:
        """Send one datagram; never waits and never fails."""
        # Nobody may listen, or the courier is woken already and its buffer full.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.setblocking(False)
            sender.sendto(b"1", str(self.socket_path))


@dataclass(frozen=True)
class NotifyWaker:
    """Tells all couriers that listen on *database*."""

    database: Database

    def wake(self) -> None:
        """Notify; a database that went away after the commit is no error here."""
        with (
            contextlib.suppress(DatabaseAway, SQLAlchemyError),
            self.database.writing() as session,
        ):
            session.execute(text(f"NOTIFY {CHANNEL}"))
