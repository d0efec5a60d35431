"""The courier: the apply service's unprivileged part. Database, wake-ups, probes.

It is a process of its own, started by :mod:`mailpanel.apply.service`, and talks
to the executor through the socket that it inherits, and to nobody else as root.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar

from mailpanel.apply.clearing_post import ClearingPost
from mailpanel.apply.faults import Complaints, log_frames
from mailpanel.apply.messages import (
    HEADER,
    LONGEST,
    ClearingClaimed,
    ClearingDue,
    ClearingTold,
    ClearingUnderWay,
    DesiredSettings,
    Dispatch,
    Dispatched,
    Goodbye,
    Hello,
    LogInsKept,
    LogInsSeen,
    Message,
    Present,
    ProbeRequest,
    ProbeResult,
    decode,
    encode,
)
from mailpanel.apply.own_ports import OwnPorts
from mailpanel.apply.probes import require_server, try_smtp_login
from mailpanel.apply.steps import Steps
from mailpanel.errors import DatabaseAway, ProbeFailed
from mailpanel.reports import Desired, Errand, ErrandAnswer, ErrandProgress, Report, Step
from mailpanel.services.claimed_clearings import ClaimedClearings
from mailpanel.services.hosts import Hosts
from mailpanel.services.listen import Listener
from mailpanel.services.taken_errands import TakenErrands

__all__ = ["Courier"]

Answer = TypeVar("Answer")
Wanted = TypeVar("Wanted", Desired, Errand)

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
# Far more than any setting takes; a message holds them all.
LONGEST_VALUE = 65_536


class Courier:
    """Carries what is wanted to the executor, and what came of it to the database.

    *listener* tells when to look; *check_interval* is how long it waits at most, in
    seconds. A database that is away is asked again after a pause, and nothing that
    the executor reported is lost meanwhile.
    """

    def __init__(
        self,
        hosts: Hosts,
        errands: TakenErrands,
        host_name: str,
        listener: Listener,
        check_interval: float,
        *,
        clearings: ClaimedClearings,
        own_ports: OwnPorts | None = None,
    ) -> None:
        self._hosts = hosts
        self._errands = errands
        self._host_name = host_name
        self._listener = listener
        self._check_interval = check_interval
        self._own_ports = own_ports or OwnPorts()
        self._complaints = Complaints(self._begin_anew)
        self._clearings = ClearingPost(clearings, self._complaints)
        self._woken = asyncio.Event()
        self._reported = asyncio.Event()
        self._versions: dict[str, str] = {}
        self._checked_in_at = self._begun_anew_at = float("-inf")
        self._letters: set[asyncio.Task[None]] = set()
        # How far the executor is with its errand; a probe's own steps follow.
        self._progress = ErrandProgress(0, (), None)
        # The latest word on each setting, and what of it the database does not have yet; an
        # older word that was not written in time is no loss.
        self._said: dict[tuple[str, str], Report | Present] = {}
        self._unwritten: dict[tuple[str, str], Report | Present] = {}

    async def run(self, end: socket.socket) -> None:
        """Serve until the executor says good-bye or has gone.

        Raises what ends its work: a process that is started anew is better than one
        that goes on without a part of itself.
        """
        reader, writer = await asyncio.open_connection(sock=end)
        serving = asyncio.create_task(self._serve(reader, writer))
        others: list[asyncio.Task[None]] = [
            asyncio.create_task(self._listener.listen(self._woken.set)),
            asyncio.create_task(self._fetch_for_ever(writer)),
            asyncio.create_task(self._write_for_ever()),
        ]
        try:
            # Whichever ends first ends the courier: one that only half works would never
            # be started anew.
            await asyncio.wait([serving, *others], return_when=asyncio.FIRST_COMPLETED)
            for task in others:
                if task.done():
                    task.result()
            await self._flush(persist=await serving)
        finally:
            started = (serving, *others, *self._letters)
            for each in started:
                each.cancel()
            await asyncio.gather(*started, return_exceptions=True)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take the executor's messages; say whether it ended with a good-bye, or has gone."""
        while (message := await _receive(reader)) is not None:
            match message:
                case ProbeRequest():
                    await _send(writer, await self._tried(message))
                case Dispatch():
                    # Beside all else: a server may let one wait, and a change must not.
                    task = asyncio.create_task(_dispatch(writer, message, self._own_ports))
                    self._letters.add(task)
                    task.add_done_callback(self._letters.discard)
                case LogInsSeen() | ClearingDue():
                    if answer := self._kept(message):
                        await _send(writer, answer)
                case Goodbye():
                    return True
                case _:
                    self._take(message)
        return False

    def _take(self, message: Message) -> None:
        """Take a message that wants no answer."""
        match message:
            case Hello():
                self._versions = message.versions
                self._woken.set()
            case Report() | Present():
                key = (type(message).__name__, message.setting)
                self._said[key] = self._unwritten[key] = message
                self._reported.set()
            case ErrandProgress() | ErrandAnswer():
                self._write_errand(message)
            case ClearingTold() | ClearingUnderWay():
                self._clearings.take(message)
                self._reported.set()

    async def _tried(self, request: ProbeRequest) -> ProbeResult:
        steps = Steps(partial(self._tell, request.errand))
        if request.only_resolve:
            trying = require_server(request.probe, self._own_ports)
        else:
            trying = try_smtp_login(request.probe, steps, request.patience, self._own_ports)
        failure = await _failure_of(trying)
        return ProbeResult(
            request.number,
            None if failure is None else str(failure),
            failure is not None and failure.temporary,
            tuple(steps.taken),
        )

    def _tell(self, errand: int, steps: tuple[Step, ...], now: str | None) -> None:
        if errand and errand == self._progress.number:
            before = self._progress.steps
            self._write_errand(ErrandProgress(errand, before + steps, now), of_probe=True)

    def _write_errand(
        self, message: ErrandProgress | ErrandAnswer, *, of_probe: bool = False
    ) -> None:
        # Once: whoever asked waits now, or not at all.
        with suppress(DatabaseAway):
            if isinstance(message, ErrandAnswer):
                # Who hears of it finds in the status what it has led to.
                self._write_now()
                self._errands.answer(message)
            else:
                self._progress = self._progress if of_probe else message
                self._errands.progress(message)

    def _kept(self, message: LogInsSeen | ClearingDue) -> LogInsKept | ClearingClaimed | None:
        """Write *message* into the database; return what to answer once it stands there."""
        if isinstance(message, ClearingDue):
            return self._clearings.claimed(message)
        # The status names the last one, and is to stand there with it.
        self._write_now()
        with suppress(DatabaseAway), self._complaints.about("the log-ins"):
            self._hosts.log_ins(self._host_name, message.log_ins)
            return LogInsKept(message.number)
        return None

    async def _fetch_for_ever(self, writer: asyncio.StreamWriter) -> None:
        """Hand on what is wanted at each wake-up, and at the periodic check behind it."""
        while True:
            # Not wait_for: in Python 3.11 it forgets that it was cancelled, where it is woken too.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._check_interval):
                    await self._woken.wait()
            self._woken.clear()
            if not self._versions:
                continue
            wanted = await _persist(self._wanted)
            await _send(writer, wanted)
            for errand in await _persist(self._take_errands):
                await _send(writer, errand)
            await _persist(self._check_in)

    def _wanted(self) -> DesiredSettings:
        return DesiredSettings(tuple(map(_fitting, self._hosts.desired())))

    def _take_errands(self) -> list[Errand]:
        return [_fitting(each) for each in self._errands.take(self._host_name)]

    def _check_in(self) -> None:
        # Not at each of many wake-ups: the database keeps it to the check interval anyway.
        now = asyncio.get_running_loop().time()
        if now - self._checked_in_at >= self._check_interval / 2:
            self._checked_in_at = now
            with self._complaints.about("the host"):
                if self._hosts.checked_in(self._host_name, self._versions):
                    # A new database, or this host was forgotten there: say everything again.
                    self._unwritten = dict(self._said)
                    self._reported.set()

    def _begin_anew(self) -> None:
        """Have this host's own rows written anew, where what stands in them is broken."""
        now = asyncio.get_running_loop().time()
        if now - self._begun_anew_at >= self._check_interval / 2:
            self._begun_anew_at = now
            self._hosts.drop(self._host_name)
            self._checked_in_at = float("-inf")
            self._woken.set()

    async def _write_for_ever(self) -> None:
        while True:
            await self._reported.wait()
            self._reported.clear()
            await _persist(self._write)

    async def _flush(self, persist: bool) -> None:
        """Write what is left; unless *persist*, a database that is away is not waited for."""
        if persist:
            await _persist(self._write)
            await _persist(self._check_in)
            return
        # The next executor tells all again, and must not be contradicted by this one later.
        self._write_now()
        with suppress(DatabaseAway):
            self._check_in()

    def _write_now(self) -> None:
        """Write what was reported before what follows, where the database is there."""
        with suppress(DatabaseAway):
            self._write()

    def _write(self) -> None:
        """Write what was reported; what cannot be written now stays."""
        for key, message in list(self._unwritten.items()):
            with self._complaints.about(message.setting):
                if isinstance(message, Report):
                    self._hosts.report(self._host_name, message)
                else:
                    self._hosts.present(self._host_name, message.setting, message.value)
            if self._unwritten[key] is message:
                del self._unwritten[key]
        self._clearings.write()


async def _send(writer: asyncio.StreamWriter, message: Message) -> None:
    # An executor that has gone may have left something to read all the same.
    with suppress(ConnectionError):
        writer.write(encode(message))
        await writer.drain()


def _fitting(given: Wanted) -> Wanted:
    """Return *given* for the pipe; of a row that nobody sane wrote the value is left out.

    The executor then refuses it, and the other settings go on.
    """
    if len(json.dumps([given.value, given.sealed])) <= LONGEST_VALUE:
        return given
    return replace(given, value=None, sealed=None)


async def _receive(reader: asyncio.StreamReader) -> Message | None:
    try:
        (length,) = HEADER.unpack(await reader.readexactly(HEADER.size))
        return decode(await reader.readexactly(min(length, LONGEST)))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def _failure_of(trying: Awaitable[None]) -> ProbeFailed | None:
    """Return how *trying* failed, ``None`` where it did not: the executor waits for a word.

    A server has a hand in all of it, and is to end neither the courier nor a letter in silence.
    """
    try:
        await trying
    except ProbeFailed as error:
        return error
    except Exception as error:  # noqa: BLE001 (whatever a server makes a library do)
        log_frames(error)
        return ProbeFailed(
            f"The server did something that mailpanel does not know ({type(error).__name__}); "
            "the log of mailpanel apply says where."
        )
    return None


async def _dispatch(writer: asyncio.StreamWriter, wanted: Dispatch, own_ports: OwnPorts) -> None:
    """Send a letter, and say what became of it."""
    steps = Steps()
    failure = await _failure_of(
        try_smtp_login(wanted.login, steps, wanted.patience, own_ports, wanted.letter)
    )
    last = steps.taken[-1] if steps.taken else None
    of_letter = last is not None and last.name == "message"
    # What the server has taken is sent, however the connection ended.
    taken = failure is None or (of_letter and last is not None and last.ok)
    told = None if taken else str(failure)
    temporary = failure is not None and failure.temporary
    await _send(writer, Dispatched(wanted.number, told, temporary, of_letter))


async def _persist(ask: Callable[[], Answer]) -> Answer:
    """Return what *ask* answers, as soon as the database is there."""
    pause = FIRST_PAUSE
    while True:
        with suppress(DatabaseAway):  # the log has it already
            return ask()
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
