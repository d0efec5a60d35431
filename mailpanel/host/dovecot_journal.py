"""What Dovecot has told systemd's journal, as the lines that syslog would have written."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from mailpanel.errors import HostError
from mailpanel.host import command, files

__all__ = ["DovecotJournal", "has_journal", "lines_since"]

# sd_booted(3)
SYSTEMD = Path("/run/systemd/system")
JOURNALCTL = (
    *("journalctl", "--quiet", "--no-pager", "--output=json", "--output-fields=MESSAGE"),
    # Anybody may write to the journal as ``dovecot``, and as root only root may
    # (systemd.journal-fields(7)); Dovecot's log process is root's.
    *("SYSLOG_IDENTIFIER=dovecot", "_UID=0"),
)
# In seconds, of one reading.
PATIENCE = 10.0


def has_journal() -> bool:
    """Say whether systemd's journal is kept on this host."""
    return SYSTEMD.is_dir()


def lines_since(start: float, about: bytes) -> list[bytes]:
    """Return each line with *about* in it since *start*, in seconds since the epoch.

    Raises :class:`HostError` where journalctl(1) cannot read them all, in ten seconds.
    """
    reading = _Reading(f"--since=@{int(start)}")
    found = [line for line, _ in reading.lines(about)]
    if not reading.is_whole:
        raise HostError("The journal is too long to be read in time.")
    return found


class DovecotJournal:
    """The journal of this host; up to where it was read stands in the file *place*."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._next = ""

    def new(self, about: bytes) -> Iterator[tuple[bytes, str]]:
        """Yield each line with *about* in it since :meth:`noted` was called last, and its mark.

        By its mark it is known again. What cannot be read in ten seconds waits for the next
        time. Raises :class:`HostError` where journalctl(1) cannot read it.
        """
        self._next = self._read()
        reading = _Reading(*([f"--after-cursor={self._next}"] if self._next else []))
        try:
            for found in reading.lines(about):
                self._next = reading.cursor
                yield found
        except HostError as error:
            said = f"{error} Where {self._place} is damaged, remove it." if self._next else error
            raise HostError(str(said)) from None
        self._next = reading.cursor or self._next

    def noted(self) -> None:
        """Take note that what :meth:`new` has yielded last is kept elsewhere."""
        if self._next and self._next != self._read():
            state = files.read_state(self._place, mode=0o600)
            files.write(state.with_content(self._next.encode() + b"\n"))

    def _read(self) -> str:
        return (files.read_state(self._place).content or b"").decode("ascii", "replace").strip()


class _Reading:
    """One run of journalctl(1), with *options*."""

    def __init__(self, *options: str) -> None:
        self._entries = command.Lines([*JOURNALCTL, *options], "", time.monotonic() + PATIENCE)
        # Where the last entry stands that was read.
        self.cursor = ""

    @property
    def is_whole(self) -> bool:
        """Say whether it came to the journal's end in time."""
        return self._entries.code == 0

    def lines(self, about: bytes) -> Iterator[tuple[bytes, str]]:
        """Yield the lines with *about* in them, after their time (ISO 8601), and their marks."""
        for text in self._entries:
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(text)
                self.cursor = entry["__CURSOR"]
                message = _bytes(entry["MESSAGE"])
                if about in message:
                    at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
                    yield b"%b dovecot: %b" % (at.isoformat().encode(), message), self.cursor
        if self._entries.code:
            raise HostError("journalctl cannot read the journal.")


def _bytes(message: str | list[int]) -> bytes:
    """Return a field's bytes: in JSON those that are no UTF-8 are a list of numbers."""
    return message.encode() if isinstance(message, str) else bytes(message)
