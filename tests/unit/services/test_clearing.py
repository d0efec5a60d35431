"""What was cleared, run by run and day by day; who may begin a run, and when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mailpanel.errors import Conflict
from mailpanel.models import ClearingRow, ErrandRow
from mailpanel.seal import Sealer
from mailpanel.services.clearing import WITHOUT_A_WORD, Clearings
from mailpanel.services.errands import Errands
from mailpanel.services.wake import make_waker

FOLDER = {
    "folder": "Junk",
    "days": 7,
    "messages": 3,
    "bytes": 300,
    "mailboxes": 2,
    "complete": True,
}


@pytest.fixture
def clearings(database, tmp_path, opener, clock) -> Clearings:
    waker = make_waker(database, tmp_path / "wake")
    errands = Errands(database, Sealer(tmp_path / "seal.pub"), waker, clock=clock)
    return Clearings(database, errands, clock=clock)


def store(database, started: datetime, **columns: Any) -> None:
    """Store a run that took a minute and cleared three messages."""
    given: dict[str, Any] = {
        "host": "mx1",
        "mail_store": "default",
        "ended": started + timedelta(minutes=1),
        "messages": 3,
        "bytes": 300,
        "folders": [FOLDER],
        **columns,
    }
    with database.writing() as session:
        session.add(ClearingRow(started=started, **given))


def test_a_run_is_told_whole(database, clearings, clock):
    store(database, clock.now, day=date(2026, 11, 22), says="moved")
    assert clearings.runs() == [
        {
            "id": 1,
            "host": "mx1",
            "mail_store": "default",
            "day": "2026-11-22",
            "asked_by": None,
            "status": "done",
            "started": "2026-11-22T12:00:00.000Z",
            "ended": "2026-11-22T12:01:00.000Z",
            "error": None,
            "messages": 3,
            "bytes": 300,
            "folders": [FOLDER],
            "says": "moved",
        }
    ]


def test_the_newest_runs_come_first_page_by_page(database, clearings, clock):
    for _ in range(5):
        store(database, clock.now)
    runs, before = clearings.page(limit=2)
    assert ([each["id"] for each in runs], before) == ([5, 4], 4)
    runs, before = clearings.page(limit=3, before=before)
    assert ([each["id"] for each in runs], before) == ([3, 2, 1], None)


def test_a_run_is_running_as_long_as_its_host_is_there(database, clearings, clock, hosts):
    """One that is gone for good ends none: nothing is running for ever."""
    hosts.checked_in("mx1", {})
    store(database, clock.now, ended=None)
    (run,) = clearings.runs()
    assert (run["status"], run["error"], run["ended"]) == ("running", None, None)
    clock.forward(1000)
    (run,) = clearings.runs()
    assert (run["status"], run["error"], run["ended"]) == ("failed", WITHOUT_A_WORD, None)


def test_a_run_with_an_error_has_failed(database, clearings, clock):
    store(database, clock.now, error="Dovecot is not running on this host.")
    assert clearings.runs()[0]["status"] == "failed"


def test_what_was_cleared_is_summed_by_the_day_in_utc(database, clearings, clock):
    """Days without a run are noughts; what is older than the days asked for is left out."""
    store(database, datetime(2026, 11, 22, 0, 0, tzinfo=UTC), messages=5)
    store(database, datetime(2026, 11, 22, 3, 30, tzinfo=UTC), messages=2)
    store(database, datetime(2026, 11, 20, 23, 59, tzinfo=UTC), messages=7)
    store(database, datetime(2026, 11, 18, 23, 59, tzinfo=UTC), messages=99)
    days = [date(2026, 11, day) for day in (19, 20, 21, 22)]
    assert clearings.per_day(4) == list(zip(days, [0, 7, 0, 7], strict=True))
    assert len(clearings.per_day()) == 14


def test_without_a_run_each_day_is_nought(clearings):
    assert {messages for _, messages in clearings.per_day()} == {0}


def test_each_live_host_is_asked_and_the_audit_log_has_it(
    database, clearings, hosts, clock, author, audit_log
):
    hosts.checked_in("gone", {})
    clock.forward(1000)
    hosts.checked_in("mx1", {})
    hosts.checked_in("mx2", {})
    ticket = clearings.ask(author)
    with database.reading() as session:
        rows = session.query(ErrandRow).order_by(ErrandRow.host).all()
        asked = [(row.host, row.kind, row.ticket, row.asked_by, row.value) for row in rows]
    assert asked == [(host, "clear", ticket, "admin", None) for host in ("mx1", "mx2")]
    (entry,) = audit_log.page()[0]
    assert (entry["action"], entry["author"]) == ("clearing.run", "admin")


def test_while_a_run_is_under_way_no_other_is_asked_for(database, clearings, hosts, clock, author):
    hosts.checked_in("mx1", {})
    store(database, clock.now, ended=None)
    with pytest.raises(Conflict, match="just now"):
        clearings.ask(author)
    clock.forward(1000)
    hosts.checked_in("mx2", {})
    assert clearings.ask(author)


def test_without_a_host_nobody_is_asked(clearings, author, audit_log):
    with pytest.raises(Conflict, match="No mail host"):
        clearings.ask(author)
    assert audit_log.page()[0] == []
