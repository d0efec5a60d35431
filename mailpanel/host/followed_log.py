"""What a daemon's log has gained since the last look: a file, or the journal."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from mailpanel.errors import HostError
from mailpanel.host import command

__all__ = ["FollowedFile", "FollowedJournal"]

# In seconds.
JOURNAL_PATIENCE = 5.0
MOST_LINES = 5_000
# What is read of a file at once, in bytes: a daemon in trouble may log a lot.
LONGEST = 1024 * 1024


class FollowedFile:
    """The log file at *path*, from its present end on.

    It is held open, so that what was written to it before it was turned is not missed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = self._opened()
        if self._stream is not None:
            self._stream.seek(0, os.SEEK_END)

    @property
    def readable(self) -> bool:
        """Say whether there is such a file to be read."""
        return self._stream is not None

    def new_lines(self) -> list[str]:
        """Return the lines that are new since the last call; of very many the last."""
        lines = self._rest()
        if self._was_turned():
            self.close()
            self._stream = self._opened()
            lines += self._rest()
        return lines

    def close(self) -> None:
        """Let go of the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _opened(self) -> IO[bytes] | None:
        # No device: /dev/stdout would be our own.
        with suppress(OSError):
            return self.path.open("rb") if self.path.is_file() else None
        return None

    def _was_turned(self) -> bool:
        if self._stream is None:
            return True
        try:
            there, ours = self.path.stat(), os.fstat(self._stream.fileno())
        except OSError:
            return True
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _rest(self) -> list[str]:
        if self._stream is None:
            return []
        start = self._stream.tell()
        size = self._stream.seek(0, os.SEEK_END)
        # One that is shorter now was emptied in its place (logrotate's copytruncate).
        start = start if size >= start else 0
        cut = max(start, size - LONGEST)
        self._stream.seek(cut)
        content = self._stream.read(LONGEST)
        whole, end, _ = content.rpartition(b"\n")
        # What is not a whole line yet is read the next time.
        self._stream.seek(len(whole) + len(end) - len(content), os.SEEK_CUR)
        lines = whole.decode("utf-8", "replace").split("\n") if whole else []
        # Of a line that was cut in two the end could pass for one: others choose where it is.
        return lines if cut == start else lines[1:]


class FollowedJournal:
    """What systemd's journal holds of the mail facility, from now on (journalctl(1)).

    *options* are further ones, such as the directory of the journal.
    """

    readable = True

    def __init__(self, options: Sequence[str] = ()) -> None:
        self._options = options
        self._since = time.time()

    def new_lines(self) -> list[str]:
        """Return the lines since the last call; some of the last second may come once more.

        Raises :class:`HostError` where the journal does not answer.
        """
        now = time.time()
        finished = command.run(
            [
                "journalctl",
                *("--quiet", "--no-pager", "--output=short", f"--lines={MOST_LINES}"),
                f"--since=@{int(self._since)}",
                *self._options,
                # LOG_MAIL (syslog(3)); the unit's name differs between systems.
                "SYSLOG_FACILITY=2",
            ],
            timeout=JOURNAL_PATIENCE,
        )
        if finished.code != 0:
            raise HostError("journalctl cannot read the journal.")
        # Not before it has answered: what it did not tell now it is asked for once more.
        self._since = now
        return finished.stdout.split("\n")

    def close(self) -> None:
        """Hold nothing."""
