"""Waking the courier of this host."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Waker"]


@dataclass(frozen=True)
class Waker:
    """Tells the courier that listens on *socket_path* that something is new."""

    socket_path: Path

    def wake(self) -> None:
        """Send one datagram; never waits and never fails."""
        # A wake-up is a hint. Where nobody listens, or the courier is woken already and its
        # buffer is full, the periodic check finds what is new.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.setblocking(False)
            sender.sendto(b"1", str(self.socket_path))
