"""The time, as services take it and answers show it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["Clock", "in_text", "utc_now"]

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)


def in_text(time: datetime | None) -> str | None:
    """Return *time* as RFC 3339 to the millisecond, like ``2026-11-22T14:23:05.120Z``."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
