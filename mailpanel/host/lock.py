"""One process at a time changes a host."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailpanel.errors import Busy

__all__ = ["locked"]


@contextmanager
def locked(path: Path, wait: bool) -> Iterator[None]:
    """Hold the lock file at *path*; the kernel frees it when the process ends, however it ends.

    With *wait* it is waited for; without, :class:`Busy` is raised where another holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise Busy(
                "Another apply service is at work on this host; stop it first, or wait."
            ) from None
        yield
    finally:
        os.close(descriptor)
