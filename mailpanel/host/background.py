"""A command that goes on while its caller does something else: looked at from time to time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile

from mailpanel.errors import HostError
from mailpanel.host.command import spawn

__all__ = ["Background"]

# doveadm ends after the message that it is at; what does not is killed.
LAST_BREATH = 1.0


class Background:
    """The command *argv* under way, given *stdin*; raises :class:`HostError` for none such.

    What it prints goes into a file: nobody reads it before it has ended.
    """

    def __init__(self, argv: Sequence[str], stdin: str) -> None:
        self._printed = TemporaryFile()  # noqa: SIM115 (closed by close)
        try:
            self._process = spawn(argv, stdin, self._printed)
        except HostError:
            self._printed.close()
            raise

    def ended(self, seconds: float) -> bool:
        """Say whether it has ended by itself, waiting *seconds* for that."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.returncode is not None

    @property
    def code(self) -> int:
        """Return its exit code, once it has ended."""
        return self._process.returncode

    def lines(self) -> Iterator[str]:
        """Yield the lines that it has printed, once it has ended."""
        self._printed.seek(0)
        for line in self._printed:
            # Of one that was killed the last may be half a line.
            if line.endswith(b"\n"):
                yield line[:-1].decode("utf-8", "surrogateescape")

    def stop(self) -> None:
        """End it, politely first, with all that it has started; one that has ended stays so."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.ended(0):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
                self.ended(LAST_BREATH)

    def close(self) -> None:
        """End it, and forget what it has printed."""
        self.stop()
        self._printed.close()
