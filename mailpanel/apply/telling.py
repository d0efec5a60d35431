"""What was done is kept in root's own state, and told to the courier and to the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mailpanel.apply.beliefs import HIGHEST_REVISION
from mailpanel.host.state import Record, State
from mailpanel.host.words import whole_text
from mailpanel.reports import Desired, Report

__all__ = ["Teller", "in_text"]

log = logging.getLogger(__name__)


class Teller:
    """Keeps the records in *state*; *report* is told each, ``EOFError`` where nobody listens."""

    def __init__(self, state: State, report: Callable[[Report], None]) -> None:
        self._state = state
        self._report = report
        self._logged: dict[str, str] = {}
        # What came out of its turn, and why.
        self._refused: dict[str, tuple[Desired, str]] = {}

    def finish(self, record: Record, started: float) -> None:
        """Keep *record* of a try that began at *started*, and tell of it."""
        duration = round((time.monotonic() - started) * 1000)
        record = replace(record, duration_ms=duration, since=time.time())
        told = _told(record)
        if self._logged.get(record.setting) != told:
            # The same failure of the same revision at each try is one line.
            log.info("%s", told)
        self._logged[record.setting] = told
        self.store(record)

    def settled(self, record: Record) -> None:
        """Tell that the reset of *record* is done."""
        done = replace(record, status="applied", step=None, error=None, since=time.time())
        log.info("%s", _told(done))
        self.store(done)

    def store(self, record: Record) -> None:
        """Keep *record* and report it; a full disk must not keep it from being told."""
        try:
            self._state.put(record)
        except OSError as error:
            log.error("what was done cannot be written down: %s", error.strerror)
        self.tell(self._state.get(record.setting))

    def tell(self, record: Record) -> None:
        """Report *record*."""
        status = "applying" if record.status == "settling" else record.status
        self._send(
            Report(
                record.setting,
                record.revision,
                status,
                record.step,
                record.error,
                record.duration_ms,
                max(record.highest, record.revision),
                whole_text(record.details) | _standing(record),
            )
        )

    def tell_all(self) -> None:
        """Report every record anew: what the database has may be older."""
        self._refused.clear()
        for record in self._state.all():
            self.tell(record)

    def refuse(self, wanted: Desired, record: Record, sentence: str) -> None:
        """Tell that *wanted* is out of turn, once: it may stand in the database for long."""
        if self._refused.get(wanted.setting) == (wanted, sentence):
            return
        self._refused[wanted.setting] = wanted, sentence
        log.warning("%s: %s", wanted.setting, sentence)
        number = max(min(wanted.revision, HIGHEST_REVISION), 0)
        self._send(
            Report(
                wanted.setting,
                number,
                "failed",
                "read",
                sentence,
                None,
                record.highest,
                _standing(record),
            )
        )

    def accept(self, setting: str) -> None:
        """Take note that what is wanted of *setting* is in its turn."""
        self._refused.pop(setting, None)

    def refusal(self, setting: str) -> str | None:
        """Return why what is wanted of *setting* is out of turn, ``None`` where it is not."""
        return self._refused[setting][1] if setting in self._refused else None

    @property
    def has_failures(self) -> bool:
        """Say whether a setting has failed, or was refused, on this host."""
        return bool(self._refused) or any(record.status == "failed" for record in self._state.all())

    def _send(self, report: Report) -> None:
        # A courier that has gone must not stop a change half-way; the next is told all.
        with suppress(EOFError):
            self._report(report)


def in_text(time_: float) -> str:
    """Return *time_*, in seconds since the epoch, as RFC 3339 has it."""
    return datetime.fromtimestamp(time_, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _standing(record: Record) -> dict[str, Any]:
    """Return what holds of *record* whatever its setting is: what is live, and when it goes on."""
    again = record.next_attempt
    return {
        "live_revision": record.live or None,
        "next_attempt": in_text(again) if again else None,
    }


def _told(record: Record) -> str:
    """Return what happened, for the log."""
    what = f"{record.setting} revision {record.revision}: "
    what += "reset, " if record.reset else ""
    if record.status == "settling":
        return f"{what}waits for the mail in flight"
    if record.status != "failed":
        return f"{what}{record.status}, {record.duration_ms} ms"
    live = f"revision {record.live} is still live" if record.live else "nothing was changed"
    return f"{what}failed at {record.step}; {live}: {record.error}"
