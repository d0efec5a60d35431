"""The apply service: one executor, with a courier beside it, for as long as it runs."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress

from mailpanel.apply.adoption import Adoptions
from mailpanel.apply.alerts import Alert, in_mail, log_alert
from mailpanel.apply.clearing import Clearing
from mailpanel.apply.executor import Executor
from mailpanel.apply.health import RelayHealth
from mailpanel.apply.log_ins import LogInWatch
from mailpanel.apply.messages import (
    ClearingClaimed,
    DesiredSettings,
    Dispatched,
    Goodbye,
    LogInsKept,
    LogInsSeen,
    Message,
    ProbeRequest,
    ProbeResult,
)
from mailpanel.apply.outbox import Outbox
from mailpanel.apply.pipe import Pipe
from mailpanel.apply.presence import Presence
from mailpanel.apply.processes import Stop, courier_process
from mailpanel.apply.rehearsal import PATIENCE as PATIENCE_OF_TESTS
from mailpanel.apply.rehearsal import Rehearsal
from mailpanel.deployment import Deployment
from mailpanel.errors import HostError, ProbeFailed, ProtocolError
from mailpanel.host.lock import locked
from mailpanel.host.mailhost import MailHost
from mailpanel.host.master_log_ins import MasterLogIns
from mailpanel.host.relay_look import RelayLook
from mailpanel.host.state import State
from mailpanel.layout import prepare_run, prepare_state
from mailpanel.plan import SmtpLogin
from mailpanel.reports import Desired, Errand, ErrandAnswer, ErrandProgress, Report, Step
from mailpanel.seal import Opener, Sealer
from mailpanel.settings import SETTINGS

__all__ = ["run"]

log = logging.getLogger(__name__)

# How often the queue is looked at while something waits for the mail in flight.
LOOK = 0.5
# How long one run of --once waits for the database, and for mail in flight before it leaves the
# rest to the next.
PATIENCE = 30.0
# How long the courier may try a probe, in seconds, and how much later its answer may come.
PATIENCE_OF_PROBES = 90
PROBE_MARGIN = 30.0
# Tests that wait, and for how long somebody waits for them.
MOST_ERRANDS, ERRAND_LIFE = 3, 60.0
# How long the end waits for a letter that the courier has, in seconds.
LAST_WORD = 10.0
MAILER = "system_mailer"
INTERVAL = "junk_trash_clearing_interval"
COURIER_PAUSE = 0.5
LONGEST_PAUSE = 30.0


def run(deployment: Deployment, once: bool) -> int:
    """Run the apply service until SIGTERM; with *once*, until this host has converged.

    Returns the exit code: 1 where, with *once*, a setting failed or the database
    could not be asked. Raises :class:`mailpanel.errors.Busy` where another apply
    service runs here, unless *once*, which waits for it to end.
    """
    stop = Stop()
    # Each file is given its mode; the directories are the daemons' users' to enter, too,
    # however closed what root makes else is here.
    os.umask(0o022)
    prepare_state(deployment)
    prepare_run(deployment)
    with locked(deployment.lock_file, wait=once):
        host = MailHost(deployment)
        _recover(host)
        log.info("at work on %s", deployment.host_name)
        service = _Service(deployment, stop, host, Opener(deployment.private_key_file))
        pause = COURIER_PAUSE
        while True:
            started = time.monotonic()
            with courier_process(deployment) as pipe:
                try:
                    return service.converge_once(pipe) if once else service.serve(pipe)
                except (EOFError, ProtocolError) as error:
                    log.error("the courier has ended: %s", error)
                    if once:
                        return 1
            # One that ends again at once is started less and less often.
            lived = time.monotonic() - started
            pause = COURIER_PAUSE if lived > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
            time.sleep(pause)


def _recover(host: MailHost) -> None:
    try:
        recovered = host.recover()
    except HostError as error:
        # Nothing else is changed before it succeeds, and each try says so in the status.
        log.error(
            "a change that was interrupted can be neither finished nor put back yet: %s", error
        )
    else:
        if recovered:
            log.warning("a change that was interrupted has been %s", recovered)


class _Service:
    """The executor's loop, over one courier's pipe after another."""

    _pipe: Pipe

    def __init__(self, deployment: Deployment, stop: Stop, host: MailHost, opener: Opener) -> None:
        self._host = host
        self._stop = stop
        self._wanted: DesiredSettings | None = None
        self._errands: list[tuple[float, Errand]] = []
        self._patience = PATIENCE_OF_PROBES
        self._errand = 0
        self._host_name = deployment.host_name
        self._check_interval = deployment.check_interval
        self._looked = time.monotonic()
        self._probes = 0
        self._presence = Presence(host, SETTINGS, self._send)
        self._rehearsal = Rehearsal(host, opener, SETTINGS, self._try_probe, self._progress)
        self._state = State(deployment.state_directory)
        sealer = Sealer(deployment.public_key_file)
        self._adoptions = Adoptions(host, opener, sealer, SETTINGS)
        place, recipient = deployment.state_directory, deployment.alert_address
        self._outbox = Outbox(
            place, recipient, host, opener, self._send, host_name=deployment.host_name
        )
        self._executor = Executor(
            host=host,
            state=self._state,
            opener=opener,
            settings=SETTINGS,
            report=self._report,
            try_probe=self._try_probe,
            pause=deployment.check_interval,
            grace=deployment.clearing_grace,
            bounds=deployment.bounds,
            between=deployment.reload_interval,
            alert=self._alert,
            require_server=self._require_server,
            is_adopted=self._adoptions.is_of,
            before=self._before,
        )
        self._health = RelayHealth(
            host=host,
            look=RelayLook(deployment.postfix_config_directory),
            executor=self._executor,
            state=self._state,
            opener=opener,
            settings=SETTINGS,
            rehearsal=self._rehearsal,
            check_interval=deployment.check_interval,
        )
        self._clearing = Clearing(
            host, self._state, SETTINGS[INTERVAL], self._send, at=deployment.clearing_time
        )
        self._log_ins = LogInWatch(
            MasterLogIns(deployment), self._state, self._tell_log_ins, self._executor.amend
        )

    def serve(self, pipe: Pipe) -> int:
        """Converge for ever: at each message, and while something waits to be settled."""
        self._greet(pipe)
        left = True
        try:
            while True:
                self._receive(self._pause(left))
                self._converge()
                left = self._settle()
                self._look()
                with self._stop.busy():
                    self._health.look(self._settings)
                self._run_errand()
                self._send_mail()
                with self._stop.busy():
                    self._clearing.go_on(self._wanted_of(INTERVAL))
        except SystemExit:
            with suppress(EOFError):
                self._clearing.stop()
            self._await_mail()
            raise

    def _pause(self, left: bool) -> float | None:
        """Return how long to wait for a message, where something is *left* to settle."""
        waits = (
            0.0 if self._errands or self._clearing.is_under_way else None,
            LOOK if left else None,
            self._executor.waits(),
            self._health.due_in(),
            self._outbox.due_in(),
        )
        return min((each for each in waits if each is not None), default=None)

    def converge_once(self, pipe: Pipe) -> int:
        """Converge to what is wanted now; return the exit code."""
        self._greet(pipe)
        deadline = time.monotonic() + PATIENCE
        while self._wanted is None and time.monotonic() < deadline:
            self._receive(LOOK)
        if self._wanted is None:
            log.error("the database cannot be asked what is wanted; nothing was changed")
            return 1
        self._converge()
        while (wait := self._executor.waits()) is not None:
            time.sleep(wait)
            self._converge()
        deadline = time.monotonic() + PATIENCE
        while self._settle() and time.monotonic() < deadline:
            time.sleep(LOOK)
        self._send_mail()
        self._await_mail()
        self._pipe.send(Goodbye())
        return 1 if self._executor.failed() or self._executor.resetting() else 0

    @property
    def _settings(self) -> tuple[Desired, ...]:
        """Return what is wanted of every setting, as far as that is known."""
        return self._wanted.settings if self._wanted else ()

    def _greet(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._outbox.lost()
        self._presence.forget()
        self._presence.tell()
        self._executor.tell_all()
        self._clearing.greet()

    def _before(self, wanted: Desired) -> None:
        """Read the log up to here before anything is tried for *wanted*."""
        self._health.mark(wanted)

    def _report(self, report: Report) -> None:
        self._pipe.send(report)

    def _send(self, message: Message) -> None:
        self._pipe.send(message)

    def _alert(self, alert: Alert) -> None:
        """Tell the log of *alert*, and whoever reads mail."""
        log_alert(alert)
        self._outbox.put(*in_mail(alert, self._host_name))

    def _send_mail(self) -> None:
        """Let the outbox follow the account that is live, and send what is due."""
        with self._stop.busy():
            wanted = self._wanted_of(MAILER)
            if wanted is not None:
                self._outbox.follow(wanted, self._state.get(MAILER))
            self._outbox.run()
            self._executor.note(MAILER, "undelivered", self._outbox.problem)

    def _await_mail(self) -> None:
        """Hear of the letter under way: it would be sent once more else."""
        deadline = time.monotonic() + LAST_WORD
        with suppress(EOFError, ProtocolError):
            while self._outbox.is_sending and (left := deadline - time.monotonic()) > 0:
                self._receive(left)

    def _progress(self, progress: ErrandProgress) -> None:
        # Without a courier nobody follows; that it has gone shows with the answer.
        with suppress(EOFError):
            self._pipe.send(progress)

    def _tell_log_ins(self, seen: LogInsSeen) -> None:
        # A courier that has gone is told again by the next look.
        with suppress(EOFError):
            self._pipe.send(seen)

    def _receive(self, timeout: float | None) -> None:
        """Take all messages that are there; of what is wanted only the last word counts."""
        message = self._pipe.receive(timeout)
        while message is not None:
            self._take(message)
            message = self._pipe.receive(0)

    def _take(self, message: Message) -> None:
        if isinstance(message, DesiredSettings):
            self._wanted = message
        elif isinstance(message, LogInsKept):
            self._log_ins.kept(message)
        elif isinstance(message, ClearingClaimed):
            self._clearing.claimed(message)
        elif isinstance(message, Dispatched):
            self._outbox.done(message)
        elif isinstance(message, Errand) and len(self._errands) < MOST_ERRANDS:
            self._errands.append((time.monotonic(), message))
        elif isinstance(message, Errand):
            busy = "This host is busy with other tests; wait a minute."
            self._pipe.send(ErrandAnswer(message.number, busy, (), ()))

    def _run_errand(self) -> None:
        """Run one errand: what is saved goes before what is only tried."""
        if self._errands:
            came, errand = self._errands.pop(0)
            if time.monotonic() - came <= ERRAND_LIFE:
                with self._stop.busy():
                    answer = self._answered(errand)
                    if answer is not None:
                        self._pipe.send(answer)

    def _answered(self, errand: Errand) -> ErrandAnswer | None:
        """Do *errand* and return the answer; ``None`` where it is given later."""
        if errand.kind == "clear":
            return self._clearing.request(errand)
        if errand.kind == "adopt":
            record = self._state.get(errand.setting)
            return self._adoptions.adopt(errand, self._wanted_of(errand.setting), record)
        if errand.kind == "put_back":
            return self._put_back(errand)
        self._patience, self._errand = PATIENCE_OF_TESTS, errand.number
        try:
            if errand.kind == "flush":
                return self._health.flush(errand, self._settings)
            return self._rehearsal.rehearse(errand)
        finally:
            self._patience, self._errand = PATIENCE_OF_PROBES, 0

    def _put_back(self, errand: Errand) -> ErrandAnswer:
        try:
            self._rehearsal.require_few()
        except HostError as too_many:
            return ErrandAnswer(errand.number, str(too_many), (), ())
        wanted = self._wanted_of(errand.setting)
        if wanted is None:
            error = "This host does not know yet what is wanted of it; try again."
            return ErrandAnswer(errand.number, error, (), ())
        fight = self._executor.fight(wanted.setting)
        failure = self._executor.put_back(wanted)
        steps = () if fight is None else (Step("fight", False, 0, fight),)
        return ErrandAnswer(errand.number, failure, steps, ())

    def _wanted_of(self, setting: str) -> Desired | None:
        return next((each for each in self._settings if each.setting == setting), None)

    def _look(self) -> None:
        """Look for what somebody edited, once in a check interval."""
        now = time.monotonic()
        if self._wanted is None or now - self._looked < self._check_interval:
            return
        self._looked = now
        with self._stop.busy():
            self._presence.tell()
        for each in self._wanted.settings:
            with self._stop.busy():
                self._executor.look(each)
        with self._stop.busy():
            self._log_ins.look()

    def _converge(self) -> None:
        for each in self._settings:
            with self._stop.busy():
                self._executor.converge(each)

    def _settle(self) -> bool:
        with self._stop.busy():
            return self._executor.settle()

    def _try_probe(self, probe: SmtpLogin) -> tuple[Step, ...]:
        """Let the courier try *probe*; return its steps, or raise :class:`ProbeFailed`."""
        return self._ask(probe)

    def _require_server(self, probe: SmtpLogin) -> None:
        """Let the courier look where *probe* goes; raises :class:`ProbeFailed` for nowhere."""
        self._ask(probe, only_resolve=True)

    def _ask(self, probe: SmtpLogin, *, only_resolve: bool = False) -> tuple[Step, ...]:
        try:
            return self._answer_to(probe, only_resolve=only_resolve)
        except EOFError:
            # The loop finds that out by itself, and starts another.
            raise ProbeFailed("The process that tries servers was ended meanwhile.") from None

    def _answer_to(self, probe: SmtpLogin, *, only_resolve: bool) -> tuple[Step, ...]:
        self._probes += 1
        self._pipe.send(
            ProbeRequest(self._probes, probe, self._patience, only_resolve, self._errand)
        )
        deadline = time.monotonic() + self._patience + PROBE_MARGIN
        while (left := deadline - time.monotonic()) > 0:
            message = self._pipe.receive(left)
            if isinstance(message, ProbeResult) and message.number == self._probes:
                if message.error is not None:
                    raise ProbeFailed(message.error, message.temporary, message.steps)
                return message.steps
            if message is not None:
                self._take(message)
        raise ProbeFailed("The test of the new values did not end in time.")
