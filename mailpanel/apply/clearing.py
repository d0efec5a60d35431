"""When this host clears its Junk and Trash folders, and the run that is under way.

Root goes by its own record alone: what is live, in which folders and after how many days. What
comes through the pipe can say that a run may begin, and nothing of what it deletes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from mailpanel.apply.faults import log_frames, unforeseen
from mailpanel.apply.messages import (
    ClearingClaimed,
    ClearingDue,
    ClearingTold,
    ClearingUnderWay,
    Message,
)
from mailpanel.errors import HostError, MailpanelError
from mailpanel.host.mailhost import Host
from mailpanel.host.part import Sweeping
from mailpanel.host.state import Record, State
from mailpanel.reports import Desired, Errand, ErrandAnswer
from mailpanel.settings import Setting

__all__ = ["NEVER", "Clearing"]

NEVER = "never"
# Of one turn of the service, in seconds; how often a run is told of, and what it goes by is
# looked at anew.
SLICE, TELL = 1.0, 10.0
# How soon the courier is asked again where it did not answer, and how soon, in seconds, folders
# are cleared on request once more: whoever can write to the database could ask for ever.
ASK_AGAIN = REST = 60.0
# As many answers are taken in a turn; there is one question.
MOST_ANSWERS = 10
# So long after its time the run of a day still begins, where the host was off.
CATCH_UP = timedelta(hours=20)
CHANGED = "It was ended early: the interval has been changed meanwhile."
STOPPED = "It was ended early: mailpanel apply was stopped on this host."
UNDER_WAY = "Folders are being cleared on this host just now; wait until that has ended."
NOTHING = "No folder is cleared on this host: no interval is live here."
TOO_SOON = "Folders were cleared on this host a moment ago; wait a minute."
ANOTHER = "Another host clears this mail store."
TOO_LATE = "It was not begun: this host had given it up."


@dataclass(slots=True)
class _Run:
    """The run *number*, and what is live as long as it may go on."""

    number: int
    live: tuple[Any, ...]
    sweep: Sweeping
    told: float


class Clearing:
    """The runs of one host by *setting*, at the time of day *at*, or :data:`NEVER`.

    *send* hands a message to the courier; *now* is the local time.
    """

    def __init__(
        self,
        host: Host,
        state: State,
        setting: Setting,
        send: Callable[[Message], None],
        *,
        at: str,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._host = host
        self._state = state
        self._setting = setting
        self._send = send
        self._at = at
        self._now = now
        self._run: _Run | None = None
        self._last: ClearingTold | None = None
        self._questions = 0
        self._asked_at = self._ended_at = float("-inf")
        self._asked: ClearingDue | None = None
        self._answers: list[ClearingClaimed] = []
        # The day whose run was, or is nobody's here.
        self._day = ""

    @property
    def is_under_way(self) -> bool:
        """Say whether there is more to do at once."""
        return self._run is not None or bool(self._answers)

    def greet(self) -> None:
        """Tell a new courier what an earlier one may not have written."""
        self._asked = None
        if self._last is not None:
            self._send(self._last)
        self._send(ClearingUnderWay(self._run.number if self._run else 0))

    def request(self, errand: Errand) -> ErrandAnswer | None:
        """Ask for a run for *errand*; return what is in the way of it."""
        obstacle = None
        if self._run is not None or (self._asked is not None and not self._is_stale):
            obstacle = UNDER_WAY
        elif not self._clears:
            obstacle = NOTHING
        elif time.monotonic() - self._ended_at < REST:
            obstacle = TOO_SOON
        if obstacle is not None:
            return ErrandAnswer(errand.number, obstacle, (), ())
        self._ask(None, errand.number)
        return None

    def claimed(self, message: ClearingClaimed) -> None:
        """Take the courier's answer; it may come in the middle of a change."""
        if len(self._answers) < MOST_ANSWERS:
            self._answers.append(message)

    def _claimed(self, message: ClearingClaimed, wanted: Desired | None) -> None:
        """Begin the run that *message* gives, where it was asked for."""
        due = self._asked
        if due is None or due.number != message.number or self._run is not None:
            if message.run and (self._run is None or message.run != self._run.number):
                self._send(ClearingTold(message.run, True, TOO_LATE, "", ()))
            return
        self._asked = None
        if due.day is None:
            error = None if message.run else ANOTHER
            self._send(ErrandAnswer(due.errand, error, (), ()))
        else:
            self._day = due.day
        if message.run:
            self._begin(message.run, wanted)

    def go_on(self, wanted: Desired | None) -> None:
        """Do the next bit of the run under way, or ask for the one that is due.

        *wanted* is the interval as the database wants it.
        """
        while self._answers:
            self._claimed(self._answers.pop(0), wanted)
        if self._run is not None:
            self._slice(self._run, wanted)
        elif self._is_due(day := self._due_day, wanted):
            self._ask(day, 0)

    def stop(self) -> None:
        """End the run under way: this process ends."""
        if self._run is not None:
            self._end(self._run, STOPPED)

    @property
    def _record(self) -> Record:
        return self._state.get(self._setting.name)

    @property
    def _clears(self) -> bool:
        """Say whether anything that is live here deletes anything."""
        record = self._record
        return bool(record.live and record.value and any(record.value.values()))

    @property
    def _due_day(self) -> str | None:
        """Return the day whose run is due, ``None`` where its time is too long ago, or none is."""
        if self._at == NEVER:
            return None
        now = self._now().replace(tzinfo=None)
        at = datetime.combine(now.date(), time_of_day.fromisoformat(self._at))
        # Before midnight a service that looks once a minute may come too late for its day.
        at -= timedelta(days=at > now)
        return at.date().isoformat() if now - at < CATCH_UP else None

    @property
    def _is_stale(self) -> bool:
        return time.monotonic() - self._asked_at >= ASK_AGAIN

    def _is_due(self, day: str | None, wanted: Desired | None) -> bool:
        if day is None or self._day == day or not self._is_stale:
            return False
        if not self._clears:
            # What is set later waits for the next run.
            self._day = day
            return False
        # A host on which it has failed would take the day of one that shares the mail store.
        return _is_settled(wanted, self._record) and self._record.status == "applied"

    def _ask(self, day: str | None, errand: int) -> None:
        self._asked_at = time.monotonic()
        # One that was not answered is the same question still.
        if self._asked is None or errand or self._asked.day != day:
            self._questions += 1
            self._asked = ClearingDue(self._questions, day, errand)
        self._send(self._asked)

    def _begin(self, number: int, wanted: Desired | None) -> None:
        # Another run may bear its number, where the database was made anew.
        self._last = None
        try:
            sweep = self._made(wanted)
        except MailpanelError as error:
            self._tell(ClearingTold(number, True, str(error), "", ()))
        except Exception as error:  # noqa: BLE001 (a run's fault must not stop the service)
            log_frames(error)
            self._tell(ClearingTold(number, True, str(unforeseen(error)), "", ()))
        else:
            self._run = _Run(number, _live(self._record), sweep, time.monotonic())
            # Which days it goes by is known from the beginning.
            self._send(_told(self._run, None, ended=False))

    def _made(self, wanted: Desired | None) -> Sweeping:
        """Return the run by what is live; raises :class:`HostError` where nothing may go by it."""
        record = self._record
        if not _is_settled(wanted, record) or record.status != "applied":
            raise HostError(
                "The interval that is wanted is not what is live on this host, so nothing is "
                "cleared; its status says why."
            )
        if not self._clears:
            raise HostError(NOTHING)
        facts = self._host.facts(self._setting.part)
        plan = self._setting.plan(record.value or {}, None, facts)
        return self._host.sweep(plan.previews, facts)

    def _slice(self, run: _Run, wanted: Desired | None) -> None:
        if _live(self._record) != run.live or not _is_settled(wanted, self._record):
            self._end(run, CHANGED)
            return
        try:
            if time.monotonic() - run.told >= TELL:
                run.told = time.monotonic()
                run.sweep.require_live()
                self._send(_told(run, None, ended=False))
            is_left = run.sweep.go_on(SLICE)
        except MailpanelError as error:
            self._end(run, str(error))
        except EOFError:
            raise
        except Exception as error:  # noqa: BLE001 (a run's fault must not stop the service)
            log_frames(error)
            self._end(run, str(unforeseen(error)))
        else:
            if not is_left:
                self._end(run, None)

    def _end(self, run: _Run, error: str | None) -> None:
        self._run = None
        self._ended_at = time.monotonic()
        if error is not None:
            run.sweep.stop()
        self._tell(_told(run, error, ended=True))

    def _tell(self, told: ClearingTold) -> None:
        # Another courier is told it again.
        self._last = told
        self._send(told)


def _is_settled(wanted: Desired | None, record: Record) -> bool:
    """Say whether what the database wants is what this host has tried to the end."""
    return (
        wanted is not None
        and not wanted.reset
        and wanted.revision == record.revision
        and record.status not in ("applying", "settling")
    )


def _live(record: Record) -> tuple[Any, ...]:
    return record.revision, record.live, record.value, record.status


def _told(run: _Run, error: str | None, *, ended: bool) -> ClearingTold:
    return ClearingTold(run.number, ended, error, run.sweep.says(), run.sweep.folders())
