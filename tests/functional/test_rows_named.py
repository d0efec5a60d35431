"""A row that mailpanel did not write is named, with its remedy, by each page and call it breaks."""

from __future__ import annotations

import logging

import pytest
from panel import PASSWORD, RELAYHOST, Panel
from sqlalchemy import text
from test_panel_clearing import ran
from webtest import TestResponse

from mailpanel.services.broken_rows import CORRECT, BrokenRows

NAME = "postfix_relayhost"
VALUE = {"server_hostname": "relay.test", "server_port": 25}
DETAILS = {"drift": [{"path": "/etc/postfix/main.cf", "diff": "-a\n+b\n"}]}
HOSTS = "/api/v1/hosts/"
GENERIC = "The fault is the server's"

# The pages and calls that show what a MasterAdmin may see.
SHOWN = (
    *("/", "/hosts/", "/clearing/", "/audit/", "/accounts/", "/account/", "/tokens/"),
    *(f"/settings/{NAME}/{each}" for each in ("", "history/", "reset/")),
    *("/hosts/mail1/forget/", "/api/v1/settings/", HOSTS, f"{HOSTS}mail1/", "/api/v1/audit/"),
    *(f"{RELAYHOST}{each}" for each in ("", "status/", "history/")),
    *("/api/v1/accounts/", "/api/v1/tokens/", "/readyz"),
)


# What somebody else may write: JSON of another kind than is expected there, on both databases.
OTHER_JSON = [
    ("revisions", "value", "'[1]'"),
    ("revisions", "value", "'null'"),
    ("revisions", "value", "'{}'"),
    ("revisions", "value", """'{"server_hostname": 7, "server_port": "x"}'"""),
    ("host_settings", "details", "'[1]'"),
    ("host_settings", "details", """'{"drift": 7}'"""),
    ("host_settings", "details", """'{"drift": [{}]}'"""),
    ("host_settings", "present", "'7'"),
    ("host_settings", "present", """'{"a": 1}'"""),
    ("hosts", "versions", "'[1]'"),
    ("audit_entries", "detail", "'7'"),
    ("accounts", "created", "'infinity'"),
    ("clearings", "folders", "'7'"),
    ("clearings", "folders", "'[{}]'"),
]
# SQLite takes anything in any column.
ANYTHING = [
    ("revisions", "value", "'{'"),
    ("revisions", "value", "17"),
    ("revisions", "value", f"'{'[' * 100_000}'"),
    ("revisions", "author", "CAST(X'7BFF7D' AS TEXT)"),
    ("host_settings", "reported", "'soon'"),
    ("host_settings", "error", "X'00FF'"),
    ("hosts", "versions", "'{'"),
    ("hosts", "last_seen", "'soon'"),
    ("audit_entries", "detail", "'{'"),
    ("clearings", "folders", "'{'"),
    ("clearings", "started", "'soon'"),
    ("clearings", "messages", "'many'"),
    ("accounts", "language", "CAST(X'7BFF7D' AS TEXT)"),
]


def write(panel: Panel, table: str, column: str, odd: str) -> None:
    """Write what the SQL *odd* says into *column* of a row that the pages show."""
    one = " WHERE username = 'MailUser'" if table == "accounts" else ""
    with panel.database.writing() as session:
        if panel.database.file is None:
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        elif table == "audit_entries":
            session.execute(text("DROP TRIGGER audit_entries_no_update"))
        session.execute(text(f"UPDATE {table} SET {column} = {odd}{one}"))  # noqa: S608 (the test's)
        if panel.database.file is None:
            session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


@pytest.fixture
def filled(panel: Panel) -> Panel:
    """A panel with something to show in each table."""
    panel.set(VALUE)
    panel.report(NAME, 1, details=DETAILS)
    panel.hosts.present("mail1", NAME, {"relayhost": "[own.test]:25"})
    ran(panel)
    return panel


def calls(panel: Panel) -> dict[str, TestResponse]:
    """Return what each page and call answers a MasterAdmin."""
    cookies = panel.browser().cookies
    sent = panel.credentials() | {"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())}
    return {url: panel.app.get(url, headers=sent, expect_errors=True) for url in SHOWN}


def assert_named(panel: Panel, table: str, column: str) -> None:
    """Assert that what does not work says which column of which table, and that something does."""
    answers = calls(panel)
    broken = {url: each for url, each in answers.items() if each.status_int == 500}
    assert {each.status_int for each in answers.values()} <= {200, 500}
    told = f"{column} in the table {table}"
    assert [url for url, each in broken.items() if told not in each.text] == []
    assert answers["/account/"].status_int == 200


@pytest.mark.parametrize(("table", "column", "odd"), OTHER_JSON)
def test_json_of_another_kind_is_named(filled: Panel, table: str, column: str, odd: str) -> None:
    """Wherever it breaks a page or a call; the others work."""
    write(filled, table, column, odd)
    assert_named(filled, table, column)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("table", "column", "odd"), ANYTHING)
def test_what_sqlite_takes_is_named(filled: Panel, table: str, column: str, odd: str) -> None:
    """Of any kind, in any column; no call says that the database is away."""
    write(filled, table, column, odd)
    assert_named(filled, table, column)


def test_only_an_administrator_and_the_log_are_told(
    filled: Panel, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger, or somebody who may not see it anyway, hears that the fault is the server's."""
    write(filled, "accounts", "created", "'infinity'")
    with caplog.at_level(logging.ERROR):
        answer = filled.browser("DomainAdmin").cookies and filled.app.post_json(
            "/api/v1/auth/", {"username": "MailUser", "password": PASSWORD}, expect_errors=True
        )
    assert answer.status_int == 500
    assert (GENERIC in answer.text, "accounts" in answer.text) == (True, False)
    assert "created in the table accounts (id 1). " + CORRECT in caplog.text


def test_a_page_names_it_in_the_readers_language(filled: Panel) -> None:
    """With the remedy."""
    write(filled, "hosts", "versions", "'[1]'")
    cookies = "; ".join(f"{name}={each}" for name, each in filled.browser().cookies.items())
    sent = {"Cookie": cookies, "Accept-Language": "de"}
    answer = filled.app.get("/hosts/", headers=sent, status=500)
    told = "In der Datenbank steht, was mailpanel nicht geschrieben hat: versions in der Tabelle"
    assert f"{told} hosts (name mail1). Vergessen Sie den Host" in answer.text


def test_a_setting_is_well_again_when_it_is_saved_or_reset(filled: Panel) -> None:
    """As the sentence says; the secret that nobody can tell the server of is not kept."""
    write(filled, "revisions", "value", "'[1]'")
    assert filled.call("POST", RELAYHOST, {**VALUE, "username": "u"}).status_int == 422
    filled.set(VALUE)
    assert filled.call("GET", RELAYHOST).json["settings"]["value"] == VALUE
    write(filled, "revisions", "value", "'[1]'")
    assert filled.call("DELETE", RELAYHOST).json["settings"]["status"] == "deleting"


def test_a_host_can_be_forgotten_whatever_stands_in_its_rows(filled: Panel) -> None:
    """As the sentence says; a stranger who asks whether all is well does not hear its name."""
    write(filled, "hosts", "last_seen", "'infinity'")
    stranger = filled.app.get("/readyz", expect_errors=True)
    assert (stranger.status_int, "mail1" in stranger.text) == (500, False)
    write(filled, "hosts", "versions", "'[1]'")
    write(filled, "host_settings", "details", "'7'")
    assert filled.call("DELETE", f"{HOSTS}mail1/").status_int == 204
    assert filled.call("GET", HOSTS).json == {"hosts": []}


def test_nothing_is_found_where_all_is_well(filled: Panel) -> None:
    """Of each table, with a test under way, a second log-in and a token with all its limits."""
    filled.browser()
    body = {"junk_days": 7, "trash_days": 14}
    filled.call("POST", "/api/v1/settings/junk_trash_clearing_interval/test/", body)
    filled.set({}, "/api/v1/settings/imap_master_password/")
    token = {"name": "m", "networks": ["192.0.2.0/24"], "settings": [NAME]}
    assert filled.call("POST", "/api/v1/tokens/", token).status_int == 200
    assert BrokenRows(filled.database).first() is None
