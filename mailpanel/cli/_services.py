"""The services, opened as the unprivileged user."""

from __future__ import annotations

from pathlib import Path

import click

from mailpanel.cli._base import deployment
from mailpanel.deployment import Deployment
from mailpanel.errors import NotFound
from mailpanel.layout import current_owner, require_owner
from mailpanel.privileges import become_user, require_reachable
from mailpanel.seal import Sealer
from mailpanel.services.accounts import Accounts
from mailpanel.services.adoption import Adoption
from mailpanel.services.audit import Author
from mailpanel.services.broken_rows import BrokenRow, BrokenRows
from mailpanel.services.changes import Changes
from mailpanel.services.database import Database
from mailpanel.services.errands import Errands
from mailpanel.services.hosts import Hosts
from mailpanel.services.wake import make_waker
from mailpanel.system_log import AUDIT, to_syslog

__all__ = [
    "become_database_user",
    "broken_row",
    "local_author",
    "open_changes",
    "open_changes_and_hosts",
    "open_database",
    "open_errands",
    "open_errands_and_adoption",
    "require_account",
]

_KEY = "mailpanel.database"


def open_database(options: Deployment | None = None) -> Database:
    """Return the database; this process is the unprivileged user from here on.

    Its connections are closed with the command.
    """
    options = options or deployment()
    to_syslog(AUDIT)
    database = Database(options.database_url)
    context = click.get_current_context()
    context.call_on_close(database.dispose)
    become_database_user(options, database)
    context.meta[_KEY] = database
    return database


def broken_row(ctx: click.Context) -> BrokenRow | None:
    """Return the row that explains why a command failed as nobody foresaw, if one does."""
    database = ctx.meta.get(_KEY)
    if database is None:
        return None
    try:
        return BrokenRows(database).first()
    except Exception:  # noqa: BLE001 (the fault that is explained may meet this, too)
        return None
    finally:
        database.dispose()


def become_database_user(options: Deployment, database: Database) -> None:
    """Become the unprivileged user; raises :class:`DeploymentError` if *database* is not theirs."""
    file = database.file
    if file is not None and file.is_relative_to(options.state_directory):
        require_owner(Path(options.state_directory), options.database_directory)
    become_user(options)
    if file is not None:
        require_reachable(file)


def open_changes() -> Changes:
    """Return the use cases of settings; this process is the unprivileged user from here on."""
    return open_changes_and_hosts()[0]


def open_changes_and_hosts() -> tuple[Changes, Hosts]:
    """Return the use cases of settings, as :func:`open_changes`, and those of the mail hosts."""
    options = deployment()
    database = open_database(options)
    changes = Changes(
        database,
        Sealer(options.public_key_file),
        make_waker(database, options.wake_socket),
        check_interval=options.check_interval,
    )
    return changes, Hosts(database, check_interval=options.check_interval)


def open_errands() -> Errands:
    """Return the use cases of tests; this process is the unprivileged user from here on."""
    return open_errands_and_adoption()[0]


def open_errands_and_adoption() -> tuple[Errands, Adoption]:
    """Return the use cases of errands, as :func:`open_errands`, and that of adopting."""
    options = deployment()
    database = open_database(options)
    sealer = Sealer(options.public_key_file)
    waker = make_waker(database, options.wake_socket)
    errands = Errands(database, sealer, waker, check_interval=options.check_interval)
    return errands, Adoption(database, sealer, waker)


def require_account(database: Database, name: str) -> None:
    """Raise :class:`NotFound`, naming it and the way to find others, where there is no *name*."""
    if all(account["username"] != name for account in Accounts(database).list()):
        raise NotFound(f"There is no account {name}; mailpanel account list shows all.")


def local_author() -> Author:
    """Return who runs this command, for the audit log; to be asked before root is given up."""
    return Author(current_owner().name, None, "")
