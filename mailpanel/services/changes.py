"""The use cases of settings: set, reset, read, wait.

A change is a new revision in the database; the apply service of each mail host
makes it live and reports.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from mailpanel.errors import FieldError, InvalidFields, NotFound, PreconditionFailed
from mailpanel.models import DesiredSetting, HostSetting, Revision
from mailpanel.seal import Sealer
from mailpanel.services import audit
from mailpanel.services._progress import progress
from mailpanel.services._rows import locked_row
from mailpanel.services._states import SettingState, read_states, state_of, unless_gone
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.database import Database
from mailpanel.services.hosts import away_after
from mailpanel.services.wake import Waker
from mailpanel.settings import SETTINGS, Setting, Stored

__all__ = ["Author", "Changes", "IfMatch", "SettingState"]

SEALED_REVISIONS = 10  # API.md: sealed passwords are kept for the last 10 revisions
FIRST_PAUSE, LONGEST_PAUSE = 0.010, 0.020  # seconds between two looks while waiting

REACHED = ("applied", "failed")

States = list[SettingState]


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The precondition of RFC 9110, 13.1.1: *any* is ``*``, *revisions* are strong entity tags."""

    any: bool
    revisions: frozenset[str]


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
            desired, current = _locked(session, name)
            _check(if_match, current)
            kept = None if current is None else current.sealed
            stored = None
            if current is not None and current.value is not None:
                stored = Stored(current.value, has_secret=kept is not None)
            appstruct = _validated(setting, cstruct, stored, errors, form=form)
            number = _next_number(session, desired)
            value, generated = setting.public(appstruct), None
            if setting.generates:
                generated, value = setting.generate(secrets.token_bytes)
            sealed = self._sealed(setting, number, appstruct, value, kept)
            revision = self._store(
                session, desired, number, author, value=value, sealed=sealed, probe=probe
            )
            state = state_of(revision, [])
        self._waker.wake()
        return replace(state, value=setting.shown(value), generated=generated)

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
            desired, current = _locked(session, name)
            _check(if_match, current)
            if errors:
                raise InvalidFields(list(errors))
            if current is None:
                return None
            if current.reset:
                state = unless_gone(read_states(session, [name]).get(name))
                if state is None or state.status == "deleting":
                    return state
            number = _next_number(session, desired)
            revision = self._store(
                session, desired, number, author, value=None, sealed=None, probe=probe
            )
            state = state_of(revision, [])
        self._waker.wake()
        return state

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
            raise NotFound("There is no such setting.") from None

    def _sealed(
        self,
        setting: Setting,
        number: int,
        appstruct: Mapping[str, Any],
        value: Mapping[str, Any],
        kept: str | None,
    ) -> str | None:
        secret = appstruct.get(setting.secret_field) if setting.secret_field else None
        if secret is None:
            return kept if setting.needs_secret(value) else None
        destination = {field: value.get(field) for field in setting.destination}
        return self._sealer.seal(setting.name, number, destination, secret)

    def _store(
        self,
        session: Session,
        desired: DesiredSetting,
        number: int,
        author: Author,
        *,
        value: dict[str, Any] | None,
        sealed: str | None,
        probe: bool,
    ) -> Revision:
        """Store a revision, a reset where *value* is ``None``, and make it the desired one."""
        revision = Revision(
            setting=desired.setting,
            number=number,
            reset=value is None,
            value=value,
            sealed=sealed,
            probe=probe,
            author=author.username,
            token_id=author.token_id,
            address=author.address,
            created=self._clock(),
        )
        session.add(revision)
        desired.revision = number
        session.flush()
        _forget_old_secrets(session, desired.setting)
        action = "setting.reset" if value is None else "setting.set"
        detail = {} if probe else {"probe": False}
        audit.record(
            session, author, action, desired.setting, number, detail=detail, clock=self._clock
        )
        return revision


def _locked(session: Session, name: str) -> tuple[DesiredSetting, Revision | None]:
    """Return what is desired of *name*, locked, and its revision where it was ever set."""
    desired = locked_row(session, DesiredSetting, {"setting": name}, revision=0)
    return desired, session.get(Revision, {"setting": name, "number": desired.revision})


def _check(if_match: IfMatch | None, current: Revision | None) -> None:
    if if_match is None:
        return
    if current is None or current.reset:
        raise PreconditionFailed("If-Match was sent, but this setting is not set.")
    if not if_match.any and str(current.number) not in if_match.revisions:
        raise PreconditionFailed(
            "This setting was changed meanwhile; read it again, then decide anew."
        )


def _validated(
    setting: Setting,
    cstruct: Any,
    stored: Stored | None,
    errors: Sequence[FieldError],
    *,
    form: bool,
) -> dict[str, Any]:
    try:
        appstruct: dict[str, Any] = setting.validate(cstruct, stored=stored, form=form)
    except InvalidFields as error:
        raise InvalidFields([*errors, *error.errors]) from None
    if errors:
        raise InvalidFields(list(errors))
    return appstruct


def _next_number(session: Session, desired: DesiredSetting) -> int:
    # The hosts refuse what is below the highest revision they have seen, and a
    # database restored from a backup may be behind them.
    query = select(func.max(HostSetting.highest_revision))
    seen = session.scalar(query.where(HostSetting.setting == desired.setting))
    return max(desired.revision, seen or 0) + 1


def _forget_old_secrets(session: Session, name: str) -> None:
    newest = select(Revision.number).where(Revision.setting == name)
    oldest_kept = session.scalar(
        newest.order_by(Revision.number.desc()).offset(SEALED_REVISIONS - 1).limit(1)
    )
    if oldest_kept is not None:
        old = (Revision.setting == name, Revision.number < oldest_kept)
        session.execute(update(Revision).where(*old).values(sealed=None))
