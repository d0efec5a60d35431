"""The services, opened as the unprivileged user."""

from __future__ import annotations

from mailpanel.cli._base import deployment
from mailpanel.deployment import Deployment
from mailpanel.layout import current_owner
from mailpanel.privileges import become_user, require_reachable
from mailpanel.seal import Sealer
from mailpanel.services.audit import Author
from mailpanel.services.changes import Changes
from mailpanel.services.database import Database
from mailpanel.services.wake import make_waker

__all__ = ["local_author", "open_changes", "open_database"]


def open_database(options: Deployment | None = None) -> Database:
    """Return the database; this process is the unprivileged user from here on."""
    options = options or deployment()
    database = Database(options.database_url)
    become_user(options)
    if database.file is not None:
        require_reachable(database.file)
    return database


def open_changes() -> Changes:
    """Return the use cases of settings; this process is the unprivileged user from here on."""
    options = deployment()
    database = open_database(options)
    return Changes(
        database,
        Sealer(options.public_key_file),
        make_waker(database, options.wake_socket),
        check_interval=options.check_interval,
    )


def local_author() -> Author:
    """Return who runs this command, for the audit log; to be asked before root is given up."""
    return Author(current_owner().name, None, "")
