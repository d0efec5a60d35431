"""One change of a host, whole or not at all: journal, swap, reload, verify, put back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from mailpanel.errors import HostError, PutBackFailed, ReloadFailed
from mailpanel.host import files
from mailpanel.host.journal import Entry, Journal, Phase
from mailpanel.host.stage import SETTLED

__all__ = ["KEPT_BACKUPS", "PUT_BACK", "RELOAD", "Recoverable", "Transaction", "late", "recover"]

KEPT_BACKUPS = 5
RELOAD = "reload"
PUT_BACK = "put back"
Step = Callable[[str], None]

# The order of an undo: what the daemon reads, the one that counts first; and once it has read
# that, what was named there: a message that is on its way still needs the new relay's key.
_READ = (Phase.COMMIT, Phase.AFTER, Phase.BEFORE)
_NAMED = (Phase.PREPARE, Phase.CLEAN)


class Recoverable(Protocol):
    """What recovery needs of a part of the host; see :class:`mailpanel.host.part.Part`."""

    def recovering(self, journal: Journal) -> None:
        """Take note of what runs, or ran, before a recovery of *journal* does anything."""

    def tidy(self, path: Path) -> None:
        """Take out of the file at *path* what a killed process had put in for a moment."""

    def recovered(self) -> None:
        """Do what is left to do after an interrupted change was finished."""

    def drain(self) -> None:
        """Wait for what still needs the files that an undo takes away last."""

    def undone(self) -> None:
        """Do what is left to do after an interrupted change was undone."""

    def reload_if_running(self) -> None:
        """Make the daemon read its configuration, where it runs, or ran before."""


class Transaction:
    """Carries out a :class:`Journal`.

    *reload* makes the daemon concerned read its configuration, *verify* raises unless it
    lives with it, *revive* makes what ran before run with the old files; all raise
    :class:`HostError`. *drain* waits, where the change is undone, for what may still need the new
    tables, and *undone* does what is left to do then. *directory* holds the journal while the
    change is under way, *backups* what the last ones replaced.
    """

    def __init__(
        self,
        journal: Journal,
        directory: Path,
        backups: Path,
        *,
        reload: Callable[[], None],
        verify: Callable[[], None],
        revive: Callable[[], None],
        drain: Callable[[], None],
        undone: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._path = directory / "journal.json"
        self._backups = backups
        self._reload = reload
        self._verify = verify
        self._revive = revive
        self._drain = drain
        self._undone = undone
        self._reloaded = False
        self._begun: set[Path] = set()

    def run(self, step: Step) -> None:
        """Make the change; afterwards the host is wholly new.

        Raises :class:`HostError`, and then the host is wholly what it was, or
        :class:`PutBackFailed`, and then the journal stays for the next start.
        """
        step("journal")
        try:
            self._journal.write(self._path)
        except OSError as error:
            raise _as_host_error(error) from None
        try:
            self.finish(step)
        except (HostError, OSError) as error:
            self._put_back(error, step)
            raise self._told(error) from None

    def finish(self, step: Step) -> None:
        """Do all that the journal says, from wherever it was left; then close it."""
        step("swap")
        if self._write(Phase.BEFORE):
            self._reloaded = True
            self._reload()
        self._write(Phase.PREPARE)
        self._write(Phase.COMMIT)
        self._write(Phase.AFTER)
        if any(entry.phase in (Phase.COMMIT, Phase.AFTER) for entry in self._journal.entries):
            step(RELOAD)
            self._reloaded = True
            self._reload()
        step("verify")
        self._verify()
        self._write(Phase.CLEAN)
        self._close()

    def _counting(self) -> Iterator[Entry]:
        """Yield the files that the daemon reads."""
        counting = (Phase.BEFORE, Phase.COMMIT, Phase.AFTER)
        return (entry for entry in self._journal.entries if entry.phase in counting)

    def _write(self, phase: str) -> bool:
        """Write the files of *phase* that are not so yet; say whether there are any."""
        entries = [entry for entry in self._journal.entries if entry.phase == phase]
        for entry in entries:
            self._require_unedited(entry)
            self._begun.add(entry.new.path)
            _write(entry.new, entry.own_directory)
        return bool(entries)

    @staticmethod
    def _require_unedited(entry: Entry) -> None:
        """Raise :class:`HostError` where the admin has edited a file of theirs in this moment."""
        if not entry.own_directory and entry.is_edited():
            raise HostError(
                f"{entry.new.path.name} was edited while the change was being made; "
                "it is tried again."
            )

    def _told(self, error: Exception) -> HostError:
        known = _as_host_error(error)
        if any(entry.has_revoked() for entry in self._journal.entries):
            sentence = f"{known} The password that was to count no longer stays revoked."
            return type(known)(sentence, known.temporary)
        return known

    def _put_back(self, error: Exception, step: Step) -> None:
        step(PUT_BACK)
        # Of what was not touched the daemon need not hear; the admin may be editing a file.
        touched = self._reloaded or any(not files.is_so(each.old) for each in self._counting())
        try:
            self._forget_unbegun()
            self.undo(touched)
        except ReloadFailed as second:
            raise PutBackFailed(
                f"{self._told(error)} The old files are back, but the daemon was not seen to "
                f"take them: {second}"
            ) from None
        except (HostError, OSError) as second:
            raise PutBackFailed(
                f"{self._told(error)} Putting the old files back failed as well: "
                f"{_as_host_error(second)}"
            ) from None

    def _forget_unbegun(self) -> None:
        """Leave out the admin's files that nothing was written to: they may be editing one.

        mailpanel's own stay: to look at the daemon may have taken a secret out of one.
        """
        known = self._journal.entries
        entries = tuple(
            each for each in known if each.own_directory or each.new.path in self._begun
        )
        self._journal = replace(self._journal, entries=entries)

    def undo(self, revive: bool = True) -> None:
        """Put every file back, the one that counts first; reload (*revive*); close the journal.

        What the admin has edited meanwhile stays. Raises :class:`ReloadFailed` where the files
        are back and the daemon is not, :class:`OSError` where a file is not, and
        :class:`HostError` where none is, for an edited one still names the others; the journal
        stays then.
        """
        if kept := self._journal.kept():
            raise _edited(kept)
        self._spare_edits()
        self._undo(_READ)
        failure = None
        if revive and any(self._counting()):
            failure = self._failure(self._revive) or self._failure(self._drain)
        self._undo(_NAMED)
        if failure := failure or self._failure(self._undone):
            raise failure
        self._close(keep=False)

    def _spare_edits(self) -> None:
        entries = (
            each if each.own_directory else each.sparing_edits() for each in self._journal.entries
        )
        self._journal = replace(self._journal, entries=tuple(entries))

    def _undo(self, phases: tuple[str, ...]) -> None:
        for phase in phases:
            for entry in self._journal.entries:
                if entry.phase == phase:
                    _write(entry.undone(), entry.own_directory)

    @staticmethod
    def _failure(act: Callable[[], None]) -> ReloadFailed | None:
        """Return how *act* failed: whatever it was, it is no failure of the files."""
        try:
            act()
        except ReloadFailed as error:
            return error
        except HostError as error:
            return ReloadFailed(str(error))
        return None

    def _close(self, keep: bool = True) -> None:
        if keep:
            name = f"{time.time_ns()}-{self._journal.setting}.json"
            self._journal.without_own_files().write(self._backups / name)
        # A killed process has left half of one.
        halves = self._backups.glob(".*")
        for old in [*halves, *sorted(self._backups.glob("[!.]*"))[:-KEPT_BACKUPS]]:
            old.unlink()
        self._path.unlink(missing_ok=True)
        files.sync_directory(self._path.parent)


def _write(state: files.FileState, own_directory: bool) -> None:
    directory = state.path.parent
    if own_directory and state.content is not None:
        files.make_directory(directory)
    # What is so already is left alone: on a full disk that alone can still be done.
    if files.is_so(state):
        files.remove_leftover(state.path)
    else:
        files.write(state, mtime=time.time() - SETTLED)
    if own_directory and state.content is None:
        with suppress(OSError):  # another table is still in it, or it is gone already
            directory.rmdir()


def _as_host_error(error: Exception) -> HostError:
    if isinstance(error, HostError):
        return error
    reason = getattr(error, "strerror", None) or type(error).__name__
    return HostError(f"A file on this host could not be written: {reason}.")


def _edited(name: str) -> HostError:
    return HostError(
        f"{name} was edited while a change was under way, and names what that change has made; so "
        "nothing is taken back, and to finish it is tried again."
    )


def late(recovered: str) -> HostError:
    """Return what is told of a change that waits for :func:`recover`, which has *recovered*."""
    end = "finished" if recovered == "finished" else "put back"
    return HostError(f"A change that was interrupted has been {end} now; this is tried again.")


def recover(directory: Path, backups: Path, parts: Mapping[str, Recoverable]) -> str | None:
    """Finish or undo the change that a killed process left in *directory*.

    *parts* are those of the host, by name. Returns ``finished``, ``undone``, or ``None``
    where no change was under way. Once the rename that counts has happened new daemon
    processes read the new configuration, so the change is finished; before it, undone. A
    file that somebody has edited since stays as it is, and where it counts and has our lines,
    what they name: the change is finished or nothing is touched. Raises :class:`HostError`,
    and then the journal stays.
    """
    path = directory / "journal.json"
    journal = Journal.read(path)
    if journal is None:
        files.remove_leftover(path)
        return None
    part = parts[journal.part]
    reload = part.reload_if_running
    try:
        part.recovering(journal)
        for entry in journal.entries:
            part.tidy(entry.new.path)
        transaction = Transaction(
            journal.sparing_edits(),
            directory,
            backups,
            reload=reload,
            verify=part.recovered,
            revive=reload,
            drain=part.drain,
            undone=part.undone,
        )
        kept = journal.kept()
        if not (journal.committed() or kept):
            transaction.undo()
            return "undone"
        try:
            transaction.finish(lambda _step: None)
        except (HostError, OSError) as error:
            if kept:
                raise HostError(f"{_edited(kept)} {_as_host_error(error)}") from None
            transaction.undo()
            return "undone"
    except OSError as error:
        raise _as_host_error(error) from None
    return "finished"
