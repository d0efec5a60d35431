"""A revision of which the row is broken stands in the history as one that cannot be read."""

from __future__ import annotations

import pytest
from panel import RELAYHOST, Panel
from sqlalchemy import text

NAME = "postfix_relayhost"
HISTORY = f"{RELAYHOST}history/"
# As SQL writes them; SQLite takes anything in any column.
JSON = [("value", "'[1]'"), ("value", "'{}'"), ("value", "'null'")]
ANYTHING = [
    ("value", "'{'"),
    ("value", "17"),
    ("created", "'soon'"),
    ("author", "CAST(X'7BFF7D' AS TEXT)"),
    ("address", "X'00FF'"),
    ("probe", "'perhaps'"),
]


@pytest.fixture
def thrice(panel: Panel) -> Panel:
    """A panel on which the relayhost was set three times."""
    for port in (25, 26, 27):
        panel.set({"server_hostname": "relay.test", "server_port": port})
    return panel


def break_second(panel: Panel, column: str, odd: str) -> None:
    """Write what the SQL *odd* says into *column* of revision 2."""
    with panel.database.writing() as session:
        session.execute(text(f"UPDATE revisions SET {column} = {odd} WHERE number = 2"))  # noqa: S608 (the test's own)


def assert_told(panel: Panel, column: str) -> None:
    """Assert that API and page tell the other two, and of revision 2 that it is none."""
    newest, broken, first = panel.call("GET", HISTORY).json["history"]
    assert [each["value"]["server_port"] for each in (newest, first)] == [27, 25]
    assert [each["unreadable"] for each in (newest, broken, first)] == [None, column, None]
    assert (newest["changes"], broken["restorable"], broken["value"]) == ([], False, None)
    page = panel.browser().get(f"/settings/{NAME}/history/")
    shown = [" ".join(each.get_text().split()) for each in page.html.select(".entries > li")]
    assert ["cannot be read" in each for each in shown] == [False, True, False]
    assert f"did not write what its column {column} holds in the database." in shown[1]
    assert [form.action for form in page.forms.values() if "restore" in form.action] == [
        f"/settings/{NAME}/history/1/restore/"
    ]


@pytest.mark.parametrize(("column", "odd"), JSON)
def test_the_others_are_shown(thrice: Panel, column: str, odd: str) -> None:
    """Without a way to restore the broken one."""
    break_second(thrice, column, odd)
    assert_told(thrice, column)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("column", "odd"), ANYTHING)
def test_the_others_are_shown_whatever_it_is(thrice: Panel, column: str, odd: str) -> None:
    """Also where the driver itself cannot read the row."""
    break_second(thrice, column, odd)
    assert_told(thrice, column)


@pytest.mark.parametrize("odd", ["'[1]'", "'null'"])
def test_it_is_not_restored(thrice: Panel, odd: str) -> None:
    """Whoever knows its URL is told why, and nothing is saved."""
    break_second(thrice, "value", odd)
    answer = thrice.call("POST", f"{HISTORY}2/restore/")
    assert answer.status_int == 409
    assert "Revision 2 cannot be read" in answer.json["detail"]
    assert thrice.call("GET", RELAYHOST).headers["ETag"] == '"3"'


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_one_that_cannot_even_be_parsed_is_not_restored(thrice: Panel) -> None:
    """But those beside it are."""
    break_second(thrice, "value", "'{'")
    assert thrice.call("POST", f"{HISTORY}2/restore/").status_int == 409
    assert thrice.call("POST", f"{HISTORY}1/restore/").status_int == 200


def test_what_is_live_of_it_keeps_no_page_from_being_shown(thrice: Panel) -> None:
    """The setting's page says what is wanted, though nobody can tell what is live."""
    thrice.report(NAME, 3, "failed", error="No.", details={"live_revision": 2})
    break_second(thrice, "value", "'[1]'")
    assert "relay.test" in thrice.browser().get(f"/settings/{NAME}/").text
