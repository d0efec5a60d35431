"""The executor: root's part. It unseals, validates again, converges, and reports.

It never opens a socket to the outside nor the database; what it knows of what
is wanted comes through the pipe, and it believes none of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mailpanel.apply.alerts import Alert, due, log_alert
from mailpanel.apply.beliefs import believed
from mailpanel.apply.drift import Drift
from mailpanel.apply.faults import log_frames, unforeseen
from mailpanel.apply.pace import Pace
from mailpanel.apply.settling import Settling
from mailpanel.apply.telling import Teller, in_text
from mailpanel.apply.turns import Turns, out_of_turn
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
from mailpanel.plan import Facts, Plan, SmtpLogin
from mailpanel.reports import (
    Desired,
    Report,
    Step,
)
from mailpanel.seal import Opener
from mailpanel.settings import Setting

__all__ = ["Executor"]

# For which somebody who wants an edit overwritten is kept waiting, in seconds.
LONGEST_WAIT = 10.0


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
    *before* is told of each try before anything is done for it.
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
        before: Callable[[Desired], object] = lambda _wanted: None,
    ) -> None:
        self._host = host
        self._state = state
        self._opener = opener
        self._settings = settings
        self._try_probe = try_probe
        self._grace = grace
        self._bounds = bounds
        self._alert = alert
        self._require_server = require_server
        self._is_adopted = is_adopted
        self._before = before
        self._pace = Pace(between)
        self._turns = Turns(pause, self._pace)
        self._teller = Teller(state, report)
        self._settling = Settling(
            host, state, settings, teller=self._teller, pace=self._pace, pause=pause
        )
        self._drift = Drift(host, state, opener, settings, self._teller.store)
        self._put_back: set[str] = set()

    def converge(self, wanted: Desired) -> None:
        """Bring the host to *wanted*, unless it is there already or it is too early to retry."""
        record = self._state.get(wanted.setting)
        if not self._may_try(wanted, record):
            return
        self._before(wanted)
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
        steps = ["read"]

        def step(name: str) -> None:
            steps.append(name)
            self._pace.at_step(self._settings[wanted.setting].part, name)
            self._teller.tell(replace(tried, step=name))

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

    def _may_try(self, wanted: Desired, record: Record) -> bool:
        """Say whether it is time for *wanted*, and its turn; tell where it is not its turn."""
        if wanted.setting not in self._settings:
            return False
        is_asked = wanted.setting in self._put_back
        if not (is_asked or self._turns.is_due(wanted, record, self._bounds)):
            return False
        if self._turns.must_wait(self._settings[wanted.setting].part):
            return False
        if sentence := out_of_turn(wanted, record):
            self._teller.refuse(wanted, record, sentence)
            return False
        self._teller.accept(wanted.setting)
        return True

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
                details = {**plan.details, "effective_from": in_text(effective_from)}
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
        """Apply *wanted* once more, over edits; return why that failed, or ``None``.

        Also where it is applied, and a line of the admin's own counts in its place.
        """
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
        self._drift.look(wanted)
        refusal = self._teller.refusal(wanted.setting)
        record = self._state.get(wanted.setting)
        return refusal or record.error or record.details.get("overridden")

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
            self._teller.store(changed)

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
        self._turns.made(made.setting)
        self._drift.written(made.setting)
        self._teller.finish(replace(made, status=status, step=step), started)

    def _failed(self, tried: Record, error: MailpanelError, started: float) -> None:
        retry = getattr(error, "temporary", True)
        # What stands on the host is in the way: whether it still is costs little to see.
        soon = tried.step == "read" and isinstance(error, HostError)
        pause = self._turns.failed(tried, soon=soon)
        details = {name: each for name, each in tried.details.items() if name != "not_put_back"}
        if isinstance(error, PutBackFailed):
            details["not_put_back"] = True
        failed = replace(tried, status="failed", error=str(error), retry=retry, details=details)
        self._teller.finish(
            replace(failed, next_attempt=time.time() + pause if retry else 0.0), started
        )

    def settle(self) -> bool:
        """Put back what lingered, where its time has come; say whether any is left."""
        return self._settling.settle()

    def waits(self) -> float | None:
        """Return for how many seconds a change that is due waits for a reload before it.

        ``None`` where none does. What has become due since it was last tried waits no longer, which
        is told once: the next try takes note of it anew.
        """
        return self._turns.waits()

    def tell_all(self) -> None:
        """Report every record anew: what the database has may be older."""
        self._teller.tell_all()

    def failed(self) -> bool:
        """Say whether a setting has failed on this host."""
        return self._teller.has_failures

    def resetting(self) -> bool:
        """Say whether a reset still waits for the mail in flight."""
        return self._settling.waits()


def _failed_step(steps: Sequence[str], error: MailpanelError) -> str:
    """Return at which of *steps* the change failed: putting back what was is none of it."""
    if isinstance(error, PutBackFailed):
        return steps[-1]
    return next(step for step in reversed(steps) if step != PUT_BACK)
