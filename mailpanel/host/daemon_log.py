"""What a daemon has logged since a moment, for the error of a change that it did not take."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from mailpanel.errors import ReloadFailed, VerifyFailed
from mailpanel.host.words import own_words

__all__ = ["DaemonLog"]

# What is read of it: a daemon that dies again and again may log a lot.
LONGEST = 1024 * 1024
# At the place where Postfix and Dovecot write it, behind the name of the process, which may have
# its number and whom it serves: further on in a line stands what senders and clients chose.
_WORST = re.compile(
    r"^[^\[\](<=]*"
    r"(?:\[[0-9]+\]: (?:[a-z-]+(?:\([^()\s]*\))?(?:<[^<>\s]*>)*: )?|\([^()\s]*\)(?:<[^<>\s]*>)*: )?"
    r"(?:fatal|error|panic): ",
    re.IGNORECASE,
)


class DaemonLog:
    """The log at *path*, from its present end on; ``None`` where nobody knows where it is."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._start = self._size()

    def _size(self) -> int:
        try:
            return self._path.stat().st_size if self._path else 0
        except OSError:
            return 0

    def last_error(self) -> str | None:
        """Return the last error in it since then, in the daemon's own words; none is ``None``."""
        lines = [line for line in self._since().split("\n") if _WORST.match(line)]
        return own_words(lines[-1]) if lines else None

    def _since(self) -> str:
        if self._path is None:
            return ""
        try:
            with self._path.open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                # A log that is shorter now was turned meanwhile.
                start = self._start if size >= self._start else 0
                stream.seek(max(start, size - LONGEST))
                return stream.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def telling(self, action: Callable[[], None]) -> None:
        """Do *action*; where the daemon is at fault, add to the error what its log says."""
        try:
            action()
        except (ReloadFailed, VerifyFailed) as error:
            said = self.last_error()
            if said is None:
                raise
            raise type(error)(f"{error} Its last word: {said}.", error.temporary) from None
