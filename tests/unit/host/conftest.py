"""Processes that are really killed, file systems that are really full."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def in_child() -> Callable[..., int]:
    """Run a function in a forked process; return its exit code, or minus the signal that ended it.

    With *die_at* the kernel kills it right before that many-th thing it does to a file.
    """

    def run(function: Callable[[], object], die_at: int = 0) -> int:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                _kill_at(die_at)
                function()
                code = 0
            finally:
                # Nothing of pytest's may run a second time in here.
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)

    return run


CHANGES = {"os.chmod", "os.chown", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.utime"}
WRITES = os.O_WRONLY | os.O_RDWR


def _kill_at(number: int) -> None:
    """Kill this process, as a crash does, right before its *number*-th change of a file."""
    left = number

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in CHANGES or (event == "open" and arguments[2] & WRITES):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "mailpanel-test", str(place)]
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    subprocess.run(command, capture_output=True, check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def fill() -> Callable[[Path], None]:
    """Leave no free block on the file system of a directory."""

    def write_all(place: Path) -> None:
        with (place / "filler").open("wb", buffering=0) as stream:
            try:
                while True:
                    stream.write(b"x" * 512)
            except OSError:
                return

    return write_all
