"""How much old mail Dovecot would delete: counted, without touching anything."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from mailpanel.host import command
from mailpanel.host.dovecot import Dovecot
from mailpanel.host.dovecot_users import Mailboxes
from mailpanel.host.due_mail import DAY, Due, DueMail
from mailpanel.host.part import Counted
from mailpanel.host.words import counted, size
from mailpanel.plan import CountOld
from mailpanel.reports import FolderPreview

__all__ = ["Tally", "count_old"]

# Seconds. Changes wait as long, and so does whoever has asked.
PATIENCE = 30.0


def count_old(
    dovecot: Dovecot,
    wanted: Sequence[CountOld],
    live: Mapping[str, float | None],
    patience: float = PATIENCE,
) -> Counted:
    """Count what *wanted* names in all mailboxes, *patience* seconds at most.

    *live* is the age in seconds at which a folder is cleared already. Raises
    :class:`HostError` where the users cannot be listed.
    """
    deadline, now = time.monotonic() + patience, int(time.time())
    tallies = [Tally(each, live.get(each.folder), now) for each in wanted]
    users = Mailboxes(dovecot, deadline)
    mailboxes, readable = 0, True
    for names in users:
        codes = [tally.look_into(dovecot, names, deadline) for tally in tallies if names]
        if None in codes or time.monotonic() > deadline:
            break
        readable = readable and not any(codes)
        mailboxes += len(names)
    in_time = time.monotonic() < deadline
    readable = readable and users.complete
    folders = tuple(tally.told(complete=in_time and readable) for tally in tallies)
    # Of a batch that was not ended those at least in which something is due.
    mailboxes = max([mailboxes, *(each.mailboxes for each in folders)])
    return Counted(folders, _sum(folders, mailboxes, in_time=in_time, readable=readable))


class Tally:
    """What one preview comes to; it holds as much for a million messages as for one."""

    def __init__(self, wanted: CountOld, live: float | None, now: int) -> None:
        self._wanted = wanted
        self._mail = DueMail(wanted, now - wanted.days * DAY)
        self._standing = now - live if live else None
        self._messages = self._newly = self._bytes = self._mailboxes = 0
        self._oldest: int | None = None
        self._user: str | None = None
        self._goes_already = False

    def look_into(self, dovecot: Dovecot, names: Sequence[str], deadline: float) -> int | None:
        """Count in the mailboxes of *names*; return doveadm's exit code, ``None`` if too late."""
        given = "".join(f"{name}\n" for name in names)
        lines = command.Lines(dovecot.argv("doveadm", *self._mail.arguments()), given, deadline)
        for line in lines:
            self.take(line)
        return lines.code

    def take(self, line: str) -> None:
        """Count the message that *line* tells of, where it is one that is due."""
        due = self._mail.take(line)
        if due is not None:
            self._count(due)

    def _count(self, due: Due) -> None:
        self._messages += 1
        self._bytes += due.size
        self._mailboxes += due.user != self._user
        self._user = due.user
        self._oldest = due.saved if self._oldest is None else min(due.saved, self._oldest)
        goes_already = self._standing is not None and due.saved <= self._standing
        self._goes_already = goes_already and (due.sequence == 1 or self._goes_already)
        self._newly += not self._goes_already

    def told(self, *, complete: bool) -> FolderPreview:
        """Return what it came to."""
        oldest = None if self._oldest is None else _day(self._oldest)
        return FolderPreview(
            self._wanted.folder,
            self._wanted.days,
            self._messages,
            self._newly,
            self._bytes,
            self._mailboxes,
            oldest,
            complete,
            self._in_words(oldest, complete=complete),
        )

    def _in_words(self, oldest: str | None, *, complete: bool) -> str:
        folder, age = self._wanted.folder, counted(self._wanted.days, "day")
        if oldest is None:
            nothing = "nothing" if complete else "nothing that was looked at"
            return f"{folder}: {nothing} is older than {age}."
        at_least = "" if complete else "at least "
        are = "is" if self._messages == 1 else "are"
        already = self._messages - self._newly
        goes = "goes" if already == 1 else "go"
        more = f" By the present interval {already:,} of them {goes} already." if already else ""
        return (
            f"{folder}: {at_least}{counted(self._messages, 'message')} ({size(self._bytes)}) in "
            f"{counted(self._mailboxes, 'mailbox', 'mailboxes')} {are} older than {age}, "
            f"the oldest from {oldest}.{more}"
        )


def _day(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).date().isoformat()


def _sum(folders: Sequence[FolderPreview], mailboxes: int, *, in_time: bool, readable: bool) -> str:
    messages = sum(each.messages for each in folders)
    looked = f"{counted(mailboxes, 'mailbox', 'mailboxes')} looked into"
    due = f"{counted(messages, 'message')} due" if messages else "Nothing is due"
    if in_time and readable:
        return f"{due}. {looked}."
    due = f"At least {due}" if messages else "Nothing was found to be due"
    why = "then the time was up" if not in_time else "not every one could be read"
    return f"{due}: {looked}, {why}."
