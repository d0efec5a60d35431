"""The processes of the apply service: how the courier starts, how the service ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from mailpanel.apply.pipe import Pipe
from mailpanel.deployment import Deployment

__all__ = ["Stop", "courier_process"]


@contextmanager
def courier_process(deployment: Deployment) -> Iterator[Pipe]:
    """Start a courier and yield the pipe to it; it ends with the pipe."""
    ours, theirs = socket.socketpair()
    # -P: no module is loaded from the directory that root happens to stand in.
    argv = [sys.executable, "-P", "-m", "mailpanel.apply._courier_main", str(theirs.fileno())]
    with tempfile.TemporaryFile() as options:
        options.write(json.dumps(asdict(deployment)).encode())
        options.seek(0)
        process = subprocess.Popen(argv, stdin=options, pass_fds=[theirs.fileno()])
    theirs.close()
    try:
        yield Pipe(ours)
    finally:
        ours.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Stop:
    """SIGTERM and SIGINT: the end comes at once while idle, else after the change under way."""

    def __init__(self) -> None:
        self._asked = False
        self._idle = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _signal: int, _frame: object) -> None:
        self._asked = True
        if self._idle:
            raise SystemExit(0)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Put the end off for as long as the block runs."""
        self._idle = False
        try:
            yield
        finally:
            self._idle = True
        if self._asked:
            raise SystemExit(0)
