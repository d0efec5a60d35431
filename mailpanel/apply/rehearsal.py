"""Rehearsals: unsaved values gone through step by step; nothing is changed or kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from mailpanel.apply.beliefs import HIGHEST_REVISION, believed
from mailpanel.apply.faults import log_frames, unforeseen
from mailpanel.apply.previews import previewed
from mailpanel.apply.steps import Steps
from mailpanel.errors import HostError, MailpanelError, ProbeFailed, Refused
from mailpanel.host.mailhost import Host, TryOut
from mailpanel.plan import Plan, PostfixRelays, Probe, SmtpLogin
from mailpanel.reports import Desired, Errand, ErrandAnswer, FileDiff, FolderPreview, Step
from mailpanel.seal import Opener
from mailpanel.settings import Setting

__all__ = ["MOST_ERRANDS", "PATIENCE", "Rehearsal"]

# Whoever asks for more scans, or guesses passwords.
MOST_ERRANDS, ERRAND_WINDOW = 12, 60.0
# Of each probe of a test, in seconds: somebody waits for the answer, and changes wait too.
PATIENCE = 20


class Rehearsal:
    """Tries values on one host without making them live.

    *try_probe* lets the courier try a probe, returns its steps and raises
    :class:`mailpanel.errors.ProbeFailed` where it fails.
    """

    def __init__(
        self,
        host: Host,
        opener: Opener,
        settings: Mapping[str, Setting],
        try_probe: Callable[[SmtpLogin], Sequence[Step]],
    ) -> None:
        self._host = host
        self._opener = opener
        self._settings = settings
        self._try_probe = try_probe
        self._begun: list[float] = []

    def rehearse(self, errand: Errand) -> ErrandAnswer:
        """Try the unsaved values of *errand*, each step of it; nothing is changed or kept."""
        steps, diffs = Steps(), list[FileDiff]()
        preview: tuple[FolderPreview, ...] | None = None
        failure: str | None = None
        try:
            self.require_few()
            preview = self._rehearse(errand, steps, diffs)
        except MailpanelError as error:
            failure = str(error)
        except Exception as error:  # noqa: BLE001 (one errand's fault must not stop the service)
            log_frames(error)
            failure = str(unforeseen(error))
        return ErrandAnswer(errand.number, failure, tuple(steps.taken), tuple(diffs), preview)

    def _rehearse(
        self, errand: Errand, steps: Steps, diffs: list[FileDiff]
    ) -> tuple[FolderPreview, ...] | None:
        """Go through *steps*; what would change is put into *diffs*, also where a probe fails.

        Returns what would be deleted, ``None`` where that is not asked for or cannot be told.
        """
        setting = self._settings.get(errand.setting)
        if setting is None:
            raise Refused("This host knows no such setting; is its mailpanel older?")
        wanted = Desired(
            errand.setting, HIGHEST_REVISION, errand.reset, errand.value, errand.sealed, probe=True
        )
        with steps.step("read"):
            facts = self._host.facts(setting.part)
            plan = Plan()
            if not errand.reset:
                value, secret = believed(self._opener, setting, wanted)
                plan = setting.plan(value, secret, facts)
        is_test = errand.kind == "test"
        with ExitStack() as stack:
            # What is checked in the stage is a step of its own, and so is each that a probe takes.
            with steps.step("check"):
                rehearsal = self._host.rehearsal(errand.setting, plan, facts)
                found, try_out = stack.enter_context(rehearsal)
            diffs += found
            if found and (unread := self._host.unread_edits(setting.part)):
                with steps.step("edits") as says:
                    says.append(unread)
            for probe in plan.probes if is_test else ():
                self._try_and_tell(steps, probe, try_out)
        return previewed(self._host, plan, facts, steps) if is_test else None

    def _try_and_tell(self, steps: Steps, probe: Probe, try_out: TryOut) -> None:
        if isinstance(probe, PostfixRelays):
            with steps.step("postfix") as says:
                says.append(try_out(replace(probe, patience=PATIENCE)))
            return
        try:
            steps.taken += self._try_probe(probe)
        except ProbeFailed as error:
            steps.taken += error.steps
            # A refused password is not sent twice: some providers count to three.
            if probe.decides or not error.temporary:
                raise

    def require_few(self) -> None:
        """Raise :class:`HostError` where more are asked for than anybody who tries by hand does."""
        now = time.monotonic()
        self._begun = [at for at in self._begun if now - at < ERRAND_WINDOW]
        if len(self._begun) >= MOST_ERRANDS:
            raise HostError("Too many tests were asked of this host; wait a minute.")
        self._begun.append(now)
