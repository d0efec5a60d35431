"""The journal: what a change will do, on disk before it does anything.

One file holds, for every file that the change touches, what stands there and
what shall stand there, in the order of the change. It is written whole and
synced before the first rename, so a process killed at any instruction leaves
enough to finish the change or to undo it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mailpanel.errors import HostError
from mailpanel.host import files
from mailpanel.host.files import FileState

__all__ = ["Entry", "Journal", "Phase"]


class Phase:
    """When in a change a file is written; see :mod:`mailpanel.host.transaction`."""

    BEFORE = "before"  # what the new configuration needs a running daemon to know already
    PREPARE = "prepare"  # what nothing names yet
    COMMIT = "commit"  # the one rename by which the new configuration counts
    AFTER = "after"  # what the new configuration no longer needs, before the reload
    CLEAN = "clean"  # what nothing names any more


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a change: as it was, as it shall be, and when it is written.

    With ``own_directory`` its directory is mailpanel's own: made on demand, and
    removed with the last file in it. A file that is ``revoked`` holds a secret that
    is to count no longer: once it has gone it is not put back, and nothing stands in its place.
    """

    phase: str
    old: FileState
    new: FileState
    own_directory: bool = False
    revoked: bool = False

    def written(self) -> bool:
        """Say whether the file has been written; in one that was edited since its lines tell."""
        now = files.read_state(self.new.path).content
        if now in (self.old.content, self.new.content):
            return now == self.new.content
        old, new, lines = _lines(self.old.content), _lines(self.new.content), _lines(now)
        return new - old <= lines and not (old - new) & lines

    def is_edited(self) -> bool:
        """Say whether the file is neither as it was nor as it shall be."""
        now = files.read_state(self.new.path).content
        return now not in (self.old.content, self.new.content)

    def is_kept(self) -> bool:
        """Say whether the admin has edited a file of theirs since, and left our lines in it.

        It stays then, and so has what those lines name.
        """
        if self.own_directory or not self.is_edited():
            return False
        now = files.read_state(self.new.path).content
        return bool((_lines(self.new.content) - _lines(self.old.content)) & _lines(now))

    def undone(self) -> FileState:
        """Return the file as an undo leaves it."""
        return self.old.with_content(None) if self.has_revoked() else self.old

    def has_revoked(self) -> bool:
        """Say whether a secret that was to count no longer has gone."""
        return self.revoked and files.read_state(self.new.path).content != self.old.content

    def sparing_edits(self) -> Entry:
        """Return what leaves the file alone, where it is neither as it was nor as it shall be."""
        if not self.is_edited():
            return self
        now = files.read_state(self.new.path)
        return replace(self, old=now, new=now)


@dataclass(frozen=True, slots=True)
class Journal:
    """A change under way, of one part of the host, for the setting that wants it.

    ``ran`` is what :meth:`mailpanel.host.daemon.Daemon.note` tells of the daemon that ran before.
    """

    setting: str
    part: str
    entries: tuple[Entry, ...]
    ran: Mapping[str, str | None] | None = None

    def write(self, path: Path) -> None:
        """Put the journal on disk at *path*, readable to its owner alone, and sync it."""
        data = {
            "setting": self.setting,
            "part": self.part,
            "ran": self.ran,
            "entries": [
                {
                    "phase": entry.phase,
                    "old": _packed(entry.old),
                    "new": _packed(entry.new),
                    "own_directory": entry.own_directory,
                    "revoked": entry.revoked,
                }
                for entry in self.entries
            ],
        }
        state = files.read_state(path, mode=0o600)
        files.write(state.with_content(json.dumps(data).encode()))

    @classmethod
    def read(cls, path: Path) -> Journal | None:
        """Return the journal at *path*, or ``None`` where no change is under way.

        Raises :class:`HostError` where what stands there is no journal.
        """
        content = files.read_state(path).content
        if content is None:
            return None
        try:
            data = json.loads(content)
            entries = (
                Entry(
                    entry["phase"],
                    _unpacked(entry["old"]),
                    _unpacked(entry["new"]),
                    entry["own_directory"],
                    entry["revoked"],
                )
                for entry in data["entries"]
            )
            return cls(data["setting"], data["part"], tuple(entries), data.get("ran"))
        except (ValueError, TypeError, KeyError):
            raise HostError(
                f"{path} is damaged, so nobody knows whether the change that it tells of was made. "
                "Compare the daemon's configuration with a backup of yours, remove that file and "
                "start mailpanel apply again."
            ) from None

    def without_own_files(self) -> Journal:
        """Return what may be kept: the admin's files. mailpanel's own may hold passwords."""
        kept = (entry for entry in self.entries if not entry.own_directory)
        return Journal(self.setting, self.part, tuple(kept))

    def committed(self) -> bool:
        """Say whether the rename that counts has happened."""
        return any(entry.written() for entry in self.entries if entry.phase == Phase.COMMIT)

    def kept(self) -> str | None:
        """Return the name of a file that counts and cannot be undone, ``None`` for none."""
        counting = (entry for entry in self.entries if entry.phase == Phase.COMMIT)
        return next((entry.new.path.name for entry in counting if entry.is_kept()), None)

    def sparing_edits(self) -> Journal:
        """Return the journal that leaves alone what somebody has edited since."""
        entries = tuple(entry.sparing_edits() for entry in self.entries)
        return replace(self, entries=entries)


def _lines(content: bytes | None) -> set[bytes]:
    return set((content or b"").split(b"\n"))


def _packed(state: FileState) -> dict[str, Any]:
    return {
        "path": str(state.path),
        "content": _encoded(state.content),
        "mode": state.mode,
        "uid": state.uid,
        "gid": state.gid,
        "attributes": [[name, _encoded(value)] for name, value in state.attributes],
    }


def _unpacked(data: dict[str, Any]) -> FileState:
    return FileState(
        Path(data["path"]),
        None if data["content"] is None else base64.b64decode(data["content"]),
        data["mode"],
        data["uid"],
        data["gid"],
        tuple((name, base64.b64decode(value)) for name, value in data["attributes"]),
    )


def _encoded(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode("ascii")
