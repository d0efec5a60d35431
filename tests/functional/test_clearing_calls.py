"""What was cleared, and clear now: by the API and by the command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from answering import answering
from panel import AUDIT_URL, CLEARING_URL, Panel

from mailpanel.errors import DatabaseAway
from mailpanel.models import ClearingRow, ErrandRow
from mailpanel.services.errands import Errands

RUN, PREVIEW = f"{CLEARING_URL}run/", f"{CLEARING_URL}preview/"
DAYS = {"junk_days": 7, "trash_days": None}
FOLDER = {"folder": "Junk", "days": 7, "messages": 3, "bytes": 300, "mailboxes": 2}


def store(panel: Panel, **columns: Any) -> None:
    now = datetime.now(UTC)
    given = {
        "host": "mail1",
        "mail_store": "mail1",
        "started": now,
        "ended": now,
        "messages": 3,
        "bytes": 300,
        "folders": [{**FOLDER, "complete": True}],
        **columns,
    }
    with panel.database.writing() as session:
        session.add(ClearingRow(**given))


def test_the_runs_are_listed_page_by_page(panel: Panel) -> None:
    for _ in range(3):
        store(panel)
    store(panel, started=datetime.now(UTC) - timedelta(days=20))
    first = panel.call("GET", f"{CLEARING_URL}?limit=3").json
    assert [each["id"] for each in first["clearing"]["runs"]] == [4, 3, 2]
    assert first["next"] == f"{CLEARING_URL}?limit=3&before=2"
    last = panel.call("GET", first["next"]).json
    assert [each["id"] for each in last["clearing"]["runs"]] == [1]
    assert last["next"] is None
    days = first["clearing"]["per_day"]
    assert (len(days), sum(each["messages"] for each in days)) == (14, 9)
    assert days[-1]["day"] == datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "before=0", "host=mail1"])
def test_a_page_that_cannot_be_is_refused(panel: Panel, query: str) -> None:
    answer = panel.call("GET", f"{CLEARING_URL}?{query}")
    assert answer.status_int == 422
    assert [each["field"] for each in answer.json["errors"]] == [query.partition("=")[0]]


def test_a_preview_is_what_a_test_of_the_interval_counts(panel: Panel) -> None:
    junk = {**FOLDER, "newly": 3, "oldest": "2026-01-01", "complete": True, "says": "Junk: 3."}
    said = {"error": None, "steps": [], "diffs": [], "preview": [junk]}
    with answering(panel, mail1=said):
        answer = panel.call("POST", PREVIEW, DAYS)
    assert answer.status_int == 200
    preview = answer.json["preview"]
    assert (preview["done"], preview["ok"]) == (True, True)
    assert preview["hosts"][0]["preview"] == [junk]


@pytest.mark.parametrize("value", [0, 3651, "7", 1.5, True])
def test_a_preview_by_days_that_cannot_be_is_refused(panel: Panel, value: Any) -> None:
    panel.hosts.checked_in("mail1", {})
    answer = panel.call("POST", PREVIEW, {"junk_days": value, "trash_days": None})
    assert answer.status_int == 422
    assert [each["field"] for each in answer.json["errors"]] == ["junk_days"]
    with panel.database.reading() as session:
        assert session.query(ErrandRow).count() == 0


def test_a_run_is_begun_on_each_live_host_and_audited(panel: Panel) -> None:
    said = {"error": None, "steps": [], "diffs": [], "preview": None}
    with answering(panel, mail1=said):
        answer = panel.call("POST", RUN, {})
    assert answer.status_int == 202
    begun = answer.json["clearing"]
    assert [(each["host"], each["ok"]) for each in begun["hosts"]] == [("mail1", True)]
    assert begun["runs"] == []
    (entry,) = panel.call("GET", f"{AUDIT_URL}?action=clearing.run").json["audit"]
    assert entry["author"] == "MasterAdmin"


def test_the_runs_of_a_request_are_told_with_the_days_they_go_by(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.hosts.checked_in("mail1", {})
    clear = Errands.clear

    def begun(self: Errands, author: Any) -> str:
        ticket = clear(self, author)
        store(panel, ticket=ticket, asked_by=author.username, ended=None)
        return ticket

    monkeypatch.setattr(Errands, "clear", begun)
    (run,) = panel.call("POST", RUN, {}).json["clearing"]["runs"]
    assert (run["status"], run["asked_by"], run["day"]) == ("running", "MasterAdmin", None)
    assert [each["days"] for each in run["folders"]] == [7]


@pytest.mark.parametrize(
    ("body", "status"), [({"junk_days": 1}, 422), ({"days": 0}, 422), ([], 400), (None, 400)]
)
def test_a_request_cannot_say_what_goes(panel: Panel, body: Any, status: int) -> None:
    """Neither days nor folders: each host goes by what is live on it."""
    panel.hosts.checked_in("mail1", {})
    assert panel.call("POST", RUN, body).status_int == status
    with panel.database.reading() as session:
        assert session.query(ErrandRow).count() == 0


def test_while_one_runs_and_where_no_host_is_another_is_refused(panel: Panel) -> None:
    assert panel.call("POST", RUN, {}).status_int == 409
    panel.hosts.checked_in("mail1", {})
    store(panel, ended=None)
    answer = panel.call("POST", RUN, {})
    assert (answer.status_int, "just now" in answer.json["detail"]) == (409, True)


def test_too_many_requests_are_refused(panel: Panel) -> None:
    panel.hosts.checked_in("mail1", {})
    statuses = [panel.call("POST", RUN, {}).status_int for _ in range(21)]
    assert statuses == [*[202] * 20, 429]


def test_when_the_database_goes_away_nobody_is_told_that_nothing_is_done(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.hosts.checked_in("mail1", {})

    def away(*_args: Any) -> Any:
        raise DatabaseAway("The database cannot be reached; try again.")

    monkeypatch.setattr(Errands, "follow", away)
    answer = panel.call("POST", RUN, {})
    assert (answer.status_int, "may have been" in answer.text) == (503, True)
