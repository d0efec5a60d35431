"""``mailpanel apply`` that is killed as in a crash, its courier with it.

``mortal_apply.py step NAME`` kills it when it comes to that step of a change, and
``mortal_apply.py file N`` right before it changes a file for the N-th time in one.
``mortal_apply.py patience N`` lives, and waits for a daemon's command N seconds at most.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from mailpanel.apply.executor import Executor
from mailpanel.cli import main
from mailpanel.host import command
from mailpanel.host.state import Record

CHANGES = {"os.chmod", "os.chown", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.utime"}
WRITES = os.O_WRONLY | os.O_RDWR


def die() -> None:
    os.killpg(0, signal.SIGKILL)


def die_at_step(wanted: str) -> None:
    tell = Executor._tell

    def told(self: Executor, record: Record) -> None:
        if record.status == "applying" and record.step == wanted:
            die()
        tell(self, record)

    Executor._tell = told  # type: ignore[method-assign]


def die_at_file(number: int) -> None:
    make = Executor._make
    left = None

    def made(self: Executor, *rest: Any) -> Record:
        nonlocal left
        left = number
        return make(self, *rest)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if left is None:
            return
        # What is in the stage stands for nothing, and is a good half of all.
        is_change = event in CHANGES or (event == "open" and arguments[2] & WRITES)
        if is_change and "/stage/" not in str(arguments[0]):
            left -= 1
            if left == 0:
                die()

    Executor._make = made  # type: ignore[method-assign]
    sys.addaudithook(hook)


def wait_at_most(seconds: float) -> None:
    command.Running.finish.__defaults__ = (seconds,)
    command.run.__defaults__ = ("", seconds)
    command.detached.__defaults__ = (seconds,)


if __name__ == "__main__":
    kind, when = sys.argv[1:]
    if kind == "step":
        die_at_step(when)
    elif kind == "file":
        die_at_file(int(when))
    else:
        wait_at_most(float(when))
    main(["apply"])
