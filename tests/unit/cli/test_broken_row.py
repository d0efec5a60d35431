"""A row that mailpanel did not write is named by the command that it breaks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mailpanel.services.broken_rows import CORRECT
from mailpanel.services.database import Database
from mailpanel.services.hosts import Hosts

NAME = "postfix_relayhost"
RELAY = ("server_hostname=relay.example.net", "server_port=587")
GET = ("setting", "get", NAME)
ODD = [
    ("revisions", "value", "'{'", GET),
    ("revisions", "value", "'[1]'", GET),
    ("revisions", "author", "CAST(X'7BFF7D' AS TEXT)", GET),
    ("accounts", "created", "'soon'", ("account", "list")),
    ("hosts", "versions", "'{'", ("hosts",)),
]


def write(directory: Path, table: str, column: str, odd: str) -> None:
    """Write what the SQL *odd* says into *column* of all rows of *table*."""
    (file,) = directory.rglob("*.sqlite")
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"UPDATE {table} SET {column} = {odd}")  # noqa: S608 (the test's own)


@pytest.mark.parametrize(("table", "column", "odd", "arguments"), ODD)
def test_it_is_one_line_with_the_remedy(run, must, tmp_path, table, column, odd, arguments):
    """And no traceback."""
    must("setting", "set", NAME, *RELAY)
    must("account", "add", "admin", "--perm-level", "MasterAdmin")
    database = Database(f"sqlite:///{tmp_path}/state/database/mailpanel.sqlite")
    Hosts(database).checked_in("mx1", {})
    database.dispose()
    write(tmp_path, table, column, odd)
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(
        f"mailpanel: The database holds what mailpanel did not write: {column} in the table {table}"
    )
    assert result.stderr.count("\n") == 1
    assert (CORRECT in result.stderr) == (table != "hosts")


def test_the_history_lists_the_other_revisions(must, tmp_path):
    """And says of the broken one that it cannot be read."""
    must("setting", "set", NAME, *RELAY)
    must("setting", "reset", NAME)
    write(tmp_path, "revisions", "value", "'{' WHERE number = 1")
    _, newest, broken = must("setting", "history", NAME).splitlines()
    assert newest.endswith("  reset")
    assert broken.endswith("cannot be read: value in the database is not what mailpanel wrote")


def test_a_fault_that_no_row_explains_stays_one(run, monkeypatch):
    """Whoever mends it needs all that is known of it."""

    def fail(*_arguments):
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr("mailpanel.services.changes.Changes.get", fail)
    assert repr(run(*GET).exception) == "RuntimeError('nobody foresaw this')"
