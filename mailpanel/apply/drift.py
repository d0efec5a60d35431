"""Drift: what somebody has edited of what was applied, and whether somebody keeps at it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from mailpanel.apply.beliefs import believed
from mailpanel.apply.faults import log_frames, unforeseen
from mailpanel.apply.fights import Fights
from mailpanel.errors import MailpanelError
from mailpanel.host.mailhost import Host
from mailpanel.host.state import Record, State
from mailpanel.plan import Facts, Plan
from mailpanel.reports import Desired
from mailpanel.seal import Opener
from mailpanel.settings import Setting

__all__ = ["Drift"]

# What a look at a host adds to the details of a setting.
ADDED = frozenset({"drift", "overridden", "problem", "fight", "unread_edits"})


class Drift:
    """Looks at a host; *store* keeps a record and tells of it."""

    def __init__(
        self,
        host: Host,
        state: State,
        opener: Opener,
        settings: Mapping[str, Setting],
        store: Callable[[Record], None],
    ) -> None:
        self._host = host
        self._state = state
        self._opener = opener
        self._settings = settings
        self._store = store
        self._fights = Fights(state.directory / "fights.json")

    def look(self, wanted: Desired) -> None:
        """Find out what somebody edited of what was applied for *wanted*, and tell of it.

        Nothing is changed. What keeps it from being applied once more is told as well.
        """
        record = self._state.get(wanted.setting)
        is_live = record.status == "applied" and record.revision == wanted.revision
        if wanted.setting not in self._settings or wanted.reset or not is_live:
            return
        details = {name: record.details[name] for name in record.details.keys() - ADDED}
        try:
            details |= self._found(wanted, record)
        except MailpanelError as error:
            details["problem"] = str(error)
        except Exception as error:  # noqa: BLE001 (a look must not stop the service)
            log_frames(error)
            details["problem"] = str(unforeseen(error))
        if details != record.details:
            self._store(replace(record, details=details))

    def is_edited(self, wanted: Desired, record: Record) -> bool:
        """Say whether somebody has edited what was applied for *wanted*, as far as that shows."""
        try:
            return bool(self._host.drift(wanted.setting, *self._plan(wanted, record)))
        except MailpanelError:
            return False

    def written(self, setting: str) -> None:
        """Take note that mailpanel's own value stands there again."""
        self._fights.settled(setting)

    def fight(self, setting: str) -> str | None:
        """Return who keeps changing *setting*, in a sentence; ``None`` for nobody."""
        return self._fights.sentence(setting)

    def _found(self, wanted: Desired, record: Record) -> dict[str, Any]:
        details: dict[str, Any] = {}
        plan, facts = self._plan(wanted, record)
        drift = self._host.drift(wanted.setting, plan, facts)
        self._fights.seen(wanted.setting, drift, time.time())
        if drift:
            details["drift"] = [asdict(each) for each in drift]
        if drift and (sentence := self._fights.sentence(wanted.setting)):
            details["fight"] = sentence
        # Of files that are edited it is known already that they do not count as they were.
        if not drift and (sentence := self._host.overridden(plan, facts)):
            details["overridden"] = sentence
        if unread := self._host.unread_edits(self._settings[wanted.setting].part):
            details["unread_edits"] = unread
        return details

    def _plan(self, wanted: Desired, record: Record) -> tuple[Plan, Facts]:
        """Return what was applied, as a plan for the host as it stands now."""
        setting = self._settings[wanted.setting]
        facts = self._host.facts(setting.part)
        value, secret = believed(self._opener, setting, wanted)
        return setting.plan(record.value or value, secret, facts), facts
