"""What Dovecot has told systemd's journal, read on from where the last reading ended."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from mailpanel.errors import HostError
from mailpanel.host import command, files

__all__ = ["DovecotJournal"]

# sd_booted(3)
SYSTEMD = Path("/run/systemd/system")
# In seconds, of one reading; what is left then waits for the next one.
PATIENCE = 10.0
# Anybody may write to the journal as ``dovecot``, and as root only root may
# (systemd.journal-fields(7)); Dovecot's log process is root's.
MATCHES = ("SYSLOG_IDENTIFIER=dovecot", "_UID=0")


class DovecotJournal:
    """The journal of this host; up to where it was read stands in the file *place*.

    *options* are further ones of journalctl(1), such as a namespace.
    """

    def __init__(self, place: Path, options: Sequence[str] = ()) -> None:
        self._place = place
        self._options = options
        self._next = ""

    @property
    def is_there(self) -> bool:
        """Say whether this host has one."""
        return SYSTEMD.is_dir()

    def new(self, about: str) -> Iterator[tuple[bytes, str]]:
        """Yield each line with *about* in it since :meth:`noted` was called last, and its mark.

        As syslog would have it: the time (ISO 8601), ``dovecot:`` and the text. By its mark it
        is known again. Raises :class:`HostError` where journalctl(1) cannot read it.
        """
        self._next = self._read()
        after = [f"--after-cursor={self._next}"] if self._next else []
        argv = [
            *("journalctl", "--quiet", "--no-pager", "--output=json", "--output-fields=MESSAGE"),
            *(*self._options, *after, *MATCHES),
        ]
        lines = command.Lines(argv, "", time.monotonic() + PATIENCE)
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                self._next = entry["__CURSOR"]
                message = _text(entry["MESSAGE"])
                if about.encode() in message:
                    at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
                    yield b"%b dovecot: %b" % (at.isoformat().encode(), message), self._next
        if lines.code:
            raise HostError("journalctl cannot read the journal.")

    def noted(self) -> None:
        """Take note that what :meth:`new` has yielded last is kept elsewhere."""
        if self._next and self._next != self._read():
            state = files.read_state(self._place, mode=0o600)
            files.write(state.with_content(self._next.encode() + b"\n"))

    def _read(self) -> str:
        return (files.read_state(self._place).content or b"").decode("ascii", "replace").strip()


def _text(message: str | list[int]) -> bytes:
    """Return a field's bytes: in JSON those that are no UTF-8 are a list of numbers."""
    return message.encode() if isinstance(message, str) else bytes(message)
