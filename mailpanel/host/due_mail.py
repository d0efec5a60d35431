"""The mail that Dovecot would delete of a folder by itself, message by message.

That is what autoexpunge goes by (lib-storage/mail-autoexpunge.c): from a folder's first
message on, up to the first that is younger. doveadm opens a folder that is found by a
pattern only where it is there; by its name it would make one that is to be created
automatically.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailpanel.plan import CountOld

__all__ = ["DAY", "Due", "DueMail", "older_than"]

DAY = 86_400
FIELDS = "seq uid date.saved.unixtime size.physical mailbox-guid mailbox"
_GUID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is due: whose, where, and when it came there (seconds since the epoch).

    ``guid`` is the mailbox's, by which no other bears its name.
    """

    user: str
    mailbox: str
    guid: str
    sequence: int
    uid: int
    saved: int
    size: int


def older_than(before: int) -> tuple[str, str]:
    """Return the search of what was saved at *before*, seconds since the epoch, or earlier.

    Raises :class:`ValueError` for no such time: nought would be everything (doveadm-search-query).
    """
    if before <= 0:
        raise ValueError("no message is older than the epoch")
    # Dovecot means those before that second, autoexpunge those of it too.
    return "savedbefore", str(before + 1)


class DueMail:
    """What of the folder *wanted* was saved at *before*, seconds since the epoch, or earlier."""

    def __init__(self, wanted: CountOld, before: int) -> None:
        self._wanted = wanted
        self._before = before
        self._at: tuple[str, str] | None = None
        self._expected = 1

    def arguments(self) -> list[str]:
        """Return what doveadm prints it by, for the users on its standard input."""
        query = ("mailbox", self._pattern(), *older_than(self._before))
        return ["-f", "tab", "fetch", "-F", "/dev/stdin", FIELDS, *query]

    def _pattern(self) -> str:
        return self._wanted.mailbox if self._is_pattern else f"{self._wanted.mailbox}%"

    @property
    def _is_pattern(self) -> bool:
        return "*" in self._wanted.mailbox

    def take(self, line: str) -> Due | None:
        """Return the message that *line* tells of, ``None`` where it is none that is due."""
        fields = line.split("\t", 6)
        if (
            len(fields) < 7
            or not _GUID.fullmatch(fields[5])
            or not all(each.isdecimal() for each in fields[1:5])
        ):
            return None  # the head of the table
        user, guid, mailbox = fields[0], fields[5], fields[6]
        if not self._is_pattern and mailbox != self._wanted.mailbox:
            return None
        if (user, mailbox) != self._at:
            self._at, self._expected = (user, mailbox), 1
        sequence, uid, saved, size = map(int, fields[1:5])
        if sequence != self._expected or saved > self._before:
            return None
        self._expected += 1
        return Due(user, mailbox, guid, sequence, uid, saved, size)
