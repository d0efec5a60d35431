"""Edits that a daemon has not read yet: a reload for mailpanel's sake makes them live, too."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["started", "unread_edits"]

# A file that was written while the daemon read it may count or not; in seconds.
MARGIN = 0.5


def started(pid: int) -> float | None:
    """Return when the process *pid* began, in seconds since the epoch; ``None`` where it is gone.

    By the present clock: one that was set since moves it along.
    """
    try:
        # proc(5): the name in parentheses, then the state; the 22nd field of all is its start.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    since_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot


def unread_edits(daemon: str, files: Iterable[Path], loaded: float | None) -> str | None:
    """Return which of *files* are newer than what *daemon* has *loaded*, in a sentence.

    ``None`` for none, or where nobody knows when that was.
    """
    if loaded is None:
        return None
    newer: dict[str, float] = {}
    for path in files:
        try:
            edited = path.stat().st_mtime
        except OSError:
            continue  # gone meanwhile, or a link that leads nowhere
        if edited > loaded + MARGIN:
            newer[path.name] = edited
    if not newer:
        return None
    names = " and ".join(sorted(newer))
    when = datetime.fromtimestamp(max(newer.values()), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    was = "was" if len(newer) == 1 else "were"
    it = "it" if len(newer) == 1 else "them"
    return (
        f"{names} {was} edited ({when}), and {daemon} has not been reloaded since: the next change "
        f"makes what stands in {it} live as well."
    )
