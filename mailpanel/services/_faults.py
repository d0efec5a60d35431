"""What a failure of the database means to a caller."""

from __future__ import annotations

import logging

from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError

from mailpanel.errors import DatabaseAway, MailpanelError

__all__ = ["translated"]

log = logging.getLogger(__name__)

# PostgreSQL's SQLSTATEs (its manual, appendix A).
NO_SUCH_TABLE_OR_COLUMN = ("42P01", "42703")
NOT_PERMITTED = "42501"
READ_ONLY = "25006"  # a standby
# Not serialisable, a deadlock, a lock that was waited for too long: rolled back for certain.
BUSY = ("40001", "40P01", "55P03")


def translated(error: DBAPIError, in_commit: bool = False) -> MailpanelError | DBAPIError:
    """Return what *error* means; itself where it is a fault of the program.

    *in_commit* says that it came from the commit.
    """
    state = getattr(error.orig, "sqlstate", None)
    if _not_migrated(error, state):
        return DatabaseAway("The database is not ready for this release; run mailpanel init.")
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
        return "The database forbids this; make mailpanel's role its owner."
    if "unable to open database file" in said:
        return "The database is not there, or not readable; run mailpanel init."
    if state in BUSY or "database is locked" in said:
        return "The database is busy; try again."
    return "The database cannot be reached; try again."


def _is_away(error: DBAPIError, state: str | None) -> bool:
    if isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated:
        return True
    # None of its subclasses: SQLite's word for a file that is damaged or no database.
    return state in (NOT_PERMITTED, READ_ONLY) or type(error) is DatabaseError


def _not_migrated(error: DBAPIError, state: str | None) -> bool:
    if state in NO_SUCH_TABLE_OR_COLUMN:
        return True
    message = str(error.orig)
    return any(words in message for words in ("no such table", "no such column", "has no column"))
