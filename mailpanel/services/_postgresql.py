"""PostgreSQL as SQLAlchemy and libpq are to use it.

Loaded only where the database is one: the driver is the extra ``postgresql``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL

from mailpanel.errors import DeploymentError

__all__ = ["MIGRATION_LOCK", "make_engines", "parameters_of"]

MIGRATION_LOCK = 0x6D61696C  # "mail", the key of an advisory lock

# How long a server that says nothing is waited for: a network that drops packets must not
# hold a request for minutes. In seconds, tcp_user_timeout in milliseconds.
DEFAULTS: dict[str, Any] = {
    "fallback_application_name": "mailpanel",
    "client_encoding": "UTF8",
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
LOCK_TIMEOUT = "-c lock_timeout=5s"


def parameters_of(url: URL) -> dict[str, Any]:
    """Return what libpq connects with; what *url* says itself wins.

    Raises :class:`DeploymentError` where *url* names another driver than psycopg, or
    something that libpq does not know.
    """
    if url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise DeploymentError("sqlalchemy.url: for PostgreSQL it begins with postgresql://")
    dialect = url.set(drivername="postgresql+psycopg").get_dialect()()
    theirs = dict(dialect.create_connect_args(url)[1])
    options = f"{LOCK_TIMEOUT} {theirs.pop('options', '')}".strip()
    parameters = {**DEFAULTS, **theirs, "options": options}
    try:
        make_conninfo("", **parameters)
    except psycopg.ProgrammingError:
        # Its text may quote the URL, and that may hold a password.
        raise DeploymentError(
            "sqlalchemy.url: a parameter behind the ? is none of PostgreSQL's"
        ) from None
    return parameters


def make_engines(url: URL) -> tuple[Engine, Engine]:
    """Return an engine for reading and one for writing, with one pool.

    Raises :class:`DeploymentError` as :func:`parameters_of` does.
    """
    parameters = parameters_of(url)
    # Writers lock the rows they decide on, and must see what was committed while they waited
    # for them; whoever reads sees one state from the first statement to the last.
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        creator=partial(psycopg.connect, **parameters),
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        use_native_hstore=False,
    )
    return engine.execution_options(isolation_level="REPEATABLE READ"), engine
