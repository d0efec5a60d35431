"""A part of the mail host: Postfix, Dovecot, msmtp, each with its files and its daemon."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mailpanel.host.journal import Entry, Journal
from mailpanel.plan import Facts, Lookup, Plan, PostfixRelays, Preview
from mailpanel.reports import ClearedFolder, FileDiff, FolderPreview

__all__ = ["Counted", "Part", "Sweeping", "Work"]


@dataclass(frozen=True, slots=True)
class Counted:
    """What previews came to, by folder, and a sentence that sums it up."""

    folders: tuple[FolderPreview, ...]
    says: str


class Sweeping(Protocol):
    """A run that deletes old mail, slice by slice; see :class:`mailpanel.host.sweep.Sweep`."""

    def go_on(self, seconds: float) -> bool:
        """Go on for about *seconds*; say whether anything is left. Raises :class:`HostError`."""

    def require_live(self) -> None:
        """Raise :class:`HostError` unless what is deleted by is live, as when it began."""

    def stop(self) -> None:
        """End it where it is."""

    def folders(self) -> tuple[ClearedFolder, ...]:
        """Return what went so far."""

    def says(self) -> str:
        """Return a sentence or two that sum it up."""


class Work(ABC):
    """What brings a part from what stands to what one setting wants: checked, then listed
    file by file for the journal."""

    plan: Plan

    @property
    def log_file(self) -> Path | None:
        """Return where the daemon logs, as far as that is a file of its own."""
        return None

    @property
    @abstractmethod
    def changes_nothing(self) -> bool:
        """Say whether every file stands as it shall already, the ledger aside."""

    @abstractmethod
    def require_running(self) -> None:
        """Raise :class:`HostError` where the daemon concerned does not run."""

    @abstractmethod
    def write_ledger(self) -> None:
        """Write the ledger alone, where it differs."""

    @abstractmethod
    def check(self, directory: Path) -> Any:
        """Check the change in a stage below *directory*; return what :meth:`entries` needs of it.

        Raises :class:`CheckFailed`, or :class:`Refused` where something of the admin's
        own would get in the way; nothing live has been touched.
        """

    @contextmanager
    def checked(self, directory: Path) -> Iterator[Any]:
        """Check as :meth:`check` does, and keep the stage for :meth:`try_out` in the block."""
        yield self.check(directory)

    def try_out(self, probe: PostfixRelays) -> str:
        """Try *probe* from the stage by the daemon's own programs; return what to say of it.

        Raises :class:`ProbeFailed` where it fails.
        """
        raise TypeError(f"no {type(probe).__name__} with this part")

    @abstractmethod
    def differences(self) -> Iterator[FileDiff]:
        """Yield what would change in which file, secrets masked."""

    @abstractmethod
    def require_unchanged(self) -> None:
        """Raise a temporary :class:`HostError` where somebody else edited a file meanwhile."""

    @abstractmethod
    def entries(self, built: Any) -> Iterator[Entry]:
        """Yield the files of the change in their phases."""

    @abstractmethod
    def reload(self) -> None:
        """Make the daemon read its configuration; raises :class:`ReloadFailed`."""

    @abstractmethod
    def verify(self) -> None:
        """Raise :class:`VerifyFailed` unless the daemon lives with the new values."""

    @abstractmethod
    def revive(self) -> None:
        """Make the daemon that ran before run with the old files; raises :class:`ReloadFailed`."""

    def ran(self) -> Mapping[str, str | None] | None:
        """Return what to keep of the daemon that runs, ``None`` where nothing of it does."""
        return None

    def undone(self) -> None:  # noqa: B027 (most changes leave nothing behind)
        """Do what is left to do once the old files are back."""


class Part(ABC):
    """One part; *name* is what a setting calls it. It holds what a process knows of it."""

    name: str

    @abstractmethod
    def facts(self, *, standing: bool = False) -> Any:
        """Return what stands there without mailpanel; ``None`` where it is not installed.

        With *standing* what stands there now, mailpanel's own and edits of it among it.
        Raises :class:`CheckFailed` where the admin's own configuration is broken.
        """

    def account(self, lookup: Lookup) -> tuple[str, str] | None:
        """Return the username and password that are found by *lookup*, ``None`` for none.

        Raises :class:`HostError` where they are there and cannot be read.
        """
        raise NotImplementedError(f"there are no accounts in {self.name}")

    def unread_edits(self) -> str | None:
        """Return which edits of the admin's own the next reload makes live, too; see
        :func:`mailpanel.host.unread.unread_edits`."""
        return None

    def overridden(self, plan: Plan) -> str | None:
        """Return what of the admin's own counts in place of *plan*, whose files all stand.

        In a sentence with the remedy; ``None`` for nothing, as far as that can be seen.
        """
        return None

    @abstractmethod
    def owned(self, setting: str) -> list[str]:
        """Return the names of what *setting* owns there, for people."""

    @abstractmethod
    def work(self, setting: str, plan: Plan, facts: Facts, *, over_edits: bool = False) -> Work:
        """Return what makes *plan*, made from *facts*, all that *setting* wants.

        Raises :class:`Refused` where what stands there forbids it: a file of mailpanel's
        own that was edited, unless *over_edits*. A line of mailpanel's own that was edited
        is written anew in either case, and what it said remembered.
        """

    def count(self, previews: tuple[Preview, ...]) -> Counted:
        """Count what *previews* ask for, and change nothing.

        Raises :class:`HostError` where it cannot be told. Only where a plan has some.
        """
        raise NotImplementedError(f"nothing is counted in {self.name}")

    def sweep(self, previews: tuple[Preview, ...]) -> Sweeping:
        """Return the run that deletes what *previews* name; only where a plan has some.

        Raises :class:`HostError` where what is live is not just that.
        """
        raise NotImplementedError(f"nothing is cleared in {self.name}")

    def tidy(self, path: Path) -> None:  # noqa: B027 (most parts leave nothing like it)
        """Take out of the file at *path* what a killed process had put in for a moment."""

    def recovering(self, journal: Journal) -> None:  # noqa: B027 (most have nothing that runs)
        """Take note of what runs, or ran, before a recovery of *journal* does anything."""

    def drain(self) -> None:  # noqa: B027 (most parts have nothing under way)
        """Wait, for a while, for what still needs the files that an undo takes away last."""

    def undone(self) -> None:  # noqa: B027 (most parts leave nothing behind)
        """Do what is left to do after an interrupted change was undone."""

    @abstractmethod
    def recovered(self) -> None:
        """Do what is left to do after an interrupted change was finished.

        Raises :class:`VerifyFailed` where the daemon does not live with it.
        """

    @abstractmethod
    def reload_if_running(self) -> None:
        """Make the daemon read its configuration, where it runs, or ran before the recovery.

        Raises :class:`ReloadFailed`.
        """

    def made(self) -> None:  # noqa: B027 (most parts have nothing to note)
        """Take note that a change has been made."""

    def leaving(self, setting: str | None = None) -> bool:
        """Say whether something (of *setting*) waits for its time to be put back."""
        return False

    def settling(self) -> Work | None:
        """Return what puts back all that waits, ``None`` while its time has not come."""
        return None
