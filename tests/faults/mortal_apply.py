"""``mailpanel apply`` that is killed as in a crash, its courier with it.

It is killed where the file ``arm`` in the directory that MAILPANEL_MORTAL names says so, which
is read as each change begins: ``step NAME`` when the change comes to that step, ``file N``
right before it changes a file for the N-th time. How many times it did is written to
``changes`` there when a change is over.

``mortal_apply.py patience N`` waits for a daemon's command N seconds at most.
``mortal_apply.py serve`` starts one for each line that it reads, which answers with its pid. An
interpreter that starts and imports takes longer than most changes, so these are forked, and
so are their couriers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NoReturn

from forked import Forked

# Here, so that what is forked need not: the command would import them late.
import mailpanel.cli.apply
from mailpanel.apply import _courier_main, processes
from mailpanel.apply.executor import Executor
from mailpanel.apply.telling import Teller
from mailpanel.cli import main
from mailpanel.host import command, postfix
from mailpanel.host.state import Record

CHANGES = {"os.chmod", "os.chown", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.utime"}
WRITES = os.O_WRONLY | os.O_RDWR


def die() -> None:
    os.killpg(0, signal.SIGKILL)


class Fate:
    """What kills this process, and when."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._step = ""
        self._file = self._changes = 0
        self._in_change = False
        self._make, self._tell = Executor._make, Teller.tell
        fate = self

        def make(executor: Executor, *rest: Any) -> Record:
            fate.begin()
            try:
                return fate._make(executor, *rest)
            finally:
                fate.end()

        def tell(teller: Teller, record: Record) -> None:
            if record.status == "applying" and record.step == fate._step:
                die()
            fate._tell(teller, record)

        Executor._make = make  # type: ignore[method-assign]
        Teller.tell = tell  # type: ignore[method-assign]
        sys.addaudithook(self.hook)

    def begin(self) -> None:
        arm = self._directory / "arm"
        kind, _, when = (arm.read_text() if arm.exists() else "").partition(" ")
        self._step = when if kind == "step" else ""
        self._file = int(when) if kind == "file" else 0
        self._changes, self._in_change = 0, True

    def end(self) -> None:
        self._in_change, self._step = False, ""
        (self._directory / "changes").write_text(str(self._changes))

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._in_change:
            return
        # What is in the stage stands for nothing, and is a good half of all.
        is_change = event in CHANGES or (event == "open" and arguments[2] & WRITES)
        if is_change and "/stage/" not in str(arguments[0]):
            self._changes += 1
            if self._changes == self._file:
                die()


def wait_at_most(seconds: float) -> None:
    command.Running.finish.__defaults__ = (seconds,)
    command.run.__defaults__ = ("", seconds)
    command.detached.__defaults__ = (seconds,)
    postfix.RELOAD_PATIENCE = seconds


def forked_courier(argv: list[str], stdin: IO[bytes], pass_fds: list[int]) -> Forked:
    """Stand in for the Popen that starts a courier."""
    pid = os.fork()
    if pid == 0:
        os.dup2(stdin.fileno(), 0)
        sys.stdin = os.fdopen(0)
        keep = pass_fds[0]
        os.closerange(3, keep)
        os.closerange(keep + 1, 256)
        sys.argv = argv[-2:]
        leave(_courier_main.main)
    return Forked(pid)


def leave(run: Callable[[], object]) -> NoReturn:
    """End this process with *run*, and with nothing that was under way here before."""
    try:
        run()
    except SystemExit:
        pass
    except BaseException:  # noqa: BLE001 (as an interpreter tells of it)
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(0)


def start(order: dict[str, Any]) -> None:
    """Be an apply service, in a session of its own; tell its pid first."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, number in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(order["environment"])
    Fate(Path(os.environ["MAILPANEL_MORTAL"]))
    leave(lambda: main(["apply"]))


def serve() -> None:
    class Subprocess:
        Popen = staticmethod(forked_courier)
        TimeoutExpired = subprocess.TimeoutExpired

    processes.subprocess = Subprocess  # type: ignore[assignment]
    # Nobody waits for those that were forked here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while line := sys.stdin.readline():
        if os.fork() == 0:
            start(json.loads(line))


if __name__ == "__main__":
    assert mailpanel.cli.apply.command
    if sys.argv[1] == "patience":
        wait_at_most(float(sys.argv[2]))
        main(["apply"])
    else:
        serve()
