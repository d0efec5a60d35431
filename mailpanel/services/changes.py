"""The use cases of settings: set, reset, restore, read, wait.

A change is a new revision in the database; the apply service of each mail host
makes it live and reports.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from mailpanel.errors import FieldError, NotFound
from mailpanel.seal import Sealer
from mailpanel.services._candidates import make_candidate, validated
from mailpanel.services._deletions import would_delete_more
from mailpanel.services._progress import progress
from mailpanel.services._revisions import (
    IfMatch,
    Place,
    found,
    locked,
    old_candidate,
    present,
    store,
)
from mailpanel.services._states import SettingState, read_states, state_of, unless_gone
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.database import Database
from mailpanel.services.hosts import away_after
from mailpanel.services.wake import Waker
from mailpanel.settings import SETTINGS, Setting
from mailpanel.words import _

__all__ = ["Author", "Changes", "IfMatch", "SettingState"]

FIRST_PAUSE, LONGEST_PAUSE = 0.010, 0.020  # seconds between two looks while waiting

REACHED = ("applied", "failed")

States = list[SettingState]


class Changes:
    """What an administrator can do with the settings.

    *check_interval* is in seconds: how often a live host checks in.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        waker: Waker,
        settings: Mapping[str, Setting] = SETTINGS,
        check_interval: float = 60.0,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._waker = waker
        self._settings = settings
        self._away_after = away_after(check_interval)
        self._clock = clock

    def get(self, name: str) -> SettingState | None:
        """Return the state of setting *name*; ``None`` where it is not set.

        That is: never set, or reset and every registered host reported the reset.
        Raises :class:`NotFound` where there is no such setting.
        """
        self._setting(name)
        with self._database.reading() as session:
            return self._shown(unless_gone(read_states(session, [name]).get(name)))

    def list(self, names: Collection[str] | None = None) -> States:
        """Return the states of all that are set, in the registry's order, or those in *names*."""
        wanted = [name for name in self._settings if names is None or name in names]
        with self._database.reading() as session:
            states = read_states(session, wanted)
        set_now = [states[name] for name in wanted if name in states and states[name].is_set]
        return [state for each in set_now if (state := self._shown(each))]

    def set(
        self,
        name: str,
        cstruct: Any,
        author: Author,
        if_match: IfMatch | None = None,
        probe: bool = True,
        *,
        form: bool = False,
        errors: Sequence[FieldError] = (),
    ) -> SettingState:
        """Make *cstruct* the desired value of setting *name* and return its state.

        *errors* are what the caller has found wrong beside the value. Raises
        :class:`NotFound`, :class:`PreconditionFailed`, then :class:`InvalidFields`
        with all errors at once; nothing is stored then. The stored secret is carried
        along where *cstruct* has none and may keep it.
        """
        setting = self._setting(name)
        with self._database.writing() as session:
            place = locked(session, name)
            place.require(if_match)
            made = make_candidate(
                setting,
                cstruct,
                place.current,
                place.number,
                self._sealer,
                errors=errors,
                form=form,
            )
            revision = store(session, place, author, made, probe=probe, clock=self._clock)
            state = state_of(revision, [])
        self._waker.wake()
        return replace(state, value=setting.shown(made.value), generated=made.generated)

    def reset(
        self,
        name: str,
        author: Author,
        if_match: IfMatch | None = None,
        probe: bool = True,
        *,
        errors: Sequence[FieldError] = (),
    ) -> SettingState | None:
        """Make it desired that setting *name* is what it was before mailpanel.

        Returns ``None`` where there is nothing to reset. While a reset is under way
        nothing new is stored; one that failed is tried again. Raises
        :class:`NotFound`, :class:`PreconditionFailed`, :class:`InvalidFields` for
        *errors*, as :meth:`set`.
        """
        self._setting(name)
        with self._database.writing() as session:
            place = locked(session, name)
            place.require(if_match, errors)
            state = self._resetting(session, place, author, probe)
        self._waker.wake()
        return state

    def restore(
        self,
        name: str,
        number: int,
        author: Author,
        if_match: IfMatch | None = None,
        probe: bool = True,
        *,
        errors: Sequence[FieldError] = (),
    ) -> SettingState | None:
        """Make what revision *number* of setting *name* was desired again, as a new revision.

        Where that was a reset it is a reset, and answers as :meth:`reset`. Raises
        :class:`NotFound`, :class:`PreconditionFailed`, :class:`InvalidFields` for *errors*
        and for a password that is no longer kept, :class:`Conflict` for what was generated.
        """
        setting = self._setting(name)
        with self._database.writing() as session:
            place = locked(session, name)
            old = found(session, name, number)
            place.require(if_match, errors)
            if old.reset:
                state = self._resetting(session, place, author, probe, number)
            else:
                made = old_candidate(setting, old, place.number, self._sealer)
                revision = store(
                    session, place, author, made, probe=probe, clock=self._clock, restored=number
                )
                state = state_of(revision, [])
        self._waker.wake()
        return self._shown(state)

    def deletes_more(
        self,
        name: str,
        cstruct: Any,
        if_match: IfMatch | None = None,
        *,
        form: bool = False,
        errors: Sequence[FieldError] = (),
    ) -> dict[str, Any] | None:
        """Return the value of *cstruct* where :meth:`set` of it would delete what stays so far.

        ``None`` where it would not. Nothing is stored; raises as :meth:`set`.
        """
        setting = self._setting(name)
        with self._database.reading() as session:
            place = present(session, name)
            place.require(if_match)
            given = validated(setting, cstruct, place.current, errors=errors, form=form)
            value = setting.public(given)
            return value if would_delete_more(session, setting, value, place.current) else None

    def restoring_deletes_more(
        self, name: str, number: int, if_match: IfMatch | None = None
    ) -> dict[str, Any] | None:
        """Return the same of :meth:`restore`; raises as that."""
        setting = self._setting(name)
        with self._database.reading() as session:
            place = present(session, name)
            place.require(if_match)
            old = found(session, name, number)
            if old.value is None or not would_delete_more(
                session, setting, old.value, place.current
            ):
                return None
            return dict(old.value)

    def wait(self, name: str, revision: int, seconds: float) -> SettingState | None:
        """Return the state as :meth:`get` does, once *revision* is applied, failed or superseded.

        After *seconds* it is returned as it is then.
        """
        deadline = time.monotonic() + seconds
        pause = FIRST_PAUSE
        while True:
            state = self.get(name)
            if state is None or state.revision != revision or state.status in REACHED:
                return state
            left = deadline - time.monotonic()
            if left <= 0:
                return state
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def status(self, name: str) -> dict[str, Any]:
        """Return who set *name* when, and how far each host is with it.

        ``waiting_for`` names the hosts that are not done; ``away`` is true for a host
        not seen for three check intervals. Raises :class:`NotFound`.
        """
        self._setting(name)
        with self._database.reading() as session:
            return progress(session, name, self._clock(), self._away_after)

    def _shown(self, state: SettingState | None) -> SettingState | None:
        if state is None or state.value is None:
            return state
        return replace(state, value=self._settings[state.name].shown(state.value))

    def _setting(self, name: str) -> Setting:
        try:
            return self._settings[name]
        except KeyError:
            raise NotFound(_("There is no such setting.")) from None

    def _resetting(
        self,
        session: Session,
        place: Place,
        author: Author,
        probe: bool,
        restored: int | None = None,
    ) -> SettingState | None:
        """Store a reset, unless one is under way or there is nothing to reset."""
        if place.current is None:
            return None
        if place.current.reset:
            name = place.desired.setting
            state = unless_gone(read_states(session, [name]).get(name))
            if state is None or state.status == "deleting":
                return state
        revision = store(
            session, place, author, None, probe=probe, clock=self._clock, restored=restored
        )
        return state_of(revision, [])
