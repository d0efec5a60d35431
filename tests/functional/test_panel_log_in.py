"""Logging in to the panel and out of it, and what a session is good for."""

from __future__ import annotations

import sqlalchemy as sa
from panel import ADDRESS, PASSWORD, Panel

from mailpanel.models import AuditEntry, FailedAttempt, PanelSession
from mailpanel.services import passwords
from mailpanel.services.accounts import Accounts
from mailpanel.services.proofs import BAD_PASSWORDS
from mailpanel.services.sessions import IDLE, LONGEST

SETTING = "/settings/postfix_relayhost/"
TYPED = {
    "server_hostname": "relay.example.net",
    "server_port": "587",
    "username": "me",
    "password": "typed in vain",
}


def throttle(panel: Panel) -> None:
    """Have as many bad passwords come from ADDRESS as may come, in this minute and the next."""
    panel.throttle()
    with panel.database.writing() as session:
        for row in session.scalars(sa.select(FailedAttempt)).all():
            session.merge(FailedAttempt(who=f"log-in {ADDRESS}", until=row.until, count=1000))


def logged(panel: Panel, action: str) -> list[AuditEntry]:
    """Return the lines of the audit log that tell of *action*."""
    with panel.database.reading() as session:
        query = sa.select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)
        return list(session.scalars(query))


def test_who_is_not_logged_in_is_led_to_the_log_in_and_back(panel: Panel) -> None:
    """With the query, and to nowhere else."""
    browser = panel.browser(None)
    answer = browser.get(f"{SETTING}?x=1")
    assert answer.headers["Location"] == "/login?next=/settings/postfix_relayhost/%3Fx%3D1"
    page = browser.get(answer.headers["Location"])
    answer = browser.send(page, username="MasterAdmin", password=PASSWORD)
    assert (answer.status_int, answer.headers["Location"]) == (303, f"{SETTING}?x=1")
    assert browser.get(SETTING).status_int == 200


def test_a_log_in_leads_to_this_panel_alone(panel: Panel) -> None:
    """However another host is written."""
    for place in ("//evil.example", "/%5Cevil.example", "https://evil.example/", "/%0D%0Ax", "x"):
        answer = panel.browser(None).log_in("MasterAdmin", PASSWORD, place)
        assert answer.headers["Location"] == "/"


def test_unknown_wrong_and_without_a_password_are_one_answer(panel: Panel, monkeypatch) -> None:
    """The same page, after exactly one verification each: nobody learns which names there are."""
    Accounts(panel.database).add("no-password", "MasterAdmin")
    Accounts(panel.database).add("disabled", "MasterAdmin", PASSWORD)
    Accounts(panel.database).set_enabled("disabled", False)
    verified: list[str] = []
    real = passwords.is_right

    def counted(password: str, stored: str | None) -> bool:
        verified.append(password)
        return real(password, stored)

    monkeypatch.setattr("mailpanel.services.proofs.is_right", counted)
    pages = set()
    for name, password in {
        "MasterAdmin": "a wrong password",
        "unknown": PASSWORD,
        "no-password": PASSWORD,
        "disabled": PASSWORD,
        "no name at all": PASSWORD,
    }.items():
        answer = panel.browser(None).log_in(name, password)
        assert answer.status_int == 403
        form = answer.form
        assert form["password"].value == ""
        pages.add(answer.text.replace(form["csrf_token"].value, "").replace(name, ""))
    assert len(pages) == 1
    assert len(verified) == 5


def test_a_log_in_and_a_refused_one_stand_in_the_audit_log(panel: Panel) -> None:
    """A name that is none is left out: people type their password into the wrong field."""
    panel.browser(None).log_in("MasterAdmin", "wrong")
    panel.browser(None).log_in("my secret passphrase", "")
    panel.browser()
    refused = [
        (line.author, line.address, line.detail) for line in logged(panel, "session.refused")
    ]
    assert refused == [("", ADDRESS, {"account": "MasterAdmin"}), ("", ADDRESS, {})]
    (opened,) = logged(panel, "session.open")
    assert (opened.author, opened.address, set(opened.detail)) == (
        "MasterAdmin",
        ADDRESS,
        {"session"},
    )


def test_who_guesses_is_answered_429(panel: Panel) -> None:
    """With when to come back; what was typed stays, but for the password."""
    browser = panel.browser(None)
    page = browser.get("/login")
    for _ in range(3 * BAD_PASSWORDS):
        answer = browser.send(page, username="MasterAdmin", password="guessed")
    assert answer.status_int == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.form["username"].value == "MasterAdmin"


def test_the_owner_gets_in_where_a_stranger_guesses(panel: Panel) -> None:
    """From the same network, in a browser where the owner was logged in before."""
    browser = panel.browser()
    browser.post("/logout")
    throttle(panel)
    assert panel.browser(None).log_in("MasterAdmin", PASSWORD).status_int == 429
    assert browser.log_in("MasterAdmin", PASSWORD).status_int == 303


def test_the_owners_browser_is_no_way_to_guess_either(panel: Panel) -> None:
    """It is counted by itself, and for its own account alone."""
    browser = panel.browser("MailUser")
    browser.post("/logout")
    throttle(panel)
    assert browser.log_in("MasterAdmin", PASSWORD).status_int == 429
    statuses = {browser.log_in("MailUser", "guessed").status_int for _ in range(3 * BAD_PASSWORDS)}
    assert statuses == {403, 429}


def test_bad_tokens_and_bad_passwords_are_counted_apart(panel: Panel) -> None:
    """A script with an old token must not keep its owner from the panel."""
    panel.throttle()
    assert panel.browser(None).log_in("MasterAdmin", PASSWORD).status_int == 303


def test_each_log_in_is_a_new_session(panel: Panel) -> None:
    """An id that somebody planted before is worth nothing, and none is kept in the clear."""
    browser = panel.browser()
    first = browser.cookies["mailpanel"]
    browser.post("/logout")
    browser.log_in("MasterAdmin", PASSWORD)
    second = browser.cookies["mailpanel"]
    assert first != second
    with panel.database.reading() as session:
        rows = session.scalars(sa.select(PanelSession)).all()
    assert [len(row.digest) for row in rows] == [64]
    assert second not in str([vars(row) for row in rows])


def test_who_logs_out_is_out(panel: Panel) -> None:
    """The cookie is gone, and would open nothing."""
    browser = panel.browser()
    session = browser.cookies["mailpanel"]
    assert browser.post("/logout").headers["Location"] == "/login"
    assert "mailpanel" not in browser.cookies
    answer = panel.browser(None).get("/", Cookie=f"mailpanel={session}")
    assert answer.headers["Location"].startswith("/login")


def test_who_logs_in_as_somebody_else_is_no_longer_who_they_were(panel: Panel) -> None:
    """One browser, one session."""
    browser = panel.browser("MailUser")
    before = browser.cookies["mailpanel"]
    browser.post("/login", username="MasterAdmin", password=PASSWORD)
    assert browser.get("/").status_int == 200
    assert panel.browser(None).get("/account/", Cookie=f"mailpanel={before}").status_int == 303


def test_a_cookie_of_plain_http_counts_nowhere_else(panel: Panel) -> None:
    """Nobody on the wire can plant one for HTTPS."""
    session = panel.browser().cookies["mailpanel"]
    other = panel.browser(None, "https")
    assert other.get("/", Cookie=f"mailpanel={session}").status_int == 303
    assert other.log_in("MasterAdmin", PASSWORD).status_int == 303
    assert set(other.cookies) == {f"__Host-mailpanel{name}" for name in ("", "-form", "-browser")}
    assert other.get("/").status_int == 200


def test_a_session_ends_by_itself(panel: Panel) -> None:
    """After an hour without a request, and after twelve in any case."""
    for column, age in (("last_used", IDLE), ("created", LONGEST)):
        browser = panel.browser()
        assert browser.get("/").status_int == 200
        with panel.database.writing() as session:
            for row in session.scalars(sa.select(PanelSession)):
                setattr(row, column, getattr(row, column) - age)
        assert browser.get("/").status_int == 303


def test_a_new_password_or_none_at_all_ends_the_sessions(panel: Panel) -> None:
    """So does disabling the account, and enabling it brings none back."""
    accounts = Accounts(panel.database)
    accounts.add("second", "MasterAdmin", PASSWORD)
    browser = panel.browser("second")
    accounts.set_password("second", "another horse battery")
    assert browser.get("/").status_int == 303
    browser.log_in("second", "another horse battery")
    assert browser.get("/").status_int == 200
    accounts.set_enabled("second", False)
    accounts.set_enabled("second", True)
    assert browser.get("/").status_int == 303
    browser.log_in("second", "another horse battery")
    accounts.remove("second")
    assert browser.get("/").status_int == 303


def test_who_is_no_masteradmin_gets_a_clear_page(panel: Panel) -> None:
    """With the way to what is theirs."""
    page = panel.browser("DomainAdmin").get("/")
    assert page.status_int == 403
    assert "MasterAdmin" in page.text
    assert 'href="/account/"' in page.text


def test_what_was_typed_comes_back_after_a_log_in(panel: Panel) -> None:
    """The session has ended meanwhile; the password alone is lost, at every stage."""
    browser = panel.browser()
    page = browser.get(SETTING)
    browser.forget()
    answer = browser.send(page, **TYPED)
    assert answer.status_int == 403
    assert TYPED["password"] not in answer.text
    answer = browser.send(answer, username="MasterAdmin", password="wrong at first")
    assert TYPED["password"] not in answer.text
    answer = browser.send(answer, username="MasterAdmin", password=PASSWORD)
    assert answer.headers["Location"] == SETTING
    with panel.database.reading() as session:
        assert TYPED["password"] not in str(session.scalars(sa.select(PanelSession.kept)).all())
    form = next(each for each in browser.get(SETTING).forms.values() if each.action != "/logout")
    assert {name: form[name].value for name in TYPED} == {**TYPED, "password": ""}
    assert "relay.example.net" not in browser.get(SETTING).text
    assert panel.call("GET", f"/api/v1{SETTING}").status_int == 204


def test_a_form_of_an_earlier_log_in_is_not_saved_but_kept(panel: Panel) -> None:
    """Its token is another session's."""
    browser = panel.browser()
    page = browser.get(SETTING)
    browser.post("/logout")
    browser.log_in("MasterAdmin", PASSWORD)
    answer = browser.send(page, **TYPED)
    assert (answer.status_int, answer.headers["Location"]) == (303, SETTING)
    page = browser.get(SETTING)
    assert "Nothing was saved" in page.text
    assert "relay.example.net" in page.text
    assert panel.call("GET", f"/api/v1{SETTING}").status_int == 204


def test_nothing_but_a_form_of_a_setting_is_carried_through_a_log_in(panel: Panel) -> None:
    """Whoever makes the fields up puts no password into a session."""
    browser = panel.browser(None)
    fields = {"draft.setting": "postfix_relayhost", "draft.password": "made up", "draft.x": "y"}
    browser.post("/login", username="MasterAdmin", password=PASSWORD, **fields)
    with panel.database.reading() as session:
        assert session.scalars(sa.select(PanelSession.kept)).all() == [{}]


def test_a_script_that_looks_again_keeps_no_session_alive(panel: Panel) -> None:
    """Else a page that nobody looks at would stay logged in for ever."""
    browser = panel.browser()
    with panel.database.writing() as session:
        (row,) = session.scalars(sa.select(PanelSession)).all()
        row.last_used -= IDLE / 2
    before = row.last_used
    for headers, moves in (({"X_Live": "1"}, False), ({}, True)):
        assert browser.get("/", **headers).status_int == 200
        with panel.database.reading() as session:
            assert (session.scalars(sa.select(PanelSession.last_used)).one() > before) == moves
