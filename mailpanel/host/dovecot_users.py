"""The users whose mailboxes Dovecot has, found without making the home of anybody.

doveadm makes mail directory and home of each user that it opens, of one who never logged
in too; who has none is left out here, before anything is opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from mailpanel.errors import HostError
from mailpanel.host import command
from mailpanel.host.dovecot import Dovecot

__all__ = ["Mailboxes"]

# As many are handed to one doveadm, which starts in some 15 ms.
BATCH = 100
# The field that doveadm user begins each user with.
FIRST = "uid"
NO_SUCH_USER = 67
# In the name of each field by which the userdb gives a user an interval of their own, such as
# namespace/inbox/mailbox/Junk/autoexpunge.
AUTOEXPUNGE = "autoexpunge"


class Mailboxes:
    """The names of all users who have a mail directory, batch by batch.

    Who has an interval of their own is left out: Dovecot goes by that for them, whatever the
    configuration says. Once all are read ``with_their_own`` is how many they were.

    They end early at *deadline*, a time of :func:`time.monotonic`, which may be put off from
    batch to batch. *size* is how many a batch has at most. Once they are read, ``complete``
    says whether Dovecot could tell of every user.
    """

    def __init__(self, dovecot: Dovecot, deadline: float, size: int | None = None) -> None:
        self.complete = True
        self.with_their_own = 0
        self.deadline = deadline
        self._dovecot = dovecot
        self._size = size or BATCH

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the batches; raises :class:`HostError` where the users cannot be listed."""
        # All are listed first: the authentication waits for nobody who reads slowly.
        with TemporaryFile("w+", encoding="utf-8", errors="surrogateescape", newline="\n") as names:
            self._list(names)
            names.seek(0)
            while batch := [line.rstrip("\n") for line in islice(names, self._size)]:
                yield self._present(batch)

    def _list(self, names: IO[str]) -> None:
        lines = command.Lines(self._dovecot.argv("doveadm", "user", "*"), "", self.deadline)
        listed = 0
        for line in lines:
            names.write(f"{line}\n")
            listed += 1
        if lines.code != 0:
            self.complete = False
            # Of several userdbs one may be able to; a static one never is (doveadm-user(1)).
            if not listed:
                raise HostError(
                    "Dovecot cannot list its users. A passwd-file can be listed, so can LDAP, and "
                    "SQL with an iterate_query; a static userdb cannot, and none while Dovecot "
                    "does not run."
                )

    def _present(self, names: Sequence[str]) -> list[str]:
        """Return who of *names* has a mail directory."""
        argv = self._dovecot.argv("doveadm", "user", "--", *names)
        lines = command.Lines(argv, "", self.deadline)
        found: list[dict[str, str]] = []
        for line in lines:
            field, tab, value = line.partition("\t")
            if field == FIRST:
                found.append({})
            if tab and found:
                found[-1].setdefault(field, value)
        if len(found) == len(names):
            pairs = zip(names, found, strict=True)
            return [name for name, user in pairs if self._is_concerned(user)]
        if lines.code is None:
            self.complete = False
            return []
        if len(names) == 1:
            self.complete = self.complete and lines.code == NO_SUCH_USER
            return []
        # One is gone meanwhile, or cannot be looked up: who of them is told one by one.
        return [name for name in names if self._present([name])]

    def _is_concerned(self, user: dict[str, str]) -> bool:
        """Say whether *user* has a mail directory, and no interval of their own."""
        try:
            if not _has_directory(user):
                return False
        except OSError:
            # One home that cannot be looked at, as on a server that is away, is not the others'.
            self.complete = False
            return False
        own = any(AUTOEXPUNGE in field for field in user)
        self.with_their_own += own
        return not own


def _has_directory(user: dict[str, str]) -> bool:
    home = user.get("home", "")
    # "maildir:~/Maildir:INDEX=…" in Dovecot 2.3; 2.4 has the path alone.
    location = user.get("mail_path") or user.get("mail", "").partition(":")[2].partition(":")[0]
    root = location or home
    if root.startswith("~/"):
        root = f"{home}/{root[2:]}"
    return root.startswith("/") and Path(root).is_dir()
