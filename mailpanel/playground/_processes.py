"""Processes as proc(5) shows them: which are whose, and ending them."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["at_work", "end_all", "group", "living", "variable"]

GRACE = 5.0


def living() -> Iterator[int]:
    """Yield the pids of all processes; a zombie that nobody has waited for is none."""
    for pid, state, _ in _table():
        if state not in "ZX":
            yield pid


def group(number: int) -> list[int]:
    """Return the pids of the process group *number*."""
    return [pid for pid, state, owner in _table() if owner == number and state not in "ZX"]


def at_work(pid: int, program: re.Pattern[str], *places: Path) -> bool:
    """Say whether the process *pid* runs a *program*, and in one of *places* or below.

    A daemon stays in its own directory, and its program's path is not for it to choose.
    """
    try:
        path = str(Path(f"/proc/{pid}/exe").readlink()).removesuffix(" (deleted)")
        directory = Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return False
    return bool(program.fullmatch(path)) and any(map(directory.is_relative_to, places))


def variable(pid: int, name: str) -> str | None:
    """Return the environment variable *name* that the process *pid* was started with."""
    try:
        content = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    for entry in content.split(b"\0"):
        key, _, value = entry.partition(b"=")
        if key == name.encode():
            return os.fsdecode(value)
    return None


def end_all(find: Callable[[], list[int]]) -> None:
    """End what *find* returns, the gentle way first, and wait until it finds nothing."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        found = find()
        for pid in found:
            _send(pid, number)
        deadline = time.monotonic() + GRACE
        while found and time.monotonic() < deadline:
            time.sleep(0.02)
            found = find()
            if number == signal.SIGKILL:
                # One may have started another in the meantime.
                for pid in found:
                    _send(pid, number)
        if not found:
            return


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _table() -> Iterator[tuple[int, str, int]]:
    """Yield pid, state and process group of each process."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        # proc(5): the name in parentheses, which may hold blanks; state, ppid, pgrp.
        fields = re.sub(r"^.*\) ", "", text, flags=re.DOTALL).split()
        yield int(status.parent.name), fields[0], int(fields[2])
