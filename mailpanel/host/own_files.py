"""Files of mailpanel's own beside a daemon's: which they are, and from a plan to what they hold.

One that mailpanel did not write is never overwritten, and one that somebody has edited
since is neither overwritten nor removed.
"""

from __future__ import annotations

import grp
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mailpanel.errors import HostError, Refused
from mailpanel.host import files
from mailpanel.host.diffs import MASK, file_diff, masked_options, masked_users
from mailpanel.host.files import FileState
from mailpanel.host.journal import Entry, Phase
from mailpanel.plan import Change, MasterUser, WriteFile
from mailpanel.reports import FileDiff

__all__ = ["FileLedger", "OwnFiles", "OwnedFile", "master_line"]


@dataclass(slots=True)
class OwnedFile:
    """A file of mailpanel's own: for which setting, and the SHA-256 of what was written.

    ``master`` is the master user that it makes, with the ``separator`` at log-in.
    """

    setting: str
    digest: str
    counts: bool = True
    master: str | None = None
    separator: str | None = None


@dataclass(slots=True)
class FileLedger:
    """What mailpanel owns of one part: files by path, and its line in the admin's own file."""

    files: dict[str, OwnedFile] = field(default_factory=dict)
    line: str | None = None

    @classmethod
    def loads(cls, content: bytes | None) -> FileLedger:
        """Return the ledger in *content*; an empty one for ``None``.

        Raises :class:`HostError` where *content* is no ledger.
        """
        if content is None:
            return cls()
        try:
            data: dict[str, Any] = json.loads(content)
            owned = {path: OwnedFile(**each) for path, each in data["files"].items()}
            return cls(owned, data["line"])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise HostError(
                "A ledger in the state directory is damaged, so nobody knows which files are "
                "mailpanel's. Bring it back from a backup."
            ) from None

    def dumps(self) -> bytes | None:
        """Return the ledger as the bytes of its file; ``None`` where it owns nothing."""
        if not self.files and self.line is None:
            return None
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode() + b"\n"

    def masters(self, other: FileLedger) -> frozenset[str]:
        """Return the master users whose files are not the same here and in the *other*."""
        return frozenset(
            each.master
            for path in self.files.keys() | other.files.keys()
            if self.files.get(path) != other.files.get(path)
            for each in (self.files.get(path), other.files.get(path))
            if each is not None and each.master is not None
        )

    def owned(self, setting: str) -> list[str]:
        """Return the names of what *setting* owns, for people."""
        return [f"file: {path}" for path, each in self.files.items() if each.setting == setting]


def master_line(name: str, password: str, allow_nets: Iterable[str]) -> str:
    """Return a line of a passwd-file (doc.dovecot.org): user, password, six empty, extra fields."""
    nets = ",".join(allow_nets)
    return f"{name}:{password}::::::{f'allow_nets={nets}' if nets else ''}\n"


class OwnFiles:
    """The files of one part as they stand, and as a plan wants them for *setting*.

    Raises :class:`Refused` where a file stands in the way or, unless *over_edits*, was edited.
    """

    def __init__(
        self,
        ledger_path: Path,
        setting: str,
        changes: Iterable[Change],
        *,
        over_edits: bool = False,
    ) -> None:
        self.setting = setting
        self._over_edits = over_edits
        self.ledger_file = files.read_state(ledger_path, mode=0o600)
        self.before = FileLedger.loads(self.ledger_file.content)
        self.after = FileLedger.loads(self.ledger_file.content)
        self.old: dict[str, FileState] = {}
        self.new: dict[str, FileState] = {}
        for change in changes:
            self._write(change)
        for path, owned in self.before.files.items():
            if owned.setting == setting and path not in self.new:
                self._remove(path)

    @property
    def changes_nothing(self) -> bool:
        """Say whether every file stands as it shall already."""
        return all(self.old[path] == new for path, new in self.new.items())

    def write_ledger(self) -> None:
        """Write the ledger alone, where it differs."""
        content = self.after.dumps()
        if content != self.ledger_file.content:
            files.write(self.ledger_file.with_content(content))

    def differences(self) -> Iterator[FileDiff]:
        """Yield what would change in which file, secrets masked."""
        for path, new in self.new.items():
            owned = self.after.files.get(path) or self.before.files[path]
            masked = _hidden if not owned.counts else masked_options
            masked = masked_users if owned.master else masked
            diff = file_diff(path, self.old[path].text(), new.text(), masked)
            if diff:
                yield diff

    def require_unchanged(self) -> None:
        """Raise a temporary :class:`HostError` where somebody else edited a file meanwhile."""
        for path, old in self.old.items():
            if files.read_state(Path(path), mode=old.mode) != old:
                raise HostError(
                    f"{old.path.name} was edited while the change was being checked; "
                    "it is tried again."
                )

    def entries(self) -> Iterator[Entry]:
        """Yield the files of the change in their phases, the ledger among them."""
        ledger = self.ledger_file.with_content(self.after.dumps())
        yield Entry(Phase.PREPARE, self.ledger_file, ledger)
        for path, new in self.new.items():
            old = self.old[path]
            if old != new:
                known = self.before.files.get(path)
                # Of a change that fails the password before stays (the API's promise); a reset
                # is there to take it away.
                revoked = new.content is None and known is not None and known.master is not None
                yield Entry(self._phase(path), old, new, own_directory=True, revoked=revoked)

    def _phase(self, path: str) -> str:
        owned = self.after.files.get(path) or self.before.files[path]
        if owned.counts:
            return Phase.COMMIT
        return Phase.CLEAN if self.new[path].content is None else Phase.PREPARE

    def _write(self, change: Change) -> None:
        if isinstance(change, MasterUser):
            text = master_line(change.name, change.hash, change.allow_nets)
            owned = OwnedFile(
                self.setting, _digest(text.encode()), False, change.name, change.separator
            )
            self._own(change.path, owned, text, 0o640, change.group)
        elif isinstance(change, WriteFile):
            owned = OwnedFile(self.setting, _digest(change.content.encode()), change.counts)
            self._own(change.path, owned, change.content, change.mode, change.group)
        else:
            raise TypeError(f"{type(change).__name__} is no change of a file")

    def _own(self, path: str, owned: OwnedFile, text: str, mode: int, group: str) -> None:
        old = self._old(path)
        if old.content is not None and path not in self.before.files:
            raise Refused(
                f"{path} stands there already, and it is not mailpanel's. Move it away, and "
                "this is tried again."
            )
        # One that the admin made a link of leads where it led.
        self.new[path] = FileState(
            old.path,
            text.encode("utf-8"),
            mode,
            os.geteuid(),
            _group(group),
            old.attributes,
        )
        self.after.files[path] = owned

    def _remove(self, path: str) -> None:
        self.new[path] = self._old(path).with_content(None)
        del self.after.files[path]

    def _old(self, path: str) -> FileState:
        state = files.read_state(Path(path))
        known = self.before.files.get(path)
        edited = known and state.content is not None and _digest(state.content) != known.digest
        if edited and not self._over_edits:
            raise Refused(
                f"{path} is mailpanel's own and was edited by hand. Move it away or put it back, "
                "and this is tried again; what you wrote there belongs in a file of your own."
            )
        self.old[path] = state
        return state


def _hidden(text: str) -> str:
    return f"{MASK}\n" if text else ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _group(name: str) -> int:
    # Whoever is not root can give a file to no other group than his own.
    if not name or os.geteuid() != 0:
        return os.getegid()
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise Refused(
            f"There is no group {name} on this host. Make it; for msmtprc mailpanel.msmtp_group "
            "may name another."
        ) from None
