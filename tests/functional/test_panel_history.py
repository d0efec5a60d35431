"""The history of a setting, its revisions once more, and the audit log."""

from __future__ import annotations

import pytest
from panel import Panel
from typing_in import (
    confirmed,
    each_generated,
    each_typed,
    other_text,
    set_by_api,
    url,
    value_of,
)

from mailpanel.settings import SETTINGS, Setting


def set_twice(panel: Panel, setting: Setting) -> tuple[str, str]:
    """Set it to the example, then otherwise; return the field and what it was changed to."""
    name, text = other_text(setting)
    set_by_api(panel, setting)
    set_by_api(panel, setting, **{name: type(setting.example[name])(text)})
    return name, text


@each_typed
def test_each_revision_says_what_it_was_and_what_it_changed(panel: Panel, setting: Setting) -> None:
    """The newest first, and the one that is wanted now says so."""
    name, text = set_twice(panel, setting)
    page = panel.browser().get(f"{url(setting)}history/")
    newest, first = page.html.select(".entries > li")
    assert [each.h2.get_text() for each in (newest, first)] == ["Revision 2", "Revision 1"]
    assert "wanted now" in newest.get_text()
    assert setting.in_words(setting.public(setting.example)) in first.get_text()
    assert newest.find("del").get_text() == f"was {setting.example[name]}"
    assert newest.find("ins").get_text() == f"is {text}"
    assert ("typed anew" in first.get_text()) == bool(setting.secret_field)
    assert not setting.secret_field or setting.example[setting.secret_field] not in page.text


@each_typed
def test_a_revision_is_restored(panel: Panel, setting: Setting) -> None:
    """As a new one, with its password; the page of the setting follows it."""
    name, _ = set_twice(panel, setting)
    browser = panel.browser()
    answer = confirmed(browser, browser.send(browser.get(f"{url(setting)}history/")))
    assert (answer.status_int, answer.headers["Location"]) == (303, url(setting))
    assert value_of(panel, setting)[name] == setting.example[name]
    assert "Revision 1 is wanted again." in browser.get(url(setting)).text
    newest = browser.get(f"{url(setting)}history/").html.select(".entries > li")[0].get_text()
    assert "restored from revision 1" in newest
    # The password came along, and nobody typed it.
    assert "typed anew" not in newest


@each_typed
def test_what_was_changed_meanwhile_is_not_overwritten(panel: Panel, setting: Setting) -> None:
    """Nobody restores over what they have not seen."""
    name, text = set_twice(panel, setting)
    browser = panel.browser()
    page = browser.get(f"{url(setting)}history/")
    set_twice(panel, setting)
    assert browser.send(page).status_int == 412
    assert str(value_of(panel, setting)[name]) == text


@each_typed
def test_a_reset_has_its_place_too(panel: Panel, setting: Setting) -> None:
    """And what it took away comes back."""
    set_by_api(panel, setting)
    panel.call("DELETE", f"/api/v1{url(setting)}")
    browser = panel.browser()
    page = browser.get(f"{url(setting)}history/")
    assert "Reset to what stood there before" in page.html.select(".entries > li")[0].get_text()
    again = next(each for each in page.forms.values() if "/history/1/" in each.action)
    assert confirmed(browser, again.submit()).status_int == 303
    assert value_of(panel, setting) == setting.public(setting.example)


@each_generated
def test_what_was_generated_is_not_restored(panel: Panel, setting: Setting) -> None:
    """It was shown once; there is no button, and the URL refuses."""
    set_by_api(panel, setting)
    set_by_api(panel, setting)
    browser = panel.browser()
    page = browser.get(f"{url(setting)}history/")
    assert [form.action for form in page.forms.values()] == ["/logout"]
    assert browser.post(f"{url(setting)}history/1/restore/", revision="2").status_int == 409


def test_an_empty_history_says_what_will_be_here(panel: Panel) -> None:
    """For every setting."""
    assert "Nothing was ever set" in panel.browser().get("/settings/system_mailer/history/").text


@pytest.mark.parametrize("before", ["", "x", "-1", "0", "99999999999999999999"])
def test_a_page_that_is_none_is_the_first(panel: Panel, before: str) -> None:
    """Whatever is in the URL."""
    assert "logged in" in panel.browser().get(f"/audit/?before={before}").text


def test_the_audit_log_says_who_did_what(panel: Panel) -> None:
    """In words, with the setting's title; a page at a time."""
    browser = panel.browser()
    page = browser.get("/settings/junk_trash_clearing_interval/")
    confirmed(browser, browser.send(page, junk_days="7", trash_days="14"))
    entries = browser.get("/audit/").html.select(".audit > li p")
    text = " ".join(entries[0].get_text().split())
    assert text == "MasterAdmin set Junk and Trash, revision 1"
    for _ in range(60):
        panel.call("DELETE", "/api/v1/settings/junk_trash_clearing_interval/")
        set_by_api(panel, SETTINGS["junk_trash_clearing_interval"])
    page = browser.get("/audit/")
    assert len(page.html.select(".audit > li")) == 100
    older = page.html.find("a", string="Older ones")["href"]
    assert browser.get(older).html.select(".audit > li")
