"""The database: a transaction for each use case, and what becomes of its failures.

Why no transaction spans a web request: docs/decisions/0002-a-transaction-per-use-case.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, Executable, Row, func, make_url, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from mailpanel.errors import DeploymentError
from mailpanel.services import _sqlite
from mailpanel.services._faults import raise_translated

if TYPE_CHECKING:
    from mailpanel.services.migration import Migration

__all__ = ["Database", "once_stored"]

_ONCE_STORED = "mailpanel.once_stored"


class Database:
    """The database at *url*, SQLAlchemy's form: SQLite or PostgreSQL.

    Nothing is opened before the first use. Raises :class:`DeploymentError` where
    *url* is wrong.
    """

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
            reading, writing = _make_engines(self._url)
        except (ArgumentError, ModuleNotFoundError, ValueError):
            # Their texts quote the URL, and it may hold a password.
            raise DeploymentError(
                "sqlalchemy.url: this is no database URL, or its driver is not installed"
            ) from None
        self._engine = writing
        self._reading_engine = reading
        self._read = sessionmaker(reading, expire_on_commit=False)
        self._write = sessionmaker(writing, expire_on_commit=False)

    @property
    def file(self) -> Path | None:
        """Return SQLite's file, or ``None`` where the database is a server."""
        return _sqlite.file_of(self._url) if _is_sqlite(self._url) else None

    @property
    def server(self) -> dict[str, Any] | None:
        """Return what libpq connects to PostgreSQL with, or ``None`` where it is a file.

        A password may be in it.
        """
        if _is_sqlite(self._url):
            return None
        from mailpanel.services._postgresql import parameters_of

        return parameters_of(self._url)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session on one consistent state; nothing is stored.

        Raises :class:`DatabaseAway`.
        """
        try:
            with self._read() as session:
                yield session
        except DBAPIError as error:
            raise_translated(error)

    def row(self, query: Executable, **values: Any) -> Row[Any] | None:
        """Return the one row that answers *query*, or ``None``; raises :class:`DatabaseAway`.

        Without a session, which costs more than the question: for what every request asks.
        """
        try:
            with self._reading_engine.connect() as connection:
                return connection.execute(query, values).one_or_none()
        except DBAPIError as error:
            raise_translated(error)

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
            raise_translated(error, in_commit)
        for work in session.info.get(_ONCE_STORED, ()):
            work()

    def ping(self) -> None:
        """Ask the database for an answer; raises :class:`DatabaseAway` where there is none."""
        with self.reading() as session:
            session.execute(text("SELECT 1 FROM desired_settings"))

    def migrate(self, migration: Migration | None = None) -> None:
        """Bring the tables to this release's shape; SQLite's file is made, 0600, where missing.

        Two at the same time take turns. *migration* may have been read before, while its
        scripts could be. Raises :class:`DatabaseAway`, or :class:`DeploymentError` where
        the file cannot be made.
        """
        if migration is None:
            # Alembic is a third of this module's start, and only this needs it.
            from mailpanel.services.migration import Migration

            migration = Migration()
        if self.file is not None:
            _make_private(self.file)
        with self.writing() as session:
            if self.file is None:
                _take_turn(session)
            migration.upgrade(session.connection())

    def dispose(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def once_stored(session: Session, work: Callable[[], None]) -> None:
    """Have *work* done when the transaction of *session* is stored, and never where it is not."""
    session.info.setdefault(_ONCE_STORED, []).append(work)


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _make_engines(url: URL) -> tuple[Engine, Engine]:
    if _is_sqlite(url):
        return _sqlite.make_engines(url)
    if url.get_backend_name() != "postgresql":
        raise DeploymentError("sqlalchemy.url: mailpanel works with SQLite and PostgreSQL")
    try:
        from mailpanel.services._postgresql import make_engines
    except ImportError:
        raise DeploymentError(
            "sqlalchemy.url: PostgreSQL's driver is missing: pip install 'mailpanel[postgresql]'"
        ) from None
    return make_engines(url)


def _take_turn(session: Session) -> None:
    """Wait until nobody else migrates; it ends with the transaction."""
    from mailpanel.services._postgresql import MIGRATION_LOCK

    session.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))


def _make_private(file: Path) -> None:
    try:
        # SQLite gives its journal files the mode of this one.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise DeploymentError(
            f"{file}: the database cannot be made ({error.strerror}); run mailpanel init"
        ) from None
