"""A daemon that ran before a change, so that it can run again after it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mailpanel.errors import ReloadFailed
from mailpanel.host import command

__all__ = ["Daemon"]

# systemd.unit(5); with cgroup v1 every hierarchy has a line of its own.
_UNIT = re.compile(r"^(?:0:|[0-9]+:name=systemd):.*/([^/\n]+\.service)$", re.MULTILINE)


def _unit(pid: int) -> str | None:
    try:
        match = _UNIT.search(Path(f"/proc/{pid}/cgroup").read_text())
    except OSError:
        return None
    # Without systemd as the first process the name in the cgroup is some container's.
    return match[1] if match and Path("/run/systemd/system").is_dir() else None


@dataclass
class Daemon:
    """The process *pid*; *unit* is the systemd unit it runs in, ``None`` outside of one."""

    pid: int
    unit: str | None = field(init=False)

    def __post_init__(self) -> None:
        self.unit = _unit(self.pid)

    def start(self, argv: Sequence[str]) -> None:
        """Start it again: its unit, where it has one, else by *argv*, which ends at once.

        Started by *argv* it would get the cgroup and the sandbox of this process, which
        are not its own. Raises :class:`ReloadFailed`.
        """
        start = argv if self.unit is None else ["systemctl", "restart", self.unit]
        if command.detached(start) != 0:
            raise ReloadFailed("The daemon has ended and does not start again; its log says why.")
