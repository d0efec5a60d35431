"""Faults that nobody foresaw: what is told of them, and what is logged."""

from __future__ import annotations

import logging
import traceback

from mailpanel.errors import HostError, MailpanelError

__all__ = ["log_frames", "unforeseen"]

log = logging.getLogger(__name__)


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
