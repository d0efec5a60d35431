"""What the pages say of the hosts, and the way back."""

from __future__ import annotations

from datetime import timedelta

from panel import Panel
from typing_in import (
    GENERATED,
    each_setting,
    set_by_api,
    url,
    value_of,
)

from mailpanel.models import Host
from mailpanel.settings import SETTINGS, Setting


class TestReset:
    @each_setting
    def test_the_question_says_what_will_be_true(self, panel: Panel, setting: Setting) -> None:
        """By what each host told of its own configuration; then it is done."""
        set_by_api(panel, setting)
        panel.report(setting.name, 1)
        browser = panel.browser()
        question = browser.get(f"{url(setting)}reset/")
        assert setting.unset in question.text
        answer = browser.send(question)
        assert (answer.status_int, answer.headers["Location"]) == (303, url(setting))
        assert value_of(panel, setting) is None
        page = browser.get(url(setting))
        assert "resetting" in page.text
        panel.report(setting.name, 2)
        assert "not set" in browser.get(url(setting)).text

    @each_setting
    def test_nothing_is_asked_where_nothing_is_set(self, panel: Panel, setting: Setting) -> None:
        """And sent all the same, it changes nothing."""
        browser = panel.browser()
        page = browser.get(f"{url(setting)}reset/")
        assert "nothing to reset" in page.text
        assert not [form for form in page.forms.values() if form.action != "/logout"]
        assert browser.post(f"{url(setting)}reset/").headers["Location"] == url(setting)
        assert panel.call("GET", f"/api/v1{url(setting)}status/").json["status"]["revision"] is None


class TestStatus:
    @each_setting
    def test_the_page_follows_the_hosts(self, panel: Panel, setting: Setting) -> None:
        """Step by step, to the end; what is under way is looked at again."""
        set_by_api(panel, setting)
        browser = panel.browser()
        for page in (url(setting), "/"):
            assert "waiting for a host" in browser.get(page).text
        panel.report(setting.name, 1, "applying", step="probe")
        page = browser.get(url(setting))
        assert page.html.select(".steps .now")[0].get_text().startswith("Try the new values")
        assert page.html.select("[data-busy]")
        assert browser.get("/").html.select("[data-busy]")
        panel.report(setting.name, 1)
        page = browser.get(url(setting))
        assert page.html.select("#chip")[0].get_text() == "applied"
        assert not page.html.select(".steps, [data-busy]")

    @each_setting
    def test_after_a_failure_it_is_told_what_is_live(self, panel: Panel, setting: Setting) -> None:
        """The revision before in words, or what the host has of its own; nothing if not told."""
        set_by_api(panel, setting)
        set_by_api(panel, setting)
        browser = panel.browser()
        value = setting.public(setting.validate(dict(setting.example)))
        panel.hosts.checked_in("mail1", {})
        for live, words in (
            (1, f"Live there is revision 1: {setting.in_words(value)}"),
            (0, f"Live there is what the host has of its own: {setting.unset}"),
            (None, None),
        ):
            details = {"not_put_back": True} if live is None else {"live_revision": live or None}
            panel.report(setting.name, 2, "failed", step="verify", error="Bad.", details=details)
            for page in ("/", url(setting)):
                text = browser.get(page).html.get_text()
                assert words in text if words else "Live there" not in text

    @each_setting
    def test_what_failed_stands_first_with_its_sentence(
        self, panel: Panel, setting: Setting
    ) -> None:
        """On the overview; tried again, it is the same once more."""
        set_by_api(panel, setting)
        sentence = "The server refused the password <b>."
        panel.report(setting.name, 1, "failed", step="probe", error=sentence)
        browser = panel.browser()
        page = browser.get("/")
        (notice,) = page.html.select(".notice")
        assert sentence in notice.get_text()
        assert "<b>" not in page.text
        assert sentence in browser.get(url(setting)).html.get_text()
        if setting.generates:
            assert not notice.select("form")
            return
        before = value_of(panel, setting)
        again = next(each for each in page.forms.values() if each.action.endswith("/again/"))
        assert again.submit().headers["Location"] == url(setting)
        assert value_of(panel, setting) == before
        assert "applying" in browser.get(url(setting)).text
        assert again.submit(status="*").status_int == 412

    @each_setting
    def test_a_failed_reset_is_reset_again(self, panel: Panel, setting: Setting) -> None:
        """What is tried again is the reset."""
        set_by_api(panel, setting)
        panel.call("DELETE", f"/api/v1{url(setting)}")
        panel.report(setting.name, 2, "failed", step="reload", error="It did not reload.")
        browser = panel.browser()
        assert "reset failed" in browser.get("/").text
        assert browser.post(f"{url(setting)}again/").status_int == 303
        assert "resetting" in browser.get("/").text

    @each_setting
    def test_without_mailpanel_the_page_says_what_the_hosts_have(
        self, panel: Panel, setting: Setting
    ) -> None:
        """Host by host where they differ."""
        panel.hosts.checked_in("mail1", {})
        browser = panel.browser()
        assert setting.unset in browser.get(url(setting)).text
        present = {"postfix_relayhost": {"relayhost": "[old.example.net]:26"}}.get(
            setting.name, setting.shown(setting.public(setting.example))
        )
        panel.hosts.present("mail2", setting.name, present or {})
        text = browser.get(url(setting)).html.get_text()
        assert setting.present_in_words(present or {}) in text
        assert ("mail1: " in text) == (setting.present_in_words(present or {}) != setting.unset)

    def test_a_host_that_is_not_there_is_named(self, panel: Panel) -> None:
        """And so is that there is none at all."""
        browser = panel.browser()
        assert "No mail host has checked in yet" in browser.get("/").text
        panel.report("postfix_relayhost", 1)
        assert "1 host" in browser.get("/").text
        with panel.database.writing() as session:
            session.get_one(Host, "mail1").last_seen -= timedelta(hours=1)
        page = browser.get("/")
        assert "mail1 has not been seen" in page.text
        assert "1 host, 1 not there" in page.text

    def test_what_a_setting_tells_beside_its_status_is_shown(self, panel: Panel) -> None:
        """By its name in words, once it is applied."""
        (setting,) = GENERATED
        set_by_api(panel, setting)
        panel.report(setting.name, 1, details={"log_in_as": "user@example.net*master"})
        page = panel.browser().get(url(setting))
        assert page.html.select(".details dt")[0].get_text() == "Log in as"
        assert page.html.select(".details dd")[0].get_text() == "user@example.net*master"

    def test_a_value_that_takes_effect_later_says_when(self, panel: Panel) -> None:
        """It is applied, and does not delete anything yet."""
        setting = SETTINGS["junk_trash_clearing_interval"]
        set_by_api(panel, setting)
        panel.report(setting.name, 1, details={"effective_from": "2100-01-01T00:00:00Z"})
        assert "from 1 January, 00:00 UTC" in panel.browser().get("/").text
        assert "Effective from" not in panel.browser().get(url(setting)).text
