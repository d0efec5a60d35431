"""A run is claimed by one host of those that share a mail store, and ends once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from mailpanel.models import ClearingRow, ErrandRow
from mailpanel.reports import ClearedFolder
from mailpanel.services.claimed_clearings import ClaimedClearings
from mailpanel.services.clearing import WITHOUT_A_WORD
from mailpanel.services.database import Database

DAY = date(2026, 11, 22)
TICKET = "0123456789abcdef" * 2
FOLDERS = (
    ClearedFolder("Junk", 7, 3, 300, 2, complete=True),
    ClearedFolder("Trash", 14, 2, 50, 1, complete=False),
)


@pytest.fixture
def of(database, clock):
    """Return the runs as a host sees them."""
    return lambda host, store="store": ClaimedClearings(database, host, store, clock)


def rows(database) -> list[ClearingRow]:
    with database.reading() as session:
        return list(session.scalars(select(ClearingRow).order_by(ClearingRow.id)))


def ask(database, hosts, clock, *names: str, kind: str = "clear", ticket: str = TICKET) -> None:
    """Store an errand for each host, under numbers from 1 on."""
    for name in names:
        hosts.checked_in(name, {})
        with database.writing() as session:
            session.add(
                ErrandRow(
                    ticket=ticket,
                    host=name,
                    kind=kind,
                    setting="x",
                    reset=False,
                    created=clock.now,
                    asked_by="admin",
                )
            )


def test_a_day_is_claimed_once_per_mail_store(database, of):
    assert of("mx1").claim_day(DAY) == 1
    assert of("mx2").claim_day(DAY) == 0
    assert of("mx2", "other store").claim_day(DAY) > 0
    assert of("mx2").claim_day(DAY + timedelta(days=1)) > 0
    found = [(row.host, row.mail_store, row.day) for row in rows(database)]
    assert found == [
        ("mx1", "store", DAY),
        ("mx2", "other store", DAY),
        ("mx2", "store", DAY + timedelta(days=1)),
    ]


def test_one_whose_answer_was_lost_is_given_again_until_it_has_ended(of):
    run = of("mx1").claim_day(DAY)
    assert of("mx1").claim_day(DAY) == run
    of("mx1").tell(run, (), "", None, ended=True)
    assert of("mx1").claim_day(DAY) == 0


def test_of_many_at_once_one_wins(database_url, database):
    others = [Database(database_url) for _ in range(4)]
    claims = [ClaimedClearings(each, f"mx{n}", "store") for n, each in enumerate(others)]
    with ThreadPoolExecutor(4) as executor:
        won = list(executor.map(lambda each: each.claim_day(DAY), claims))
    for each in others:
        each.dispose()
    assert sorted(map(bool, won)) == [False, False, False, True]
    assert len(rows(database)) == 1


def test_one_on_request_is_claimed_once_per_request(database, of, hosts, clock):
    ask(database, hosts, clock, "mx1", "mx2")
    assert of("mx1").claim_asked(1) == 1
    assert of("mx2").claim_asked(2) == 0
    (row,) = rows(database)
    assert (row.host, row.ticket, row.asked_by, row.day) == ("mx1", TICKET, "admin", None)


@pytest.mark.parametrize("how", [{"kind": "test"}, {"ticket": "x"}, {"ticket": "é" * 32}], ids=str)
def test_what_is_no_request_begins_nothing(database, of, hosts, clock, how):
    ask(database, hosts, clock, "mx1", **how)
    assert of("mx1").claim_asked(1) == 0
    assert of("mx2").claim_asked(1) == 0
    assert of("mx1").claim_asked(99) == 0
    assert rows(database) == []


def test_how_far_it_is_and_how_it_ended_is_noted(database, of, clock):
    run = of("mx1").claim_day(DAY)
    of("mx1").tell(run, FOLDERS[:1], "so far", None, ended=False)
    (row,) = rows(database)
    assert (row.messages, row.bytes, row.ended, row.says) == (3, 300, None, "so far")
    clock.forward(60)
    of("mx1").tell(run, FOLDERS, "all", None, ended=True)
    (row,) = rows(database)
    assert (row.messages, row.bytes, row.error, row.ended) == (5, 350, None, clock.now)
    assert [each["folder"] for each in row.folders] == ["Junk", "Trash"]
    assert row.folders[1] == {
        "folder": "Trash",
        "days": 14,
        "messages": 2,
        "bytes": 50,
        "mailboxes": 1,
        "complete": False,
    }


def test_what_has_ended_stays_as_it_was_told(database, of):
    run = of("mx1").claim_day(DAY)
    of("mx1").tell(run, FOLDERS, "all", "why", ended=True)
    of("mx1").tell(run, (), "nothing", None, ended=True)
    of("mx1").under_way(0)
    (row,) = rows(database)
    assert (row.messages, row.error, row.says) == (5, "why", "all")


def test_nobody_ends_the_run_of_another_host(database, of):
    run = of("mx1").claim_day(DAY)
    of("mx2").tell(run, (), "", None, ended=True)
    of("mx2").under_way(0)
    assert rows(database)[0].ended is None


def test_a_run_that_is_not_under_way_any_more_is_over(database, of):
    """And keeps what was told of it."""
    old = of("mx1").claim_day(DAY)
    of("mx1").tell(old, FOLDERS, "so far", None, ended=False)
    new = of("mx1").claim_day(DAY + timedelta(days=1))
    of("mx1").under_way(new)
    first, second = rows(database)
    assert (first.error, first.messages, first.ended is None) == (WITHOUT_A_WORD, 5, False)
    assert second.ended is None


def test_words_that_no_database_can_hold_are_noted_all_the_same(database, of):
    run = of("mx1").claim_day(DAY)
    odd = ClearedFolder("Junk\udcff", 7, 0, 0, 0, complete=True)
    of("mx1").tell(run, (odd,), "a\0b", "c\udcffd", ended=True)
    (row,) = rows(database)
    assert row.ended is not None
    assert "\0" not in f"{row.says}{row.error}"


def test_runs_of_more_than_a_year_ago_are_forgotten_with_the_next(database, of, clock):
    of("mx1").claim_day(DAY)
    clock.forward(401 * 86_400)
    of("mx1").claim_day(DAY + timedelta(days=401))
    assert [row.day for row in rows(database)] == [DAY + timedelta(days=401)]
