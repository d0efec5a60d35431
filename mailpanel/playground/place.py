"""Where a playground keeps what, and that nobody else is at it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mailpanel.errors import DeploymentError, MailpanelError
from mailpanel.ini import trusted_path

__all__ = ["Place", "PlaygroundError"]

LOCK = "playground.lock"
RECORD = "playground.json"
# What a playground makes; what else somebody has put there stays.
MADE = ("postfix", "dovecot", "mailpanel", "authority.pem", "ca.pem", "msmtprc*", f"*{RECORD}*")
# Below a directory that is no longer than this, the names of all unix sockets have room.
LONGEST_DIRECTORY = 50
# What Postfix, Dovecot and the ini take in a path without quotes.
PLAIN = re.compile(r"[A-Za-z0-9/._-]+")
ELSEWHERE = Path("/var/lib/mailpanel-playground")


class PlaygroundError(MailpanelError):
    """The playground cannot start here; the message says why, and the remedy."""


class Place:
    """The *directory* of a playground, and ``files``, where the daemons' files stand.

    These are one and the same where *directory* serves: the daemons' users must pass
    through to it, root must be the only one who can change what is above it, and its
    path must be plain and short. That is not so for a checkout in somebody's home; then
    ``files`` is a directory of its own below /var/lib, the same each time.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        own = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:12]
        self.files = self.directory if _serves(self.directory) else ELSEWHERE / own

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Make the directories and hold the place, which one playground at a time can.

        Raises :class:`PlaygroundError` where another one does, or where something else
        is in *directory*.
        """
        self._make_directories()
        # Closed by the system however this process ends; what it starts does not inherit it.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.directory / LOCK, flags, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._is_running() from None
            yield
        finally:
            os.close(descriptor)

    def make(self, name: str) -> Path:
        """Return the directory *name* in ``files``, made where it is missing."""
        directory = self.files / name
        directory.mkdir(exist_ok=True)
        directory.chmod(0o755)
        return directory

    def clear(self) -> None:
        """Remove what a playground that was not made to its end has left."""
        for path in [each for name in MADE for each in self.files.glob(name)]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def record(self) -> dict[str, Any] | None:
        """Return what :meth:`write_record` wrote last; ``None`` where nothing was yet."""
        if not (self.directory / RECORD).exists():
            # Removed by somebody, in order to begin anew.
            return None
        # Not the one in *directory*, which may belong to somebody else than root.
        try:
            content: dict[str, Any] = json.loads((self.files / RECORD).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return content

    def write_record(self, content: Mapping[str, Any]) -> None:
        """Write playground.json, for scripts and for the next start; only root reads it."""
        for directory in {self.files, self.directory}:
            _write_closed(directory / RECORD, json.dumps(content, indent=2) + "\n")

    def _make_directories(self) -> None:
        if self.directory.exists() and not (self.directory / LOCK).exists():
            others = next(iter(self.directory.iterdir()), None)
            if others is not None:
                raise PlaygroundError(
                    f"{self.directory}: there is something else in it; name a directory that is "
                    "empty or new (--directory)"
                )
        for directory in (self.directory, self.files):
            directory.mkdir(parents=True, exist_ok=True)
        if self.files != self.directory:
            self.files.chmod(0o755)
        trusted_path(self.files)

    def _is_running(self) -> PlaygroundError:
        url = (self.record() or {}).get("url", "")
        at = f", at {url}" if url else ""
        return PlaygroundError(
            f"a playground runs in {self.directory} already{at}; end it first, or name another "
            "--directory"
        )


def _serves(directory: Path) -> bool:
    if len(str(directory)) > LONGEST_DIRECTORY or not PLAIN.fullmatch(str(directory)):
        return False
    existing = next(each for each in (directory, *directory.parents) if each.exists())
    try:
        trusted_path(existing)
    except DeploymentError:
        return False
    return all(each.stat().st_mode & stat.S_IXOTH for each in (existing, *existing.parents))


def _write_closed(path: Path, text: str) -> None:
    """Replace *path* by a file that only its owner reads, in one step."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(beside, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)
