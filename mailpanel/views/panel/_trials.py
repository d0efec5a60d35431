"""What each host answered to values that are not saved, in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mailpanel.dates import day
from mailpanel.heard import heard
from mailpanel.views.panel._cards import STATES, STEPS, Chip, in_words
from mailpanel.views.panel._diffs import Diff, diffs_of
from mailpanel.words import Words, _, counted, grouped

__all__ = ["Trial", "TrialStep", "size"]

# The steps of a probe, beside those that every change has.
PROBE = {
    "resolve": _("Look up"),
    "connect": _("Connect"),
    "greeting": _("Greeting"),
    "tls": _("TLS"),
    "auth": _("Log in"),
    "postfix": _("Postfix's own way"),
    "message": _("One real message"),
    "other ways": _("Other ways"),
    "log in": _("Log in"),
}
# What is shown in columns of what would come of it; the rest a sentence tells.
COUNTED = {
    "folder": _("Folder"),
    "messages": _("Messages"),
    "bytes": _("Bytes"),
    "mailboxes": _("Mailboxes"),
    "oldest": _("Oldest"),
}
_UNITS = ("kB", "MB", "GB")
_KILO = 1000


class TrialStep:
    """One step of a test, as a host tells it; ``duration_ms`` is ``None`` while it goes on."""

    def __init__(self, told: dict[str, Any]) -> None:
        says: str = told["says"]
        name: str = told["name"]
        self.says = heard(says)
        self.name = PROBE.get(name) or STEPS.get(name) or in_words(name)
        self.state: str = "now" if told["ok"] is None else "done" if told["ok"] else "failed"
        self.duration_ms: int | None = told["duration_ms"]

    @property
    def in_words(self) -> str:
        """Return the state in a word."""
        return STATES[self.state]


class Trial:
    """What one host answered."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.host: str = answer["host"]
        self.done: bool = answer["done"]
        self.ok: bool = answer["ok"]
        now = answer["now"] if not self.done else None
        under_way = [{"name": now, "ok": None, "duration_ms": None, "says": ""}] if now else []
        self.steps = [TrialStep(each) for each in [*answer["steps"], *under_way]]
        self.diffs: list[Diff] = diffs_of(answer["diffs"])
        self._error: str | None = answer["error"]
        preview: list[dict[str, Any]] = answer.get("preview") or []
        self._preview = [{name: row[name] for name in COUNTED if name in row} for row in preview]
        self.sentences: list[str] = [row["says"] for row in preview if "says" in row]
        self.newly: int = sum(row.get("newly", row.get("messages", 0)) for row in preview)
        self.is_counted: bool = answer.get("preview") is not None
        self.is_complete = self.is_counted and all(row.get("complete") for row in preview)

    @property
    def chip(self) -> Chip:
        """Return whether it would work there."""
        if not self.done:
            return Chip(_("under way") if self.steps else _("no answer yet"), "busy")
        return Chip(_("would work"), "ok") if self.ok else Chip(_("would fail"), "bad")

    @property
    def error(self) -> str | None:
        """Return why it would fail, where none of the steps says that."""
        told = any(step.says == self._error for step in self.steps)
        return None if told else heard(self._error)

    def total(self, name: str) -> int:
        """Return the sum of what is counted under *name*, which is one of :data:`COUNTED`."""
        return sum(row.get(name, 0) for row in self._preview)

    @property
    def columns(self) -> list[str]:
        """Return what :attr:`rows` tell, in words; none where there is nothing to preview."""
        return [COUNTED[name] for name in (self._preview[0] if self._preview else ())]

    @property
    def rows(self) -> list[list[str]]:
        """Return what would come of it, as the setting counts that."""
        return [[_cell(name, each) for name, each in row.items()] for row in self._preview]


def _cell(name: str, told: Any) -> str:
    if told is None:
        return _("none")
    if not isinstance(told, int):
        return _day(str(told))
    return size(told) if name == "bytes" else grouped(told)


def _day(text: str) -> str:
    """Return the day where *text* is a time as the services write it, else *text*."""
    try:
        return day(datetime.fromisoformat(text))
    except ValueError:
        return text


def size(count: int) -> Words:
    """Return *count* bytes in the unit that a person would say."""
    if count < _KILO:
        return counted("${count} byte", "${count} bytes", count)
    size, unit = count / _KILO, 0
    while size >= _KILO and unit < len(_UNITS) - 1:
        size, unit = size / _KILO, unit + 1
    return _("${number} ${unit}", number=grouped(size, 1), unit=_UNITS[unit])
