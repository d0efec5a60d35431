"""Times in words that can be said in another language."""

from __future__ import annotations

from datetime import UTC, date, datetime

from mailpanel.words import Words, _, counted

__all__ = [
    "ago",
    "calendar_day",
    "calendar_day_and_year",
    "day",
    "exactly",
    "in_full",
    "minute",
]

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
    return calendar_day_and_year(time.astimezone(UTC))


def calendar_day_and_year(each: date) -> Words:
    """Return *each* as a calendar has it."""
    return _("${day} ${month} ${year}", day=each.day, month=MONTHS[each.month - 1], year=each.year)


def calendar_day(each: date) -> Words:
    """Return the same without the year."""
    return _("${day} ${month}", day=each.day, month=MONTHS[each.month - 1])


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
