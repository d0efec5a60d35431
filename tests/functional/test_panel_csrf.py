"""That another site's page cannot make an administrator's browser change anything."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from panel import PASSWORD, Panel

SETTING = "/settings/junk_trash_clearing_interval/"
VALUE = {"junk_days": "7", "trash_days": "14", "confirm": "Junk and Trash"}
# What a browser says of a form on another site, and of one that it does not tell the site of.
ELSEWHERE = [
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:8080"},
    {"Origin": "null"},
]


def is_set(panel: Panel) -> bool:
    """Say whether the setting is set."""
    return panel.call("GET", f"/api/v1{SETTING}").status_int == 200


def body(token: str) -> bytes:
    """Return the form with *token*."""
    return urlencode({**VALUE, "csrf_token": token}).encode()


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
def test_a_form_of_another_site_is_refused_with_the_right_token_too(
    panel: Panel, headers: dict[str, str]
) -> None:
    """Nothing that it says counts."""
    browser = panel.browser()
    answer = browser.raw(SETTING, body(browser.token()), **headers)
    assert answer.status_int == 403
    assert "Another site" in answer.text
    assert not is_set(panel)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec_Fetch_Site": "same-origin"}, {"Origin": "http://localhost:80"}],
    ids=str,
)
def test_our_own_form_is_taken(panel: Panel, headers: dict[str, str]) -> None:
    """From a browser that says so, and from one too old to say anything."""
    browser = panel.browser()
    assert browser.raw(SETTING, body(browser.token()), **headers).status_int == 303
    assert is_set(panel)


def test_without_the_token_nothing_is_saved(panel: Panel) -> None:
    """Nor with another's, nor with the one that came before the log-in."""
    other, browser = panel.browser().token(), panel.browser(None)
    before = browser.token()
    browser.log_in("MasterAdmin", PASSWORD)
    for token in ("", "x", "ü", other, before):
        assert browser.post(SETTING, token, **VALUE).headers["Location"] == SETTING
        assert not is_set(panel)


def test_the_log_in_itself_is_guarded(panel: Panel) -> None:
    """Nobody is logged in to a stranger's account without knowing."""
    browser = panel.browser(None)
    answer = browser.post("/login", "x", username="MasterAdmin", password=PASSWORD)
    assert (answer.status_int, set(browser.cookies)) == (403, {"mailpanel-form"})
    body = b"username=MasterAdmin&password=correct+horse+battery&csrf_token="
    assert panel.browser(None).raw("/login", body).status_int == 403
    answer = browser.send(answer, password=PASSWORD)
    assert answer.status_int == 303


def test_a_log_in_on_an_old_page_goes_on_where_somebody_is_logged_in(panel: Panel) -> None:
    """As when two tabs showed the form."""
    browser = panel.browser(None)
    page = browser.get("/login?next=/hosts/")
    browser.log_in("MasterAdmin", PASSWORD)
    assert browser.send(page, username="x", password="y").headers["Location"] == "/hosts/"


def test_the_csrf_token_is_asked_for_before_the_permission(panel: Panel) -> None:
    """Somebody without permission learns no more than that."""
    answer = panel.browser("MailUser").post(SETTING, "x", **VALUE)
    assert answer.status_int == 303


def test_the_api_asks_for_no_csrf_token(panel: Panel) -> None:
    """Since no cookie opens it."""
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    value = {"junk_days": 7, "trash_days": 14}
    assert panel.call("POST", f"/api/v1{SETTING}", value, headers=headers).status_int == 200
