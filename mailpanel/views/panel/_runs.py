"""What a clearing run has deleted, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mailpanel.views.panel._cards import Card, Chip
from mailpanel.views.panel._chart import Chart
from mailpanel.views.panel._trials import size
from mailpanel.words import Words, _, counted, sentences

__all__ = ["Cleared", "Run", "cleared", "deleted"]

CHIPS = {"running": Chip(_("under way"), "busy"), "failed": Chip(_("failed"), "bad")}


class Run:
    """One run on one mail store, as the service tells it."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.host: str = told["host"]
        self.mail_store: str = told["mail_store"]
        self.started: str = told["started"]
        self.error: str | None = told["error"]
        self.is_running: bool = told["status"] == "running"
        self.chip: Chip | None = CHIPS.get(told["status"])
        """None where it has ended well: what it has deleted says so."""
        self._told = told

    @property
    def headline(self) -> Words | None:
        """Return what it has deleted in all, as far as it has told."""
        messages: int = self._told["messages"]
        return deleted(messages, self._told["bytes"]) if messages or not self.chip else None

    @property
    def says(self) -> str | None:
        """Return what the host says, where that is more than the sum."""
        said: str | None = self._told["says"]
        return said if said and ". " in said else None

    @property
    def how(self) -> Words:
        """Return why it ran."""
        name = self._told["asked_by"]
        return _("the daily run") if name is None else _("asked for by ${name}", name=name)

    @property
    def folders(self) -> list[tuple[str, str]]:
        """Return each folder, and what was done in it."""
        return [(told["folder"], _in_words(told)) for told in self._told["folders"]]


def deleted(messages: int, bytes_: int) -> Words:
    """Return how much went, in a sentence."""
    if not messages:
        return _("Nothing was old enough.")
    return counted(
        "${count} message (${size}) deleted.",
        "${count} messages (${size}) deleted.",
        messages,
        size=size(bytes_),
    )


def _in_words(told: dict[str, Any]) -> str:
    age = counted("${count} day", "${count} days", told["days"])
    if told["messages"]:
        words = counted(
            "${count} message (${size}), older than ${age}, from ${mailboxes}.",
            "${count} messages (${size}), older than ${age}, from ${mailboxes}.",
            told["messages"],
            size=size(told["bytes"]),
            age=age,
            mailboxes=counted("${count} mailbox", "${count} mailboxes", told["mailboxes"]),
        )
    else:
        words = _("Nothing was older than ${age}.", age=age)
    rest = None if told["complete"] else _("Not every mailbox could be cleared.")
    return sentences(words, rest)


@dataclass(frozen=True, slots=True)
class Cleared:
    """What went day by day, as a *chart*; *words* say why there is none."""

    chart: Chart | None
    words: Words | None = None


def cleared(request: Any, card: Card) -> Cleared:
    """Return what the runs of *card*'s setting have deleted on the last days."""
    chart = Chart(request.clearings.per_day())
    if chart.total:
        return Cleared(chart)
    if request.clearings.runs(limit=1):
        words = _("Nothing was cleared in the last ${days} days.", days=len(chart.bars))
    elif card.status is None:
        words = _("How many messages went each day will stand here, once an interval is set.")
    else:
        words = _("How many messages went each day will stand here after the first daily run.")
    return Cleared(None, words)
