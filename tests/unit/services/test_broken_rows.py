"""A row that nobody sane wrote fails alone: what is wanted beside it comes through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mailpanel.apply.courier import _fitting
from mailpanel.apply.messages import LONGEST, DesiredSettings, decode, encode
from mailpanel.reports import Desired, Errand
from mailpanel.seal import Sealer
from mailpanel.services.changes import Changes
from mailpanel.services.database import Database
from mailpanel.services.errands import Errands
from mailpanel.services.hosts import Hosts
from mailpanel.services.taken_errands import TakenErrands
from mailpanel.services.wake import SocketWaker

NAME = "postfix_relayhost"
OTHER = "junk_trash_clearing_interval"
DAYS = {"junk_days": 7, "trash_days": 14}
DEEP = "[" * 100_000
# As SQL writes them; SQLite takes anything in any column.
ODD = {
    "no JSON": "'{'",
    "no object": "'[1]'",
    "a number": "17",
    "deep": f"'{DEEP}'",
    "a huge number": f"'{{\"a\": {'9' * 5000}}}'",
    "no UTF-8": "CAST(X'7BFF7D' AS TEXT)",
    "a blob": "X'00FF'",
    "long": "'\"' || hex(zeroblob(100000)) || '\"'",
}


@pytest.fixture
def backend() -> str:
    """PostgreSQL takes no such row."""
    return "sqlite"


def write(database: Database, statement: str) -> None:
    with database.writing() as session:
        session.execute(text("PRAGMA ignore_check_constraints = ON"))
        session.execute(text(statement))


def put(database: Database, table: str, column: str, odd: str, **key: str) -> None:
    """Write what the SQL *odd* says into *column*, where the column of *key* has that word."""
    ((name, word),) = key.items()
    write(database, f"UPDATE {table} SET {column} = {odd} WHERE {name} = '{word}'")  # noqa: S608 (these are the test's own words)


def test_an_ordinary_row_is_read_as_it_was_written(
    hosts: Hosts, changes: Changes, author, value
) -> None:
    changes.set(NAME, value, author, probe=False)
    changes.set(OTHER, DAYS, author)
    changes.reset(OTHER, author)
    reset, relay = hosts.desired()
    assert reset == Desired(OTHER, 2, True, None, None, True)
    assert (relay.revision, relay.reset, relay.probe) == (1, False, False)
    assert relay.value["server_hostname"] == value["server_hostname"]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("column", ["value", "sealed", "reset", "probe"])
def test_only_its_setting_suffers(
    database: Database, hosts: Hosts, changes: Changes, author, value, *, column: str, odd: str
) -> None:
    """Its value is left out, which the executor refuses with a sentence."""
    changes.set(NAME, value, author)
    changes.set(OTHER, DAYS, author)
    put(database, "revisions", column, ODD[odd], setting=NAME)
    days, relay = hosts.desired()
    assert days.value == DAYS
    assert (relay.setting, relay.revision) == (NAME, 1)
    if column == "sealed" and odd not in {"no UTF-8", "a blob", "deep", "long"}:
        assert relay.sealed is not None, "a text is for the executor to judge"
    else:
        assert relay == Desired(NAME, 1, False, None, None, True)


@pytest.mark.parametrize(
    ("number", "revision"),
    [("'soon'", 0), (str(2**63 - 1), 2**63 - 1), (str(-(2**63)), -(2**63)), ("X'FF'", 0)],
)
def test_a_number_that_is_none_comes_out_of_turn(
    database: Database, hosts: Hosts, changes: Changes, author, *, number: str, revision: int
) -> None:
    """The executor says so, and what is live stays."""
    changes.set(NAME, {"server_hostname": "relay.test", "server_port": 25}, author)
    changes.set(OTHER, DAYS, author)
    put(database, "revisions", "number", number, setting=NAME)
    put(database, "desired_settings", "revision", number, setting=NAME)
    assert [(each.setting, each.revision) for each in hosts.desired()] == [
        (OTHER, 1),
        (NAME, revision),
    ]


def test_settings_that_nobody_knows_are_left_out(
    database: Database, hosts: Hosts, changes: Changes, author
) -> None:
    """A million of them would be no message any more."""
    changes.set(OTHER, DAYS, author)
    write(
        database,
        "INSERT INTO revisions SELECT 'x' || value, 1, 0, '{}', NULL, 1, 'a', NULL, '', "
        "'2026-11-22', NULL, NULL FROM json_each('[1, 2, 3]')",
    )
    write(
        database,
        "INSERT INTO desired_settings SELECT setting, 1 FROM revisions WHERE setting LIKE 'x%'",
    )
    assert [each.setting for each in hosts.desired()] == [OTHER]


class TestErrands:
    @pytest.fixture
    def errands(self, database: Database, hosts: Hosts, tmp_path: Path, clock, opener) -> Errands:
        hosts.checked_in("mx1", {})
        waker = SocketWaker(tmp_path / "nobody")
        return Errands(database, Sealer(tmp_path / "seal.pub"), waker, clock=clock)

    @pytest.mark.parametrize("odd", ODD)
    @pytest.mark.parametrize("column", ["kind", "setting", "reset", "value", "sealed"])
    def test_a_broken_one_is_taken_once_like_any(
        self, database: Database, errands: Errands, author, clock, *, column: str, odd: str
    ) -> None:
        """And its answer finds the row."""
        tickets = [errands.test(OTHER, DAYS, author) for _ in range(2)]
        put(database, "errands", column, ODD[odd], ticket=tickets[0])
        taking = TakenErrands(database, clock)
        taken = taking.take("mx1")
        assert [each.number for each in taken] == [1, 2]
        assert taken[1].value == DAYS
        assert isinstance(taken[0], Errand)
        assert taken[0].value is None or isinstance(taken[0].value, dict)
        encode(_fitting(taken[0]))
        assert taking.take("mx1") == []


@pytest.mark.parametrize("character", ["\x00", "ü", "\U0001f600", "\ud800"])
def test_what_is_wanted_is_always_a_message(character: str) -> None:
    """Each character of a value may become twelve on the wire."""
    value: dict[str, Any] = {"a": character * 60_000}
    wanted = [_fitting(Desired(NAME, 1, False, value, None, True)) for _ in range(4)]
    body = encode(DesiredSettings(tuple(wanted)))
    assert len(body) < LONGEST
    assert decode(body[4:]) == DesiredSettings(tuple(wanted))
    small = Desired(NAME, 1, False, {"a": character}, None, True)
    assert _fitting(small) == small
