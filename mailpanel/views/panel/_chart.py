"""How much was cleared day by day: where each bar of the picture stands, and the picture in words.

It is drawn by ``chart.pt`` and coloured by the style sheet, since the policy of a page
allows neither a style nor a script in it. The picture is stretched to where it stands, so
there is no text in it: that stays beside it, as large as all other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from mailpanel.dates import calendar_day, calendar_day_and_year
from mailpanel.words import Words, _, grouped, sentences

__all__ = ["Bar", "Chart"]

# In units of the picture's own: a day, the bar in the midst of it, and the height of all.
DAY, BAR, HEIGHT = 20, 14, 100
# A day on which nothing went has a mark; one on which little went is told from it.
MARK, LEAST = 2, 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: what was cleared on it, where it begins in the picture, and how high its bar is."""

    day: date
    messages: int
    left: int
    height: float

    @property
    def x(self) -> float:
        """Return where the bar begins."""
        return self.left + (DAY - BAR) / 2

    @property
    def y(self) -> float:
        """Return where it ends, from above."""
        return round(HEIGHT - self.height, 2)

    @property
    def kind(self) -> str:
        """Return ``some``, or ``none`` where nothing was cleared."""
        return "some" if self.messages else "none"

    @property
    def name(self) -> Words:
        """Return the day, as one would say it."""
        return calendar_day(self.day)

    @property
    def words(self) -> Words:
        """Return the same with its number."""
        return _("${day}: ${count}", day=self.name, count=grouped(self.messages))


class Chart:
    """The messages cleared on each of some days, the oldest first; there are two at least."""

    day, bar, height = DAY, BAR, HEIGHT

    def __init__(self, per_day: Sequence[tuple[date, int]]) -> None:
        self._per_day = per_day
        self.total = sum(messages for _day, messages in per_day)

    @property
    def view_box(self) -> str:
        """Return the picture's own measures."""
        return f"0 0 {DAY * len(self._per_day)} {HEIGHT}"

    @cached_property
    def bars(self) -> list[Bar]:
        """Return the bars; the highest is as high as the picture."""
        return [
            self._bar(number, day, messages) for number, (day, messages) in enumerate(self._per_day)
        ]

    @property
    def first(self) -> Words:
        """Return the first day."""
        return calendar_day(self._per_day[0][0])

    @property
    def last(self) -> Words:
        """Return the last day."""
        return calendar_day(self._per_day[-1][0])

    @property
    def caption(self) -> Words:
        """Return what the picture is of, with the number that matters most."""
        return _(
            "cleared per day, last ${days} days: ${average} on average",
            days=len(self._per_day),
            average=self._average,
        )

    @property
    def more(self) -> Words:
        """Return what else can be read off it."""
        highest, messages = self._highest
        return _(
            "Most on ${day}: ${most}. ${total} in all.",
            day=calendar_day(highest),
            most=grouped(messages),
            total=grouped(self.total),
        )

    @property
    def words(self) -> str:
        """Return what somebody who does not see the picture is to know of it."""
        shown = _(
            "Messages cleared per day from ${first} to ${last}: ${average} on average.",
            first=self.first,
            last=calendar_day_and_year(self._per_day[-1][0]),
            average=self._average,
        )
        return sentences(shown, self.more)

    @cached_property
    def _highest(self) -> tuple[date, int]:
        """Return the day on which most went, the latest of them, and how much."""
        day, messages = max(self._per_day, key=lambda each: (each[1], each[0]))
        return day, messages

    @property
    def _average(self) -> Words:
        # To the nearest whole one, a half upwards, as people round.
        days = len(self._per_day)
        rounded = (2 * self.total + days) // (2 * days)
        return grouped(rounded) if rounded or not self.total else _("less than one")

    def _bar(self, number: int, day: date, messages: int) -> Bar:
        most = self._highest[1]
        height = max(LEAST, round(HEIGHT * (messages / most), 2)) if messages else MARK
        return Bar(day, messages, DAY * number, height)
