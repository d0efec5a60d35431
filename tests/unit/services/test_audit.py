"""The audit log: told to the process's own log too, and only added to."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from mailpanel.services.audit import Author, record

NAME = "postfix_relayhost"


def note(database, clock, *actions, author=None, **more):
    """Write an entry for each of *actions*."""
    for action in actions:
        with database.writing() as session:
            record(session, author or Author("admin", 7, "192.0.2.1"), action, clock=clock, **more)


def lines(caplog):
    return [each.getMessage() for each in caplog.records if each.name == "mailpanel.audit"]


@pytest.fixture(autouse=True)
def _all_is_logged(caplog):
    caplog.set_level(logging.INFO)


def test_each_entry_is_one_line_of_json_in_the_log(database, clock, audit_log, caplog):
    """The very entry that the database has, whatever its texts hold."""
    author = Author("admin", 7, "192.0.2.1")
    note(database, clock, "x.y", author=author, setting=NAME, revision=3, detail={"n": "a\nb ü"})
    (line,) = lines(caplog)
    assert "\n" not in line
    assert line.isascii()
    assert [json.loads(line)] == audit_log.page()[0] == [
        {
            "id": 1,
            "at": "2026-11-22T12:00:00.000Z",
            "author": "admin",
            "token_id": 7,
            "address": "192.0.2.1",
            "action": "x.y",
            "setting": NAME,
            "revision": 3,
            "detail": {"n": "a\nb ü"},
        }
    ]  # fmt: skip


def test_what_was_not_stored_is_not_logged(database, clock, audit_log, caplog):
    def fail():
        with database.writing() as session:
            record(session, Author("admin", None, ""), "x.y", clock=clock)
            session.flush()
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert lines(caplog) == audit_log.page()[0] == []


def test_no_password_is_logged(changes, accounts, author, value, caplog):
    changes.set(NAME, value, author)
    accounts.add("user", "MailUser", "a password that nobody knows", author)
    accounts.set_password("user", "another that nobody knows", author)
    assert [json.loads(line)["action"] for line in lines(caplog)] == [
        "setting.set", "account.add", "account.passwd"
    ]  # fmt: skip
    assert "s3cret" not in caplog.text
    assert "nobody knows" not in caplog.text
    assert json.loads(lines(caplog)[0])["detail"] == {"secret": "changed"}


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entries SET author = 'b'", "DELETE FROM audit_entries"]
)
def test_nothing_is_taken_from_it(database, clock, audit_log, statement):
    """Not even by somebody who asks the database itself."""
    note(database, clock, "x.y")
    before = audit_log.page()
    with database.writing() as session, pytest.raises(DBAPIError, match="only added to"):
        session.execute(text(statement))
    assert audit_log.page() == before
    note(database, clock, "x.z")


def test_pages_lead_from_the_newest_to_the_oldest(database, clock, audit_log):
    note(database, clock, *"abcde")
    shown, before = [], None
    for expected in (4, 2, None):
        page, before = audit_log.page(2, before)
        assert before == expected
        shown += [entry["action"] for entry in page]
    assert shown == list("edcba")
    assert audit_log.page(5)[1] is None


@pytest.mark.parametrize(
    ("which", "ids"),
    [
        ({}, [4, 3, 2, 1]),
        ({"action": "a"}, [2, 1]),
        ({"author": "b"}, [4, 2]),
        ({"setting": NAME}, [3]),
        ({"author": "b", "action": "a"}, [2]),
        ({"author": "nobody"}, []),
        ({"author": None, "action": None, "setting": None}, [4, 3, 2, 1]),
    ],
)
def test_filters_narrow_it(database, clock, audit_log, which, ids):
    one, other = Author("a", None, ""), Author("b", None, "")
    note(database, clock, "a", author=one)
    note(database, clock, "a", author=other)
    note(database, clock, "c", author=one, setting=NAME)
    note(database, clock, "d", author=other)
    assert [entry["id"] for entry in audit_log.page(**which)[0]] == ids


def test_since_counts_what_happened_at_that_very_time(database, clock, audit_log):
    for action in "abc":
        note(database, clock, action)
        clock.forward(1)
    clock.forward(-2)
    assert [entry["action"] for entry in audit_log.page(since=clock())[0]] == ["c", "b"]


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=60)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(username=TEXT, address=TEXT, told=TEXT)
def test_no_text_makes_a_line_of_its_own(database, clock, caplog, *, username, address, told):
    """Nor anything else of the line: read as JSON it is what was meant."""
    caplog.clear()
    note(database, clock, "x.y", author=Author(username, None, address), detail={"told": told})
    (line,) = lines(caplog)
    assert line.isascii()
    assert line.isprintable()
    entry = json.loads(line)
    assert (entry["author"], entry["address"]) == (username, address)
    assert entry["detail"] == {"told": told}
