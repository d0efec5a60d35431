"""How much old mail Dovecot would delete: counted, without touching anything.

Counted is what autoexpunge goes by (lib-storage/mail-autoexpunge.c): from a folder's first
message on, up to the first that is younger. doveadm opens a folder that is found by a
pattern only where it is there; by its name it would make one that is to be created
automatically.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from mailpanel.host import command
from mailpanel.host.dovecot import Dovecot
from mailpanel.host.dovecot_users import Mailboxes
from mailpanel.host.part import Counted
from mailpanel.host.words import counted, size
from mailpanel.plan import CountOld
from mailpanel.reports import FolderPreview

__all__ = ["Tally", "count_old"]

# Seconds. Changes wait as long, and so does whoever has asked.
PATIENCE = 30.0
DAY = 86_400
FIELDS = "seq date.saved.unixtime size.physical mailbox"


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
        self._before = now - wanted.days * DAY
        self._standing = now - live if live else None
        self._messages = self._newly = self._bytes = self._mailboxes = 0
        self._oldest: int | None = None
        self._at: tuple[str, str] | None = None
        self._user: str | None = None
        self._expected = 1
        self._goes_already = False

    def look_into(self, dovecot: Dovecot, names: Sequence[str], deadline: float) -> int | None:
        """Count in the mailboxes of *names*; return doveadm's exit code, ``None`` if too late."""
        fetch = ("-f", "tab", "fetch", "-F", "/dev/stdin", FIELDS)
        # Dovecot means those before that second, autoexpunge those of it too.
        query = ("mailbox", self._pattern(), "savedbefore", str(self._before + 1))
        given = "".join(f"{name}\n" for name in names)
        lines = command.Lines(dovecot.argv("doveadm", *fetch, *query), given, deadline)
        for line in lines:
            self.take(line)
        return lines.code

    def _pattern(self) -> str:
        return self._wanted.mailbox if self._is_pattern else f"{self._wanted.mailbox}%"

    @property
    def _is_pattern(self) -> bool:
        return "*" in self._wanted.mailbox

    def take(self, line: str) -> None:
        fields = line.split("\t", 4)
        if len(fields) < 5 or not all(each.isdecimal() for each in fields[1:4]):
            return  # the head of the table
        user, mailbox = fields[0], fields[4]
        if not self._is_pattern and mailbox != self._wanted.mailbox:
            return
        if (user, mailbox) != self._at:
            self._at = (user, mailbox)
            self._expected, self._goes_already = 1, True
        sequence, saved, size_ = map(int, fields[1:4])
        if sequence == self._expected:
            self._expected += 1
            self._count(user, saved, size_)

    def _count(self, user: str, saved: int, size_: int) -> None:
        self._messages += 1
        self._bytes += size_
        self._mailboxes += user != self._user
        self._user = user
        self._oldest = saved if self._oldest is None else min(saved, self._oldest)
        self._goes_already &= self._standing is not None and saved <= self._standing
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
