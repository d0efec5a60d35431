"""The executor: root's part. It unseals, validates again, converges, and reports.

It never opens a socket to the outside nor the database; what it knows of what
is wanted comes through the pipe, and it believes none of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mailpanel.apply.alerts import Alert, due, log_alert
from mailpanel.apply.beliefs import HIGHEST_REVISION, believed
from mailpanel.apply.drift import Drift
from mailpanel.apply.faults import log_frames, unforeseen
from mailpanel.apply.pace import Pace
from mailpanel.errors import (
    HostError,
    MailpanelError,
    OutOfBounds,
    ProtocolError,
    PutBackFailed,
    Refused,
)
from mailpanel.host.mailhost import Host
from mailpanel.host.state import Record, State
from mailpanel.host.transaction import PUT_BACK
from mailpanel.host.words import whole_text
from mailpanel.plan import Facts, Plan, SmtpLogin
from mailpanel.reports import (
    Desired,
    Report,
    Step,
)
from mailpanel.seal import Opener
from mailpanel.settings import Setting

__all__ = ["Executor"]

log = logging.getLogger(__name__)

LONGEST_PAUSE = 3600.0
# A database that a host has not heard of for long does not get further than that.
LARGEST_STEP = 1_000_000
# For which somebody who wants an edit overwritten is kept waiting, in seconds.
LONGEST_WAIT = 10.0
# Far past the longest pause; a host may fail for years.
MOST_DOUBLINGS = 30


class Executor:
    """Makes one host what the database wants, setting by setting.

    *report* is told every step; *try_probe* lets the courier try a probe, returns its steps
    and raises :class:`mailpanel.errors.ProbeFailed` where it fails; *require_server* lets it
    look where the probe would go, and raises the same where no server can be there. *pause* is
    in seconds: a failure that may pass is tried again after it, then after twice that, and so on.
    *grace*, in seconds, is how long what would newly be deleted stays. Where *bounds*,
    what root's options allow, differ from what they were, what is live is made anew. *between*,
    in seconds, lies between two reloads of one daemon. *alert* is
    told what root ought to hear of, once it is live and before that is written down.
    *is_adopted* says whether a value was read off this host: it may replace what it came from.
    """

    def __init__(
        self,
        *,
        host: Host,
        state: State,
        opener: Opener,
        settings: Mapping[str, Setting],
        report: Callable[[Report], None],
        try_probe: Callable[[SmtpLogin], Sequence[Step]],
        pause: float,
        grace: float = 0.0,
        bounds: str = "",
        between: float = 0.0,
        alert: Callable[[Alert], None] = log_alert,
        require_server: Callable[[SmtpLogin], object] = lambda _: None,
        is_adopted: Callable[[Desired], bool] = lambda _wanted: False,
    ) -> None:
        self._host = host
        self._state = state
        self._opener = opener
        self._settings = settings
        self._report = report
        self._try_probe = try_probe
        self._pause = pause
        self._grace = grace
        self._bounds = bounds
        self._alert = alert
        self._require_server = require_server
        self._is_adopted = is_adopted
        self._drift = Drift(host, state, opener, settings, self._store)
        self._attempts: dict[str, tuple[int, int, float]] = {}
        self._logged: dict[str, str] = {}
        self._replayed: dict[str, tuple[Desired, str]] = {}
        self._put_back: set[str] = set()
        self._pace = Pace(between)
        self._waiting: dict[str, float] = {}
        self._settling_failed = 0
        self._settle_at = 0.0

    def converge(self, wanted: Desired) -> None:
        """Bring the host to *wanted*, unless it is there already or it is too early to retry."""
        record = self._state.get(wanted.setting)
        if not self._due(wanted, record) or self._must_wait(wanted):
            return
        started = time.monotonic()
        tried = replace(
            record,
            revision=wanted.revision,
            reset=wanted.reset,
            status="applying",
            step=None,
            error=None,
            duration_ms=None,
            retry=True,
            next_attempt=0.0,
            since=time.time(),
        )
        if self._is_out_of_turn(wanted, record):
            return
        steps = ["read"]

        def step(name: str) -> None:
            steps.append(name)
            self._pace.at_step(self._settings[wanted.setting].part, name)
            self._tell(replace(tried, step=name))

        try:
            # From here on no lower revision counts any more, whatever comes of this one.
            self._state.put(tried)
            self._require_unedited(wanted, record)
            made = self._make(wanted, tried, step)
        except ProtocolError:
            raise
        except MailpanelError as error:
            tried = self._without_withdrawn(tried, error)
            self._failed(replace(tried, step=_failed_step(steps, error)), error, started)
        except Exception as error:  # noqa: BLE001 (one setting's fault must not stop the others)
            log_frames(error)
            self._failed(replace(tried, step=steps[-1]), unforeseen(error), started)
        else:
            self._alert_where_due(record, made)
            self._made(made, started)

    def _must_wait(self, wanted: Desired) -> bool:
        """Say whether the daemon has read its configuration only just; take note if so."""
        part = self._settings[wanted.setting].part
        self._waiting.pop(part, None)
        if wait := self._pace.wait(part):
            self._waiting[part] = time.monotonic() + wait
        return wait > 0

    def _due(self, wanted: Desired, record: Record) -> bool:
        if wanted.setting not in self._settings:
            return False
        if wanted.revision != record.revision or wanted.setting in self._put_back:
            return True
        if record.status == "applied":
            bounds_differ = not wanted.reset and record.bounds != self._bounds
            return bounds_differ or 0 < record.effective_from <= time.time()
        if record.status == "failed" and not record.retry:
            return False
        revision, _, at = self._attempts.get(wanted.setting, (0, 0, 0.0))
        return record.status != "settling" and (
            revision != wanted.revision or time.monotonic() >= at
        )

    def _is_out_of_turn(self, wanted: Desired, record: Record) -> bool:
        """Say, and tell, whether *wanted* is a revision that no change led to."""
        sentence = None
        if wanted.revision < max(record.highest, 1):
            sentence = (
                f"The database offers revision {wanted.revision}, and this host has already seen "
                f"revision {record.highest}. Save the setting once more."
            )
        elif wanted.revision > min(record.highest + LARGEST_STEP, HIGHEST_REVISION):
            # After it none could be counted any more.
            sentence = (
                f"The database offers a revision that is far above {record.highest}, the highest "
                "that this host has seen. Bring the database back from a backup."
            )
        if sentence is not None:
            self._refuse(wanted, record, sentence)
        else:
            self._replayed.pop(wanted.setting, None)
        return sentence is not None

    def _refuse(self, wanted: Desired, record: Record, sentence: str) -> None:
        """Tell that *wanted* is out of turn, once: it may stand in the database for long."""
        if self._replayed.get(wanted.setting) == (wanted, sentence):
            return
        self._replayed[wanted.setting] = wanted, sentence
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

    def _without_withdrawn(self, tried: Record, error: MailpanelError) -> Record:
        """Return *tried* as it is where *error* had what was live taken off the host."""
        if isinstance(error, OutOfBounds) and self._settings[tried.setting].withdrawn:
            return replace(tried, live=0, value=None, details={})
        return tried

    def _make(self, wanted: Desired, tried: Record, step: Callable[[str], None]) -> Record:
        """Make the host so; return *tried* with what is live then."""
        setting = self._settings[wanted.setting]
        facts = self._host.facts(setting.part)
        made = replace(
            tried,
            live=0,
            value=None,
            pending=None,
            effective_from=0.0,
            details={},
            bounds=self._bounds,
        )
        plan = Plan()
        if not wanted.reset:
            value, secret = believed(self._opener, setting, wanted)
            # First of all what is wanted: where the host refuses that, no grace is of use.
            try:
                plan = setting.plan(value, secret, facts)
            except OutOfBounds:
                self._withdraw(setting, tried, facts, step)
                raise
            standing, effective_from = self._with_grace(setting, value, tried, facts)
            if standing != value:
                plan = setting.plan(standing, secret, facts)
            made = replace(made, live=wanted.revision, value=standing, details=dict(plan.details))
            if effective_from:
                details = {**plan.details, "effective_from": _in_text(effective_from)}
                made = replace(made, pending=value, effective_from=effective_from, details=details)
        for probe in plan.probes:
            # Whatever goes there later, Postfix too: where no server can be nothing is to go.
            if isinstance(probe, SmtpLogin) and not (wanted.probe and probe.decides):
                self._require_server(probe)
        if not wanted.probe:
            # The administrator said so, and the audit log has it.
            plan = replace(plan, probes=())
        over_edits = wanted.setting in self._put_back or self._is_adopted(wanted)
        self._host.converge(wanted.setting, plan, facts, self._tried, step, over_edits=over_edits)
        return made

    def _require_unedited(self, wanted: Desired, record: Record) -> None:
        """Raise :class:`Refused` where nobody asked for this and an edit would be overwritten."""
        was_applied = record.status == "applied" and record.revision == wanted.revision
        asked = wanted.reset or wanted.setting in self._put_back
        # What differs may be root's own options alone; whether it was edited, too, the files' own
        # ledger tells.
        asked |= self._settings[wanted.setting].withdrawn and record.bounds != self._bounds
        if was_applied and not asked and self._drift.is_edited(wanted, record):
            # Not tried again: the next try could not tell that nobody asked for it.
            raise Refused(
                "Somebody has edited what mailpanel applied, so it is not applied anew by itself. "
                "Put it back, adopt it, or save the setting once more.",
                temporary=False,
            )

    def _withdraw(
        self, setting: Setting, tried: Record, facts: Facts, step: Callable[[str], None]
    ) -> None:
        """Take what is live of *setting* off the host, where that is due without its bounds."""
        if setting.withdrawn and tried.live:
            self._host.converge(setting.name, Plan(), facts, self._tried, step)

    def put_back(self, wanted: Desired) -> str | None:
        """Apply *wanted* once more, over edits; return why that failed, or ``None``."""
        if wanted.setting in self._settings:
            wait = self._pace.wait(self._settings[wanted.setting].part)
            if wait > LONGEST_WAIT:
                return "Too many changes have failed on this host just now; wait a minute."
            time.sleep(wait)
        self._put_back.add(wanted.setting)
        try:
            self.converge(wanted)
        finally:
            self._put_back.discard(wanted.setting)
        if wanted.setting in self._replayed:
            return self._replayed[wanted.setting][1]
        return self._state.get(wanted.setting).error

    def look(self, wanted: Desired) -> None:
        """Find out what somebody edited, and tell of it; see :mod:`mailpanel.apply.drift`."""
        self._drift.look(wanted)

    def fight(self, setting: str) -> str | None:
        """Return who keeps changing *setting*, in a sentence; ``None`` for nobody."""
        return self._drift.fight(setting)

    def amend(self, setting: str, **changes: Any) -> None:
        """Keep *changes* to the record of *setting*, and tell of them."""
        record = self._state.get(setting)
        changed = replace(record, **changes)
        if changed != record:
            self._store(changed)

    def note(self, setting: str, name: str, sentence: str | None) -> None:
        """Tell *sentence* as the detail *name* of *setting*, if it is live; ``None`` for none."""
        record = self._state.get(setting)
        details = {key: each for key, each in record.details.items() if key != name}
        if sentence is not None and record.live:
            details[name] = sentence
        self.amend(setting, details=details)

    def _tried(self, probe: SmtpLogin) -> None:
        if probe.decides:
            self._try_probe(probe)

    def _with_grace(
        self, setting: Setting, value: dict[str, Any], record: Record, facts: Facts
    ) -> tuple[dict[str, Any], float]:
        """Return what is to stand now for *value*, and when that itself counts; 0 for now.

        A wait that goes on already for a value as strict is not begun anew.
        """
        live = record.value if record.live else setting.read(facts)
        milder = setting.milder(value, live) if self._grace else None
        if milder is None:
            return value, 0.0
        waits = record.pending is not None and setting.milder(value, record.pending) is None
        effective_from = record.effective_from if waits else time.time() + self._grace
        return (milder, effective_from) if effective_from > time.time() else (value, 0.0)

    def _alert_where_due(self, before: Record, made: Record) -> None:
        alert = due(self._settings[made.setting], before, made)
        try:
            if alert is not None:
                self._alert(alert)
        except Exception as error:  # noqa: BLE001 (what is live is live, whoever hears of it)
            log_frames(error)

    def _made(self, made: Record, started: float) -> None:
        # A reset is done when what stood before mailpanel stands again, to the byte.
        settling = made.reset and self._host.leaving(made.setting)
        status, step = ("settling", "wait for mail in flight") if settling else ("applied", None)
        self._attempts.pop(made.setting, None)
        self._drift.written(made.setting)
        self._finish(replace(made, status=status, step=step), started)

    def _failed(self, tried: Record, error: MailpanelError, started: float) -> None:
        retry = getattr(error, "temporary", True)
        revision, count, _ = self._attempts.get(tried.setting, (0, 0, 0.0))
        if revision != tried.revision:
            count = 0
            self._pace.failed()
        pause = min(self._pause * 2 ** min(count, MOST_DOUBLINGS), LONGEST_PAUSE)
        if tried.step == "read" and isinstance(error, HostError):
            # What stands on the host is in the way; to look whether it still is costs little, and
            # by the next periodic check it shall have been looked at.
            pause = min(pause, self._pause / 2)
        self._attempts[tried.setting] = (tried.revision, count + 1, time.monotonic() + pause)
        details = {name: each for name, each in tried.details.items() if name != "not_put_back"}
        if isinstance(error, PutBackFailed):
            details["not_put_back"] = True
        failed = replace(tried, status="failed", error=str(error), retry=retry, details=details)
        self._finish(replace(failed, next_attempt=time.time() + pause if retry else 0.0), started)

    def _finish(self, record: Record, started: float) -> None:
        duration = round((time.monotonic() - started) * 1000)
        record = replace(record, duration_ms=duration, since=time.time())
        told = _told(record)
        if self._logged.get(record.setting) != told:
            # The same failure of the same revision at each try is one line.
            log.info("%s", told)
        self._logged[record.setting] = told
        self._store(record)

    def _store(self, record: Record) -> None:
        """Keep *record* and report it; a full disk must not keep it from being told."""
        try:
            self._state.put(record)
        except OSError as error:
            log.error("what was done cannot be written down: %s", error.strerror)
        self._tell(self._state.get(record.setting))

    def settle(self) -> bool:
        """Put back what lingered, where its time has come; say whether any is left."""
        if time.monotonic() < self._settle_at:
            return True
        try:
            before = self._leaving()
            left = self._host.settle()
            after = self._leaving()
        except Exception as error:  # noqa: BLE001 (what lingers does no harm until the next try)
            self._not_settled(error)
            return True
        self._settling_failed = 0
        for name in (before - after) & self._settings.keys():
            self._pace.reloaded(self._settings[name].part)
        for record in self._state.all():
            if record.status == "settling" and record.setting not in after:
                done = replace(record, status="applied", step=None, error=None, since=time.time())
                log.info("%s", _told(done))
                self._store(done)
        return left

    def _leaving(self) -> set[str]:
        """Return the settings of which something lingers."""
        names = (record.setting for record in self._state.all())
        return {name for name in names if self._host.leaving(name)}

    def _not_settled(self, error: Exception) -> None:
        """Say what keeps a reset from its end, and try again after a pause that grows."""
        log_frames(error)
        known = error if isinstance(error, MailpanelError) else unforeseen(error)
        doublings = min(self._settling_failed, MOST_DOUBLINGS)
        self._settle_at = time.monotonic() + min(self._pause * 2**doublings, LONGEST_PAUSE)
        self._settling_failed += 1
        for record in self._state.all():
            if record.status == "settling":
                self._store(replace(record, error=str(known)))

    def waits(self) -> float | None:
        """Return for how many seconds a change that is due waits for a reload before it.

        ``None`` where none does. What has become due since it was last tried waits no longer, which
        is told once: the next try takes note of it anew.
        """
        now = time.monotonic()
        waits = [max(until - now, 0.0) for until in self._waiting.values()]
        self._waiting = {part: until for part, until in self._waiting.items() if until > now}
        return min(waits, default=None)

    def tell_all(self) -> None:
        """Report every record anew: what the database has may be older."""
        self._replayed.clear()
        for record in self._state.all():
            self._tell(record)

    def failed(self) -> bool:
        """Say whether a setting has failed on this host."""
        states = {record.setting: record.status for record in self._state.all()}
        return bool(self._replayed) or "failed" in states.values()

    def resetting(self) -> bool:
        """Say whether a reset still waits for the mail in flight."""
        return any(record.status == "settling" for record in self._state.all())

    def _tell(self, record: Record) -> None:
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

    def _send(self, report: Report) -> None:
        # A courier that has gone must not stop a change half-way; the next is told all.
        with suppress(EOFError):
            self._report(report)


def _standing(record: Record) -> dict[str, Any]:
    """Return what holds of *record* whatever its setting is: what is live, and when it goes on."""
    again = record.next_attempt
    return {
        "live_revision": record.live or None,
        "next_attempt": _in_text(again) if again else None,
    }


def _in_text(time_: float) -> str:
    """Return *time_*, in seconds since the epoch, as RFC 3339 has it."""
    return datetime.fromtimestamp(time_, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


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


def _failed_step(steps: Sequence[str], error: MailpanelError) -> str:
    """Return at which of *steps* the change failed: putting back what was is none of it."""
    if isinstance(error, PutBackFailed):
        return steps[-1]
    return next(step for step in reversed(steps) if step != PUT_BACK)
