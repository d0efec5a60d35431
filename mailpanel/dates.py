"""Times in words that can be said in another language."""

from __future__ import annotations

from datetime import UTC, datetime

from mailpanel.words import Words, _, counted

__all__ = ["ago", "day", "exactly", "in_full", "minute"]

MINUTE, HOUR, DAY = 60, 3600, 86_400

MONTHS = (
    _("January"),
    _("February"),
    _("March"),
    _("April"),
    _("May"),
    _("June"),
    _("July"),
    _("August"),
    _("September"),
    _("October"),
    _("November"),
    _("December"),
)


def ago(time: datetime, now: datetime) -> Words:
    """Return the time from *time* to *now* in words."""
    seconds = int((now - time).total_seconds())
    if seconds < 5:
        return _("just now")
    if seconds < MINUTE:
        return counted("${count} second ago", "${count} seconds ago", seconds)
    if seconds < HOUR:
        return counted("${count} minute ago", "${count} minutes ago", seconds // MINUTE)
    if seconds < DAY:
        return counted("${count} hour ago", "${count} hours ago", seconds // HOUR)
    return counted("${count} day ago", "${count} days ago", seconds // DAY)


def day(time: datetime) -> Words:
    """Return the day of *time*, in UTC."""
    time = time.astimezone(UTC)
    month = MONTHS[time.month - 1]
    return _("${day} ${month} ${year}", day=time.day, month=month, year=time.year)


def exactly(time: datetime) -> Words:
    """Return *time* to the second, in UTC: the server does not know the reader's zone."""
    return _("${day}, ${time} UTC", day=day(time), time=f"{time.astimezone(UTC):%H:%M:%S}")


def in_full(time: datetime) -> Words:
    """Return *time* to the minute, in UTC."""
    return _("${day}, ${time} UTC", day=day(time), time=f"{time.astimezone(UTC):%H:%M}")


def minute(time: datetime) -> Words:
    """Return *time* to the minute, without the year."""
    month = MONTHS[time.month - 1]
    return _("${day} ${month}, ${time} UTC", day=time.day, month=month, time=f"{time:%H:%M}")
