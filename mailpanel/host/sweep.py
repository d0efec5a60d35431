"""The sweep: what autoexpunge would delete, deleted in all mailboxes, slice by slice.

autoexpunge itself runs where somebody logs out or mail is delivered, so never in a mailbox
that nobody uses. What goes is what :mod:`mailpanel.host.due_mail` tells, by UID, and only as long
as it is older all the same when doveadm comes to it. Why in slices, and each reason for how it
is done: docs/decisions/0014-clearing-sweep.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mailpanel.host import command, mail_plugins
from mailpanel.host.background import Background
from mailpanel.host.dovecot import Dovecot
from mailpanel.host.dovecot_users import Mailboxes
from mailpanel.host.due_mail import DAY, Due, DueMail, older_than
from mailpanel.host.words import counted, size
from mailpanel.plan import CountOld
from mailpanel.reports import ClearedFolder

__all__ = ["Sweep"]

# As many users are looked into by one doveadm, as many messages deleted by one.
USERS, MESSAGES = 20, 1000
# How long one doveadm may take, in seconds: to list or to delete, and in the background.
PATIENCE, LONG_PATIENCE = 30.0, 300.0
POLL = 0.02
# After as many lines of a listing the service may go on with something else.
LINES = 5000
MOVED = (
    "Dovecot's plugin lazy_expunge is on: what was cleared was moved to where that keeps it, and "
    "takes up room there."
)


@dataclass(slots=True)
class _Chunk:
    """The first messages of one mailbox that are due, up to ``uid``."""

    user: str
    mailbox: str
    guid: str
    uid: int = 0
    messages: int = 0
    bytes: int = 0

    @property
    def of(self) -> tuple[str, str]:
        """Whose mailbox, and which."""
        return self.user, self.guid

    def add(self, due: Due) -> None:
        self.uid = due.uid
        self.messages += 1
        self.bytes += due.size


@dataclass(slots=True)
class _Folder:
    """One of the folders that are swept, and what went from it so far."""

    wanted: CountOld
    before: int
    messages: int = 0
    bytes: int = 0
    mailboxes: int = 0
    user: str | None = None
    complete: bool = True

    def went(self, chunk: _Chunk) -> None:
        self.messages += chunk.messages
        self.bytes += chunk.bytes
        self.mailboxes += chunk.user != self.user
        self.user = chunk.user

    def told(self) -> ClearedFolder:
        return ClearedFolder(
            self.wanted.folder,
            self.wanted.days,
            self.messages,
            self.bytes,
            self.mailboxes,
            self.complete,
        )


class Sweep:
    """One run over all mailboxes of *dovecot*; what is *wanted* is folders with their days.

    :meth:`go_on` does the next bit of it; *require_live* raises :class:`HostError` where what is
    live is not that any more. Raises :class:`ValueError` for what nothing may be
    deleted by: less than a day, or the inbox.
    """

    def __init__(
        self,
        dovecot: Dovecot,
        wanted: Sequence[CountOld],
        require_live: Callable[[], None] = lambda: None,
    ) -> None:
        for each in wanted:
            _require_harmless(each)
        now = int(time.time())
        self.require_live = require_live
        self._dovecot = dovecot
        self._folders = [_Folder(each, now - each.days * DAY) for each in wanted]
        self._plugins: tuple[str, ...] = ()
        self._moves = False
        self._looked_into = self._with_their_own = 0
        self._work = self._swept()

    def go_on(self, seconds: float) -> bool:
        """Go on for about *seconds*; say whether anything is left.

        Raises :class:`HostError` where it cannot go on.
        """
        deadline = time.monotonic() + seconds
        return any(time.monotonic() > deadline for _ in self._work)

    def stop(self) -> None:
        """End it where it is."""
        self._work.close()
        for each in self._folders:
            each.complete = False

    def folders(self) -> tuple[ClearedFolder, ...]:
        """Return what went so far."""
        return tuple(each.told() for each in self._folders)

    def says(self) -> str:
        """Return a sentence or two that sum it up."""
        messages, total = (
            sum(getattr(each, name) for each in self._folders) for name in ("messages", "bytes")
        )
        looked = counted(self._looked_into, "mailbox", "mailboxes")
        said = f"{counted(messages, 'message')} ({size(total)}) cleared, {looked} looked into."
        if not all(each.complete for each in self._folders):
            said += " Not every one could be cleared."
        if self._with_their_own:
            own = counted(self._with_their_own, "mailbox has", "mailboxes have")
            said += f" {own} an interval of their own, by which Dovecot alone goes."
        return f"{said} {MOVED}" if self._moves else said

    def _swept(self) -> Generator[None, None, None]:
        """Do all of it; each yield is where it may rest."""
        self._plugins, self._moves = mail_plugins.loaded(self._dovecot)
        users = Mailboxes(self._dovecot, time.monotonic() + PATIENCE, USERS)
        for names in users:
            yield
            if names:
                yield from self._clear(names)
                self._looked_into += len(names)
            self._with_their_own = users.with_their_own
            users.deadline = time.monotonic() + PATIENCE
        for each in self._folders:
            each.complete &= users.complete

    def _clear(self, names: Sequence[str]) -> Iterator[None]:
        changed: dict[str, None] = {}
        for folder in self._folders:
            chunks: list[_Chunk] = []
            yield from self._look_into(folder, names, chunks)
            failed: set[tuple[str, str]] = set()
            for chunk in chunks:
                # One that is locked would hold all others up once for each of its chunks.
                if chunk.of in failed:
                    continue
                if self._delete(folder, chunk):
                    changed[chunk.user] = None
                else:
                    failed.add(chunk.of)
                yield
        if changed:
            # mdbox frees nothing before; where there is none, this does nothing.
            yield from self._run(self._doveadm("purge", "-F", "/dev/stdin"), list(changed))

    def _look_into(
        self, folder: _Folder, names: Sequence[str], chunks: list[_Chunk]
    ) -> Iterator[None]:
        """Put what is due in the mailboxes of *names* into *chunks*."""
        mail = DueMail(folder.wanted, folder.before)

        def take(line: str) -> None:
            due = mail.take(line)
            if due is not None:
                _add(chunks, due)

        before = len(chunks)
        code = yield from self._run(self._doveadm(*mail.arguments()), names, take)
        if code is None and len(names) > 1:
            # One of them takes too long; the others are not to wait for it day by day.
            del chunks[before:]
            for name in names:
                yield from self._look_into(folder, [name], chunks)
            return
        folder.complete &= code == 0

    def _delete(self, folder: _Folder, chunk: _Chunk) -> bool:
        """Delete *chunk*; say whether that went well."""
        # The name alone may be a pattern that others are found by; the GUID alone would open all.
        which = ("mailbox", chunk.mailbox, "mailbox-guid", chunk.guid, "uid", f"1:{chunk.uid}")
        query = (*which, *older_than(folder.before))
        argv = self._doveadm("expunge", "-F", "/dev/stdin", *query)
        # Not left to go on: once the interval changes, nothing is deleted by the old one any more.
        lines = command.Lines(argv, f"{chunk.user}\n", time.monotonic() + PATIENCE)
        for _ in lines:
            pass
        deleted = lines.code == 0
        if deleted:
            folder.went(chunk)
        folder.complete &= deleted
        return deleted

    def _run(
        self,
        argv: Sequence[str],
        names: Sequence[str],
        take: Callable[[str], None] = lambda _line: None,
    ) -> Generator[None, None, int | None]:
        """Run *argv* with *names* on its standard input; return its code, ``None`` if too late.

        *take* is given each line that it has printed: there may be more than fit into memory.
        """
        running = Background(argv, "".join(f"{name}\n" for name in names))
        try:
            deadline = time.monotonic() + LONG_PATIENCE
            while not (in_time := running.ended(POLL)):
                if time.monotonic() > deadline:
                    running.stop()
                    break
                yield
            for number, line in enumerate(running.lines()):
                take(line)
                if number % LINES == 0:
                    yield
            return running.code if in_time else None
        finally:
            running.close()

    def _doveadm(self, *arguments: str) -> list[str]:
        plugins = ("-o", f"mail_plugins={' '.join(self._plugins)}") if self._plugins else ()
        return self._dovecot.argv("doveadm", *plugins, *arguments)


def _add(chunks: list[_Chunk], due: Due) -> None:
    last = chunks[-1] if chunks else None
    if last is None or last.of != (due.user, due.guid) or last.messages >= MESSAGES:
        last = _Chunk(due.user, due.mailbox, due.guid)
        chunks.append(last)
    last.add(due)


def _require_harmless(wanted: CountOld) -> None:
    if wanted.days < 1:
        raise ValueError("savedbefore 0d is everything")
    if fnmatchcase("INBOX", wanted.mailbox.upper()):
        raise ValueError("the inbox is never cleared")
