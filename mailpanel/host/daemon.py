"""A daemon that ran before a change: whether it took it, and that it can run again after it."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mailpanel.errors import HostError, ReloadFailed
from mailpanel.host import command

__all__ = ["Daemon", "children", "end_all_in", "lives", "wait_for"]

LOOK = 0.02
# How long what was killed may take to be gone, in seconds.
GRACE = 5.0
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# systemd.unit(5); with cgroup v1 every hierarchy has a line of its own.
_UNIT = re.compile(r"^(?:0:|[0-9]+:name=systemd):.*/([^/\n]+\.service)$", re.MULTILINE)


def _unit(pid: int) -> str | None:
    try:
        match = _UNIT.search(Path(f"/proc/{pid}/cgroup").read_text())
    except OSError:
        return None
    # Without systemd as the first process the name in the cgroup is some container's.
    return match[1] if match and _has_systemd() else None


def _has_systemd() -> bool:
    # sd_booted(3)
    return Path("/run/systemd/system").is_dir()


@dataclass
class Daemon:
    """The process *pid*; *unit* is the systemd unit it runs in, ``None`` outside of one."""

    pid: int
    unit: str | None = field(init=False)

    def __post_init__(self) -> None:
        self.unit = _unit(self.pid)

    def note(self) -> dict[str, str | None]:
        """Return what a journal keeps of it, for a process that may have to start it again."""
        return {"unit": self.unit, "boot": BOOT_ID.read_text()}

    @classmethod
    def noted(cls, note: Mapping[str, str | None] | None) -> Daemon | None:
        """Return the one of *note*, which has ended since, ``None`` where none ran.

        After a reboot it is the service manager's to start it.
        """
        if note is None or note["boot"] != BOOT_ID.read_text():
            return None
        daemon = cls(0)
        daemon.unit = note["unit"]
        return daemon

    def start(self, argv: Sequence[str]) -> None:
        """Start it again: its unit, where it has one, else by *argv*, which ends at once.

        Started by *argv* under systemd it would get the cgroup and the sandbox of this
        process, which are not its own, and end with it: it gets a unit of its own there, as
        where somebody had started it by hand. Raises :class:`ReloadFailed`.
        """
        start = argv
        if self.unit is not None:
            start = ["systemctl", "restart", self.unit]
        elif _has_systemd():
            start = ["systemd-run", "--quiet", "--collect", "--service-type=forking", "--", *argv]
        try:
            started = command.detached(start) == 0
        except HostError as error:
            raise ReloadFailed(f"The daemon has ended and does not start again: {error}") from None
        if not started:
            raise ReloadFailed("The daemon has ended and does not start again; its log says why.")


def lives(pid: int, name: str) -> bool:
    """Say whether the process *pid* bears *name* and lives."""
    try:
        # proc(5): the name in parentheses, then the state.
        before, _, state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")
    except OSError:
        return False
    # Where nobody waits for the dead, as in many a container, they stay as zombies.
    return before.endswith(f"({name}") and state[0] not in "ZX"


def children(pid: int, *programs: str) -> frozenset[int]:
    """Return the processes that the process *pid* has started of *programs*, by file name.

    Names of at most 15 letters. The link to the program itself shows only to whom
    may do all that the process may (ptrace(2)), and this process may do less.
    """
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            # proc(5): the name in parentheses, then state and parent.
            before, _, after = (entry / "stat").read_text().rpartition(") ")
            if int(after.split()[1]) == pid and before.partition(" (")[2] in programs:
                found.add(int(entry.name))
    return frozenset(found)


def end_all_in(directory: Path) -> None:
    """End every process that stays in *directory*, as Postfix's do in their queue's.

    They are gone then, also what one of them had started since it was seen.
    """

    def none_is_left() -> bool:
        left = False
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (entry / "cwd").readlink() == directory:
                    left = True
                    os.kill(int(entry.name), signal.SIGKILL)
        return not left

    wait_for(none_is_left, GRACE)


def wait_for(condition: Callable[[], bool], patience: float, look: float = LOOK) -> bool:
    """Wait until *condition* is true, *patience* seconds at most; say whether it is.

    It is asked every *look* seconds.
    """
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(look)
    return True
