"""One's own account: its password, and where it is logged in."""

from __future__ import annotations

import pytest
from panel import PASSWORD, Panel

NEW = "another horse battery"
LEVELS = ("MailUser", "DomainAdmin", "MasterAdmin")


@pytest.mark.parametrize("level", LEVELS)
def test_a_new_password_keeps_this_browser_logged_in_and_no_other(panel: Panel, level: str) -> None:
    """With another id than before."""
    browser, other = panel.browser(level), panel.browser(level)
    before = browser.cookies["mailpanel"]
    page = browser.get("/account/")
    answer = browser.send(page, current=PASSWORD, password=NEW, again=NEW)
    assert (answer.status_int, answer.headers["Location"]) == (303, "/account/")
    assert browser.cookies["mailpanel"] != before
    assert "Your password is changed" in browser.get("/account/").text
    assert other.get("/account/").status_int == 303
    assert panel.browser(None).log_in(level, PASSWORD).status_int == 403
    assert panel.browser(None).log_in(level, NEW).status_int == 303


@pytest.mark.parametrize(
    ("current", "password", "again", "wrong"),
    [
        ("x" + PASSWORD, NEW, NEW, "current"),
        ("", NEW, NEW, "current"),
        (PASSWORD, "too short", "too short", "password"),
        (PASSWORD, "password1234", "password1234", "password"),
        (PASSWORD, "masteradmin-1", "masteradmin-1", "password"),
        (PASSWORD, NEW, NEW + "x", "again"),
    ],
)
def test_a_wrong_form_changes_nothing(
    panel: Panel, current: str, password: str, again: str, wrong: str
) -> None:
    """Its sentence stands beside the field, and none of the passwords comes back."""
    browser = panel.browser()
    page = browser.get("/account/")
    answer = browser.send(page, current=current, password=password, again=again)
    assert answer.status_int == 422
    (field,) = answer.html.select("[aria-invalid=true]")
    assert field["name"] == wrong
    assert not any(each and each in answer.text for each in (current, password, again))
    assert panel.browser(None).log_in("MasterAdmin", PASSWORD).status_int == 303


def test_who_guesses_the_present_password_is_stopped(panel: Panel) -> None:
    """As at the log-in: somebody may have found a browser left alone."""
    browser = panel.browser()
    page = browser.get("/account/")
    statuses = {
        browser.send(page, current="guessed", password=NEW, again=NEW).status_int for _ in range(30)
    }
    assert statuses == {422, 429}


def test_a_log_in_elsewhere_is_ended(panel: Panel) -> None:
    """This browser's own stands beside it, and says so."""
    browser, other = panel.browser(), panel.browser()
    page = browser.get("/account/")
    assert "this browser" in page.text
    (end,) = (form for form in page.forms.values() if form.action.endswith("/end/"))
    assert end.submit().headers["Location"] == "/account/"
    assert "That log-in has ended." in browser.get("/account/").text
    assert other.get("/").status_int == 303


@pytest.mark.parametrize("number", ["1", "0", "-1", "x", "99999999999999999999"])
def test_nobody_ends_anothers_log_in(panel: Panel, number: str) -> None:
    """Nor learns whether there is one."""
    first = panel.browser("MailUser")
    assert panel.browser().post(f"/account/sessions/{number}/end/").status_int == 404
    assert first.get("/account/").status_int == 200
