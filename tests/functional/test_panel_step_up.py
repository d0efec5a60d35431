"""Whoever is logged in is asked once more before what opens doors to others."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from browser import Browser
from panel import MASTER, PASSWORD, Panel
from pyramid.interfaces import IRoutesMapper
from pyramid.testing import DummyRequest
from typing_in import confirmed
from webtest import TestResponse

from mailpanel.forms import AGAIN
from mailpanel.models import AuditEntry
from mailpanel.services.proofs import BAD_PASSWORDS
from mailpanel.services.sessions import FRESH
from mailpanel.step_up import StepUp, StepUpNeeded, step_up_view, typed_before

PAGE = "/settings/imap_master_password/"
ASKED = "Show that it is you"


def left_alone(panel: Panel) -> Browser:
    """Return a browser in which the MasterAdmin has logged in a while ago."""
    browser = panel.browser()
    panel.let_proofs_age()
    return browser


def make_one(browser: Browser) -> TestResponse:
    """Ask for a new master password."""
    return browser.send(browser.get(PAGE))


def test_right_after_the_log_in_nobody_is_asked(panel: Panel) -> None:
    """The password has just been given."""
    assert "shown this once" in make_one(panel.browser()).text


def test_later_a_new_master_password_needs_the_log_ins(panel: Panel) -> None:
    """Nothing is made before; then one is led back, has another id, and is not asked again."""
    browser = left_alone(panel)
    before = browser.cookies["mailpanel"]
    answer = make_one(browser)
    assert (answer.status_int, ASKED in answer.text) == (403, True)
    assert panel.call("GET", MASTER).status_int == 204
    answer = browser.send(answer, password=PASSWORD)
    assert (answer.status_int, answer.headers["Location"]) == (303, PAGE)
    assert browser.cookies["mailpanel"] != before
    assert panel.browser(None).get("/", Cookie=f"mailpanel={before}").status_int == 303
    assert "Nothing was changed so far" in browser.get(PAGE).text
    assert "shown this once" in make_one(browser).text


def test_so_does_its_reset(panel: Panel) -> None:
    """The question before it is free to look at."""
    panel.set({}, MASTER)
    browser = left_alone(panel)
    answer = browser.send(browser.get(f"{PAGE}reset/"))
    assert (answer.status_int, ASKED in answer.text) == (403, True)
    answer = browser.send(answer, password=PASSWORD)
    assert answer.headers["Location"] == f"{PAGE}reset/"
    assert "Reset." not in browser.get(PAGE).text
    assert browser.send(browser.get(f"{PAGE}reset/")).headers["Location"] == PAGE
    assert "Reset." in browser.get(PAGE).text


def test_so_does_a_reset_that_is_brought_back(panel: Panel) -> None:
    """From the history it is a reset like any other."""
    panel.set({}, MASTER)
    panel.call("DELETE", MASTER)
    panel.set({}, MASTER)
    browser = left_alone(panel)
    answer = browser.post(f"{PAGE}history/2/restore/", revision="3")
    assert (answer.status_int, ASKED in answer.text) == (403, True)
    answer = browser.send(answer, password=PASSWORD)
    assert answer.headers["Location"] == f"{PAGE}history/"
    history = f"{MASTER}history/"
    assert panel.call("GET", history).json["history"][0]["revision"] == 3
    browser.post(f"{PAGE}history/2/restore/", revision="3")
    newest = panel.call("GET", history).json["history"][0]
    assert (newest["reset"], newest["restored"]) == (True, 2)


def test_so_do_tokens_and_accounts_and_what_was_typed_comes_back(panel: Panel) -> None:
    """But for the password, which is asked for once more."""
    for path, typed, secret in (
        ("/tokens/", {"name": "bot", "networks": "192.0.2.0/24\r\n192.0.2.9"}, {}),
        ("/accounts/", {"username": "alice"}, {"password": "another horse battery"}),
        ("/accounts/MailUser/", {"recovery_email": "m@example.org"}, {}),
    ):
        browser = left_alone(panel)
        answer = browser.send(browser.get(path), **typed, **secret)
        assert (path, answer.status_int, ASKED in answer.text) == (path, 403, True)
        assert browser.send(answer, password=PASSWORD).headers["Location"] == path
        page = browser.get(path)
        form = next(form for form in page.forms.values() if form.action != "/logout")
        assert {name: form[name].value.split() for name in typed} == {
            name: text.split() for name, text in typed.items()
        }
        for name, text in secret.items():
            assert text not in page.text
            assert form[name].attrs["placeholder"] == AGAIN
        assert browser.send(page, **secret).status_int in (200, 303)


@pytest.mark.parametrize("action", ["password", "remove"])
def test_so_does_what_is_done_to_an_account(panel: Panel, action: str) -> None:
    """One is led to a page that there is."""
    browser = left_alone(panel)
    answer = browser.post(f"/accounts/MailUser/{action}/", password="another horse battery")
    assert (answer.status_int, ASKED in answer.text) == (403, True)
    answer = browser.send(answer, password=PASSWORD)
    assert browser.get(answer.headers["Location"]).status_int == 200
    assert panel.browser("MailUser").get("/account/").status_int == 200


def test_other_settings_ask_for_nothing(panel: Panel) -> None:
    """What they keep secret, no page shows."""
    browser = left_alone(panel)
    page = browser.get("/settings/junk_trash_clearing_interval/")
    answer = browser.send(page, junk_days="7", trash_days="9")
    assert confirmed(browser, answer).status_int == 303


def test_a_wrong_password_leads_nowhere(panel: Panel) -> None:
    """It is audited and counted as at the log-in, and what came along stays."""
    browser = left_alone(panel)
    answer = make_one(browser)
    for _ in range(BAD_PASSWORDS):
        answer = browser.send(answer, password="guessed")
        assert (answer.status_int, "not your password" in answer.text) == (403, True)
    answer = browser.send(answer, password=PASSWORD)
    assert answer.status_int == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    with panel.database.reading() as session:
        actions = session.scalars(sa.select(AuditEntry.action)).all()
    assert actions.count("session.refused") == BAD_PASSWORDS
    assert "session.prove" not in actions
    assert panel.call("GET", MASTER).status_int == 204


def test_the_page_that_asks_leads_to_no_other_host(panel: Panel) -> None:
    """Whatever its address says."""
    browser = left_alone(panel)
    for path in ("//example.org/", "https://example.org/", "/\\example.org"):
        page = browser.get("/account/confirm/?next=" + path)
        assert browser.send(page, password=PASSWORD).headers["Location"] == "/"
        panel.let_proofs_age()


def test_a_session_is_fresh_for_ten_minutes(panel: Panel) -> None:
    """Not by being used, as a session stays alive."""
    browser = panel.browser()
    assert browser.get("/account/confirm/").status_int == 303
    panel.let_proofs_age(FRESH / 2)
    assert browser.get("/account/confirm/").status_int == 303
    panel.let_proofs_age()
    assert browser.get("/").status_int == 200
    assert browser.get("/account/confirm/").status_int == 200


# Below these stands who gets in; but what only shuts somebody out is done at once.
WHO_GETS_IN = ("/account/", "/accounts/", "/tokens/")
AT_ONCE = {"panel.step_up", "panel.end", "panel.revoke"}


def test_whatever_decides_who_gets_in_asks(panel: Panel) -> None:
    """A new form there that does not fails here."""
    registry = panel.wsgi.registry
    routes = {route.name: route.pattern for route in registry.getUtility(IRoutesMapper).routelist}
    silent = {
        view["introspectable"]["route_name"]
        for view in registry.introspector.get_category("views")
        if routes.get(view["introspectable"]["route_name"], "").startswith(WHO_GETS_IN)
        and view["introspectable"]["request_methods"] == "POST"
        and not view["introspectable"].get("step_up")
    }
    assert silent == AT_ONCE


class Info:
    """What Pyramid tells a view deriver."""

    def __init__(self, step_up: object) -> None:
        self.options = {"step_up": step_up}


class TestView:
    """What a view may ask for; the settings' pages do not use all of it."""

    rule = StepUp(keep=lambda texts: {name: texts[name] for name in texts if name != "password"})

    @pytest.mark.parametrize("said", [None, False])
    def test_without_the_option_a_view_stays_as_it_is(self, said: object) -> None:
        assert step_up_view(Info, Info(said)) is Info

    def test_what_was_typed_is_kept_as_the_view_says(self) -> None:
        """So that no secret is."""
        request = DummyRequest(post={"name": "alice", "password": "secret"}, path="/accounts/")
        request.panel_session = type("Old", (), {"fresh": False})
        with pytest.raises(StepUpNeeded) as caught:
            step_up_view(Info, Info(self.rule))(None, request)
        assert (caught.value.path, caught.value.texts) == ("/accounts/", {"name": "alice"})

    def test_it_comes_back_to_its_own_page_alone(self) -> None:
        """Another page of the same session may be opened first."""
        request = DummyRequest(path="/accounts/")
        request.notes = {"typed": {"path": "/accounts/", "texts": {"name": "alice"}}}
        assert typed_before(request) == {"name": "alice"}
        request.path = "/tokens/"
        assert typed_before(request) == {}
