"""What a failure of the database means to a caller."""

from __future__ import annotations

import logging
from typing import NoReturn

from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, InterfaceError, OperationalError

from mailpanel.errors import DatabaseAway, MailpanelError
from mailpanel.words import _

__all__ = ["UNREADABLE", "is_unreadable", "raise_translated", "translated"]

log = logging.getLogger(__name__)

# PostgreSQL's SQLSTATEs (its manual, appendix A).
NO_SUCH_TABLE_OR_COLUMN = ("42P01", "42703")
NOT_PERMITTED = "42501"
READ_ONLY = "25006"  # a standby
# Not serialisable, a deadlock, a lock that was waited for too long: rolled back for certain.
BUSY = ("40001", "40P01", "55P03")
# SQLite's driver of a text that is not UTF-8: somebody has written it there.
NO_UTF_8 = "Could not decode to UTF-8"
# What the types of columns raise where something else stands in one.
UNREADABLE = (TypeError, ValueError, RecursionError)


def raise_translated(error: DBAPIError, in_commit: bool = False) -> NoReturn:
    """Raise what *error* means, as :func:`translated`."""
    meant = translated(error, in_commit)
    if meant is error:
        # Not "from error": it would be its own cause, and who follows the causes never ends.
        raise error
    raise meant from error


def translated(error: DBAPIError, in_commit: bool = False) -> MailpanelError | DBAPIError:
    """Return what *error* means; itself where it is a fault of the program.

    *in_commit* says that it came from the commit.
    """
    state = getattr(error.orig, "sqlstate", None)
    if _not_migrated(error, state):
        return DatabaseAway(_("The database is not ready for this release; run mailpanel init."))
    if not _is_away(error, state):
        return error
    # One line, whatever the server has said.
    said = " ".join(str(error.orig).split())
    reason = f"{type(error.orig).__name__}: {said}"
    log.warning("the database is away: %s", reason)
    in_commit = in_commit and state not in BUSY
    return DatabaseAway(_sentence(said, state), in_commit=in_commit, reason=reason)


def _sentence(said: str, state: str | None) -> str:
    if state == NOT_PERMITTED:
        return _("The database forbids this; make mailpanel's role its owner.")
    if "unable to open database file" in said:
        return _("The database is not there, or not readable; run mailpanel init.")
    if state in BUSY or "database is locked" in said:
        return _("The database is busy; try again.")
    return _("The database cannot be reached; try again.")


def is_unreadable(error: DBAPIError) -> bool:
    """Say whether *error* is of a row that somebody else has written, as the driver tells it."""
    # PostgreSQL's driver of a time that Python has not, as infinity.
    return NO_UTF_8 in str(error.orig) or isinstance(error, DataError)


def _is_away(error: DBAPIError, state: str | None) -> bool:
    if is_unreadable(error):
        return False
    if isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated:
        return True
    # None of its subclasses: SQLite's word for a file that is damaged or no database.
    return state in (NOT_PERMITTED, READ_ONLY) or type(error) is DatabaseError


def _not_migrated(error: DBAPIError, state: str | None) -> bool:
    if state in NO_SUCH_TABLE_OR_COLUMN:
        return True
    message = str(error.orig)
    return any(words in message for words in ("no such table", "no such column", "has no column"))
