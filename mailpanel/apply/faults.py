"""Faults that nobody foresaw: what is told of them, and what is logged."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mailpanel.errors import HostError, MailpanelError

__all__ = ["Complaints", "log_frames", "unforeseen"]

log = logging.getLogger(__name__)


class Complaints:
    """Faults of rows in the database: each is logged once, and keeps nothing else from its work.

    Somebody has written there what mailpanel did not; *mend* is called after each.
    """

    def __init__(self, mend: Callable[[], None]) -> None:
        self._mend = mend
        self._said: set[tuple[str, str]] = set()

    @contextmanager
    def about(self, what: str) -> Iterator[None]:
        """Take what is done within as work on *what* in the database."""
        try:
            yield
        except MailpanelError:
            raise
        except Exception as error:  # noqa: BLE001 (one row's fault must not stop the courier)
            key = (what, type(error).__name__)
            if key not in self._said:
                self._said.add(key)
                log.error("what the database holds of %s is broken", what)
                log_frames(error)
            self._mend()


def unforeseen(error: Exception) -> HostError:
    """Return what to tell of a fault that nobody foresaw: its kind, never its text."""
    if isinstance(error, OSError):
        return HostError(f"A file on this host cannot be used: {error.strerror or 'no reason'}.")
    kind = type(error).__name__
    return HostError(f"mailpanel failed on this host ({kind}); its log there says where.")


def log_frames(error: Exception) -> None:
    """Log where *error* was raised; what it says could quote a secret."""
    if not isinstance(error, MailpanelError):
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("%s\n%s", type(error).__name__, frames)
