"""Rehearsals: unsaved values gone through step by step; nothing is changed or kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from mailpanel.apply.beliefs import HIGHEST_REVISION, believed
from mailpanel.apply.faults import log_frames, unforeseen
from mailpanel.apply.previews import previewed
from mailpanel.apply.steps import Steps
from mailpanel.errors import HostError, MailpanelError, ProbeFailed, Refused
from mailpanel.host.mailhost import Host, TryOut
from mailpanel.letters import is_address
from mailpanel.plan import Plan, PostfixRelays, Probe, SmtpLogin
from mailpanel.reports import (
    Desired,
    Errand,
    ErrandAnswer,
    ErrandProgress,
    FileDiff,
    FolderPreview,
    Step,
)
from mailpanel.seal import Opener
from mailpanel.settings import Setting

__all__ = ["MOST_ERRANDS", "PATIENCE", "Rehearsal"]

# Whoever asks for more scans, or guesses passwords.
MOST_ERRANDS, ERRAND_WINDOW = 12, 60.0
# Messages that a test may send, in spans of seconds: the address is the database's word.
MOST_MESSAGES = ((60.0, 3), (86_400.0, 30))
# Of each probe of a test, in seconds: somebody waits for the answer, and changes wait too.
PATIENCE = 20


class Rehearsal:
    """Tries values on one host without making them live.

    *try_probe* lets the courier try a probe, returns its steps and raises
    :class:`mailpanel.errors.ProbeFailed` where it fails. *tell* hears how far an errand is.
    """

    def __init__(
        self,
        host: Host,
        opener: Opener,
        settings: Mapping[str, Setting],
        try_probe: Callable[[SmtpLogin], Sequence[Step]],
        tell: Callable[[ErrandProgress], None] = lambda _progress: None,
    ) -> None:
        self._host = host
        self._opener = opener
        self._settings = settings
        self._try_probe = try_probe
        self._tell = tell
        self._begun: list[float] = []
        self._sent: list[float] = []

    def rehearse(self, errand: Errand) -> ErrandAnswer:
        """Try the unsaved values of *errand*, each step of it; nothing is changed or kept."""
        steps, diffs = Steps(partial(self._told, errand.number)), list[FileDiff]()
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

    def _told(self, number: int, steps: tuple[Step, ...], now: str | None) -> None:
        self._tell(ErrandProgress(number, steps, now))

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
            message_to = self._message_to(errand) if is_test else ""
            for probe in plan.probes if is_test else ():
                self._try_and_tell(steps, probe, try_out, message_to)
        return previewed(self._host, plan, facts, steps) if is_test else None

    def _message_to(self, errand: Errand) -> str:
        """Return the address that one message is to go to, empty for none."""
        if errand.message_to is None:
            return ""
        if not is_address(errand.message_to):
            raise Refused(
                "No message can be sent to that address as it stands. Give the account an address "
                "of letters, digits and the signs . _ + - alone."
            )
        now = time.monotonic()
        self._sent = [at for at in self._sent if now - at < MOST_MESSAGES[-1][0]]
        for span, most in MOST_MESSAGES:
            if sum(1 for at in self._sent if now - at < span) >= most:
                raise HostError("Too many test messages were asked of this host; test without one.")
        self._sent.append(now)
        return errand.message_to

    def _try_and_tell(self, steps: Steps, probe: Probe, try_out: TryOut, message_to: str) -> None:
        if isinstance(probe, PostfixRelays):
            probe = replace(probe, patience=PATIENCE)
            with steps.step("postfix") as says:
                says.append(try_out(probe))
            if message_to:
                with steps.step("message") as says:
                    says.append(try_out(replace(probe, message_to=message_to)))
            return
        if probe.decides:
            probe = replace(probe, message_to=message_to)
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
