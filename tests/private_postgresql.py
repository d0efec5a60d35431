"""A PostgreSQL of the tests' own: nobody else's cluster is touched, and none needs to run."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import trustme
from psycopg import sql
from psycopg.conninfo import make_conninfo

__all__ = ["PrivatePostgresql", "Slate"]

ROLE, PASSWORD = "mailpanel", "p4ss w%rd/ü"
TIMEOUT = 60.0

# Nothing is kept, so nothing is synced. Commits in a database that asks for more than
# `local` wait for a standby that never comes: that is how one is caught in its commit.
CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{directory}'
ssl = on
ssl_cert_file = '{directory}/server.pem'
ssl_key_file = '{directory}/server.key'
timezone = 'Asia/Kolkata'
default_transaction_isolation = 'serializable'
fsync = off
full_page_writes = off
synchronous_commit = local
synchronous_standby_names = 'nobody'
autovacuum = off
shared_buffers = 32MB
max_connections = 60
log_statement = none
"""
ACCESS = """
local all all trust
hostssl all all 127.0.0.1/32 scram-sha-256
"""


class PrivatePostgresql:
    """A server in a directory of its own; a context manager that starts and ends it.

    As root it runs as the user ``postgres``, since it refuses root. A role
    ``mailpanel``, no superuser, owns all databases that are made here. Raises
    :class:`RuntimeError`, naming the Debian package, where there is no server.
    """

    def __init__(self) -> None:
        self._programs = _programs()
        # Short, for unix sockets; and for others to pass through.
        self.directory = Path(tempfile.mkdtemp(prefix="mp-pg-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.port = _free_port()
        self._data = self.directory / "data"
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    def __enter__(self) -> PrivatePostgresql:
        try:
            self._initialise()
            self.start()
            self.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.directory)

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = (self.directory / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data],
                stdout=log,
                stderr=log,
                **self._as_user(),
            )
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return self.execute("SELECT 1")
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def stop(self) -> None:
        """End it at once, its clients' connections with it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(TIMEOUT)
            self._process = None

    def execute(self, query: str, database: str = "postgres") -> None:
        """Run *query* as the superuser."""
        with self.connect(database) as connection:
            connection.execute(query)

    @contextmanager
    def connect(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """Yield a connection of the superuser's, each statement a transaction of its own."""
        parameters = {"host": str(self.directory), "port": self.port, "user": "postgres"}
        conninfo = make_conninfo(dbname=database, **parameters)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            yield connection

    def create_database(self) -> str:
        """Make an empty database; return its name."""
        self._made += 1
        name = f"mailpanel{self._made}"
        self.execute(f"CREATE DATABASE {name} OWNER {ROLE}")
        return name

    def url(self, database: str) -> str:
        """Return SQLAlchemy's URL of *database* through the unix socket."""
        return f"postgresql://{ROLE}@/{database}?host={self.directory}&port={self.port}"

    def remote_url(self, database: str) -> str:
        """Return its URL through TCP, with TLS and a password."""
        return f"postgresql://{ROLE}:p4ss%20w%25rd%2F%C3%BC@127.0.0.1:{self.port}/{database}"

    def wait_for(self, condition: str, database: str) -> int:
        """Wait until one of the role's connections to *database* is as *condition* says.

        *condition* is SQL about pg_stat_activity; the process id of its server is returned.
        """
        where = f"datname = '{database}' AND usename = '{ROLE}' AND {condition}"
        query = f"SELECT pid FROM pg_stat_activity WHERE {where}"  # noqa: S608 (the tests' own)
        deadline = time.monotonic() + TIMEOUT
        with self.connect() as connection:
            while time.monotonic() < deadline:
                row = connection.execute(query).fetchone()
                if row is not None:
                    return row[0]
                time.sleep(0.01)
        raise AssertionError(f"no connection where {condition}")

    def terminate(self, pid: int) -> None:
        """End the server process *pid*, and so its client's connection."""
        self.execute(f"SELECT pg_terminate_backend({pid}, {int(TIMEOUT * 1000)})")

    def _initialise(self) -> None:
        if self._user:
            shutil.chown(self.directory, self._user, self._user)
        subprocess.run(
            [
                *(self._programs / "initdb", "-D", self._data, "-U", "postgres", "--no-sync"),
                *("--no-instructions", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._as_user(),
        )
        configuration = CONFIGURATION.format(port=self.port, directory=self.directory)
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(configuration)
        (self._data / "pg_hba.conf").write_text(ACCESS)
        certificate = trustme.CA().issue_cert("127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(self.directory / "server.pem")
        key = self.directory / "server.key"
        key.touch(mode=0o600)
        certificate.private_key_pem.write_to_path(key)
        if self._user:
            shutil.chown(key, self._user, self._user)

    def _as_user(self) -> dict[str, object]:
        # In a group of its own: Ctrl-C is for the tests to handle.
        common: dict[str, object] = {"start_new_session": True, "cwd": self.directory}
        if self._user is None:
            return common
        return {**common, "user": self._user, "group": self._user, "extra_groups": []}


class Slate:
    """One database with a content that every test finds anew.

    *prepare* fills it, given its URL. Ten times as quick as a database for each test.
    """

    def __init__(self, server: PrivatePostgresql, prepare: Callable[[str], None]) -> None:
        self._server = server
        self._prepare = prepare
        self._name = ""
        self._closed = False

    def wiped(self) -> str:
        """Return the name of the database, with the content that *prepare* gave it and no other.

        Whoever still uses it is thrown out.
        """
        if not self._name:
            self._make()
            return self._name
        if self._closed:
            self._server.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")
            self._closed = False
        self._wipe()
        return self._name

    def close(self) -> None:
        """Let nobody connect until it is wiped."""
        self._server.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false")
        self._closed = True

    def _make(self) -> None:
        self._name = self._server.create_database()
        self._prepare(self._server.url(self._name))
        with self._server.connect(self._name) as connection:
            connection.execute("CREATE SCHEMA kept")
            for table in _names(connection, "pg_tables", "tablename"):
                copy = sql.SQL("CREATE TABLE kept.{0} AS TABLE public.{0}")
                connection.execute(copy.format(sql.Identifier(table)))
            connection.execute(
                "CREATE TABLE kept.numbers AS SELECT sequencename::text AS name, last_value "
                "FROM pg_sequences WHERE schemaname = 'public'"
            )

    def _wipe(self) -> None:
        with self._server.connect(self._name) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            # Foreign keys are of no account meanwhile.
            connection.execute("SET session_replication_role = replica")
            tables = [*map(sql.Identifier, _names(connection, "pg_tables", "tablename"))]
            refill = sql.SQL("DELETE FROM public.{0}; INSERT INTO public.{0} TABLE kept.{0}")
            connection.execute(sql.SQL(";").join(refill.format(table) for table in tables))
            connection.execute(
                "SELECT setval(name::regclass, coalesce(last_value, 1), last_value IS NOT NULL) "
                "FROM kept.numbers"
            )


def _names(connection: psycopg.Connection, catalogue: str, column: str) -> list[str]:
    query = f"SELECT {column} FROM {catalogue} WHERE schemaname = 'public' ORDER BY 1"  # noqa: S608
    return [name for (name,) in connection.execute(query)]


def _programs() -> Path:
    """Return the directory of initdb and postgres: Debian keeps one for each version."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: float(place.parent.name)
    )
    for place in reversed(places):
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise RuntimeError("The tests need PostgreSQL: install the Debian package postgresql.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
