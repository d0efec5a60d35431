"""The database: a transaction for each use case, and what becomes of its failures.

Why no transaction spans a web request: docs/decisions/0002-a-transaction-per-use-case.md.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.orm import Session, sessionmaker

from mailpanel.errors import DatabaseAway, DeploymentError, MailpanelError

if TYPE_CHECKING:
    from mailpanel.services.migration import Migration

__all__ = ["Database"]

log = logging.getLogger(__name__)

BUSY_TIMEOUT = 5  # seconds that SQLite waits for another writer
NO_SUCH_TABLE_OR_COLUMN = ("42P01", "42703")  # PostgreSQL's SQLSTATEs


class Database:
    """The database at *url*, SQLAlchemy's form.

    Nothing is opened before the first use. Raises :class:`DeploymentError` where
    *url* is wrong.
    """

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
            self._engine = _make_engine(self._url)
        except (ArgumentError, ModuleNotFoundError):
            # Their texts quote the URL, and it may hold a password.
            raise DeploymentError(
                "sqlalchemy.url: this is no database URL, or its driver is not installed"
            ) from None
        self._read = sessionmaker(self._engine, expire_on_commit=False)
        self._write = sessionmaker(
            self._engine.execution_options(begin="BEGIN IMMEDIATE"), expire_on_commit=False
        )

    @property
    def file(self) -> Path | None:
        """Return SQLite's file, or ``None`` where the database is a server."""
        return _sqlite_file(self._url)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session on one consistent state; nothing is stored.

        Raises :class:`DatabaseAway`.
        """
        try:
            with self._read() as session:
                yield session
        except DBAPIError as error:
            raise _translated(error) from error

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session whose work is stored at the end, all of it, or none after an exception.

        Raises :class:`DatabaseAway`; with ``in_commit`` it is unknown whether the
        work was stored.
        """
        in_commit = False
        try:
            with self._write() as session:
                yield session
                session.flush()
                in_commit = True
                session.commit()
        except DBAPIError as error:
            raise _translated(error, in_commit) from error

    def ping(self) -> None:
        """Ask the database for an answer; raises :class:`DatabaseAway` where there is none."""
        with self.reading() as session:
            session.execute(text("SELECT 1 FROM desired_settings"))

    def migrate(self, migration: Migration | None = None) -> None:
        """Bring the tables to this release's shape; SQLite's file is made, 0600, where missing.

        *migration* may have been read before, while its scripts could be. Raises
        :class:`DatabaseAway`, or :class:`DeploymentError` where the file cannot be made.
        """
        if migration is None:
            # Alembic is a third of this module's start, and only this needs it.
            from mailpanel.services.migration import Migration

            migration = Migration()
        if self.file is not None:
            _make_private(self.file)
        with self.writing() as session:
            migration.upgrade(session.connection())

    def dispose(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _sqlite_file(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite":
        return None
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise DeploymentError(
            "sqlalchemy.url: give SQLite a file, like sqlite:////var/lib/x.sqlite"
        )
    return Path(url.database).absolute()


def _make_engine(url: URL) -> Engine:
    file = _sqlite_file(url)
    if file is None:
        return create_engine(url, hide_parameters=True, pool_pre_ping=True)
    # rw, not rwc: a missing file is an error with a remedy, not a new empty database.
    query = {"mode": "rw", "uri": "true"}
    engine = create_engine(
        url.set(database=file.as_uri(), query=query),
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver would begin a transaction by itself, and only before the first write;
    # _begin_sqlite does it instead (SQLAlchemy, "Enabling Non-Legacy SQLite Transactional Modes").
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE where something will be written: a transaction that has read first and
    # then writes is refused at once, without waiting, when another one wrote meanwhile.
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _make_private(file: Path) -> None:
    try:
        # SQLite gives its journal files the mode of this one.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise DeploymentError(
            f"{file}: the database cannot be made ({error.strerror}); run mailpanel init"
        ) from None


def _translated(error: DBAPIError, in_commit: bool = False) -> MailpanelError | DBAPIError:
    """Return what *error* means to a caller; itself where it is a fault of the program."""
    if _not_migrated(error):
        return DatabaseAway("The database is not ready for this release; run mailpanel init.")
    if not _is_away(error):
        return error
    log.warning("the database is away: %s: %s", type(error.orig).__name__, error.orig)
    if "unable to open database file" in str(error.orig):
        return DatabaseAway("The database is not there, or not readable; run mailpanel init.")
    if "database is locked" in str(error.orig):
        return DatabaseAway("The database is busy; try again.", in_commit=in_commit)
    return DatabaseAway("The database cannot be reached; try again.", in_commit=in_commit)


def _is_away(error: DBAPIError) -> bool:
    if isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated:
        return True
    # None of its subclasses: SQLite's word for a file that is damaged or no database.
    return type(error) is DatabaseError


def _not_migrated(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) in NO_SUCH_TABLE_OR_COLUMN:
        return True
    message = str(error.orig)
    return any(words in message for words in ("no such table", "no such column", "has no column"))
