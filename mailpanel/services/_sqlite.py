"""SQLite as SQLAlchemy is to use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from mailpanel.errors import DeploymentError

__all__ = ["file_of", "make_engines"]

BUSY_TIMEOUT = 5  # seconds that it waits for another writer


def file_of(url: URL) -> Path:
    """Return the database's file; raises :class:`DeploymentError` where *url* names none."""
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise DeploymentError(
            "sqlalchemy.url: give SQLite a file, like sqlite:////var/lib/x.sqlite"
        )
    return Path(url.database).absolute()


def make_engines(url: URL) -> tuple[Engine, Engine]:
    """Return an engine for reading and one for writing, with one pool.

    Raises :class:`DeploymentError` where *url* names no file.
    """
    # rw, not rwc: a missing file is an error with a remedy, not a new empty database.
    query = {"mode": "rw", "uri": "true"}
    engine = create_engine(
        url.set(database=file_of(url).as_uri(), query=query),
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine, engine.execution_options(begin="BEGIN IMMEDIATE")


def _prepare(connection: Any, _record: Any) -> None:
    # The driver would begin a transaction by itself, and only before the first write;
    # _begin does it instead (SQLAlchemy, "Enabling Non-Legacy SQLite Transactional Modes").
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: Connection) -> None:
    # IMMEDIATE where something will be written: a transaction that has read first and
    # then writes is refused at once, without waiting, when another one wrote meanwhile.
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
