"""What somebody edited by hand on a host is shown, and put back from the panel."""

from __future__ import annotations

from typing import Any

from answering import answering
from panel import Panel
from typing_in import each_setting, set_by_api, url

from mailpanel.reports import Report
from mailpanel.settings import SETTINGS, Setting

PATH = "/etc/x/main.cf"
DRIFT = {"path": PATH, "diff": f"--- {PATH}\n+++ {PATH}\n@@ -1 +1 @@\n-x = <i>\n+x = 2\n"}
OTHER = {"path": "/etc/x/sasl", "diff": "--- a\n+++ a\n A secret in it changes.\n"}
DONE: dict[str, Any] = {"error": None, "steps": [], "diffs": []}
RELAYHOST = SETTINGS["postfix_relayhost"]


def edited(panel: Panel, setting: Setting, **details: Any) -> None:
    """Let the host mail1 tell *details* of the setting, by default what was edited."""
    set_by_api(panel, setting)
    panel.report(setting.name, 1, details=details or {"drift": [DRIFT]})


class TestShown:
    @each_setting
    def test_an_edit_stands_first_with_its_difference(self, panel: Panel, setting: Setting) -> None:
        """And on the setting's page beside the host; the status says it too."""
        edited(panel, setting)
        browser = panel.browser()
        overview, page = browser.get("/"), browser.get(url(setting))
        (notice,) = overview.html.select(".notice")
        assert notice.h2.get_text() == "main.cf was edited by hand on mail1"
        assert page.html.select("#chip")[0].get_text() == "edited by hand"
        for shown in (notice, page.html.find(id="state")):
            assert [each.get_text() for each in shown.select(".diff code")] == [
                "-x = <i>",
                "+x = 2",
            ]
            assert "Put back" in shown.button.get_text()
        # Not as something else that the host told.
        assert not page.html.select(".details dt")

    def test_what_was_applied_is_not_called_what_is_so_now(self, panel: Panel) -> None:
        """Neither on the setting's page nor on that of its reset."""
        edited(panel, RELAYHOST)
        panel.hosts.checked_in("mail2", {})
        panel.hosts.report("mail2", Report(RELAYHOST.name, 1, "applied", None, None, 1, 1))
        browser = panel.browser()
        heading = "Applied, then edited by hand on 1 of 2"
        assert browser.get(url(RELAYHOST)).html.find(id="now").get_text() == heading
        words = RELAYHOST.in_words(RELAYHOST.public(RELAYHOST.example))
        assert f"{heading}: {words}" in browser.get(f"{url(RELAYHOST)}reset/").html.get_text()
        panel.report(RELAYHOST.name, 1)
        assert browser.get(url(RELAYHOST)).html.find(id="now").get_text() == "Now"

    def test_several_files_are_all_named(self, panel: Panel) -> None:
        """In one sentence."""
        edited(panel, RELAYHOST, drift=[DRIFT, OTHER])
        text = panel.browser().get("/").text
        assert "main.cf and sasl were edited by hand on mail1" in text
        assert "A secret in it changes." in text

    def test_what_is_in_the_way_of_the_next_change_is_told(self, panel: Panel) -> None:
        """With what counts meanwhile; there is nothing to put back."""
        sentence = "main.cf has smtp_tls_per_site. Remove it."
        edited(panel, RELAYHOST, problem=sentence)
        browser = panel.browser()
        (notice,) = browser.get("/").html.select(".notice")
        assert sentence in notice.get_text()
        assert "Put back" not in notice.get_text()
        page = browser.get(url(RELAYHOST)).html
        assert page.select(".said")[0].get_text() == f"The next change would fail: {sentence}"
        assert not page.select(".details dt")

    def test_a_line_that_counts_in_its_place_is_told_with_what_to_do(self, panel: Panel) -> None:
        """As an edit by hand, without a button that could not mend it."""
        setting = SETTINGS["junk_trash_clearing_interval"]
        sentence = "A line of your own sets <it> too. Remove it."
        edited(panel, setting, overridden=sentence)
        browser = panel.browser()
        overview, page = browser.get("/"), browser.get(url(setting))
        (notice,) = overview.html.select(".notice")
        assert notice.h2.get_text() == "Junk and Trash is overridden by hand on mail1"
        for shown in (notice, page.html.find(id="state")):
            assert sentence in shown.get_text()
            assert "Put back" not in shown.get_text()
        assert page.html.select("#chip")[0].get_text() == "edited by hand"
        assert page.html.find(id="now").get_text() == "Applied, then edited by hand"
        assert not page.html.select(".details dt")

    def test_what_was_edited_before_a_change_is_none_of_it(self, panel: Panel) -> None:
        """The host looks again when it has applied that."""
        edited(panel, RELAYHOST)
        set_by_api(panel, RELAYHOST, server_port=26)
        browser = panel.browser()
        for page in ("/", url(RELAYHOST)):
            assert "edited by hand" not in browser.get(page).text

    def test_an_edit_stands_on_after_a_change_that_failed(self, panel: Panel) -> None:
        """What is live there is the revision before, and the edit: the page says both."""
        edited(panel, RELAYHOST)
        set_by_api(panel, RELAYHOST, server_port=26)
        details = {"drift": [DRIFT], "live_revision": 1}
        panel.report(RELAYHOST.name, 2, "failed", step="probe", error="Bad.", details=details)
        text = panel.browser().get(url(RELAYHOST)).html.get_text()
        assert "Live there is revision 1" in text
        assert "main.cf was edited by hand, and the edit stands." in text


class TestPutBack:
    @each_setting
    def test_it_is_put_back_and_said(self, panel: Panel, setting: Setting) -> None:
        """From either page; the audit log tells by whom and where."""
        edited(panel, setting)
        browser = panel.browser()
        for path in ("/", url(setting)):
            page = browser.get(path)
            form = next(each for each in page.forms.values() if each.action.endswith("/put-back/"))
            with answering(panel, mail1=DONE):
                answer = form.submit(status="*")
            assert (answer.status_int, answer.headers["Location"]) == (303, url(setting))
            assert "on mail1 it is as mailpanel has it again" in browser.get(url(setting)).text
        assert "put back over edits" in browser.get("/audit/").text

    def test_where_it_fails_the_hosts_sentence_is_shown(self, panel: Panel) -> None:
        """As it is, and no more than that."""
        edited(panel, RELAYHOST)
        browser = panel.browser()
        with answering(panel, mail1={**DONE, "error": "Postfix is <b>broken</b>."}):
            browser.post(f"{url(RELAYHOST)}put-back/", host="mail1")
        flash = browser.get(url(RELAYHOST)).html.select(".flash")[0].get_text()
        assert flash == "It could not be put back on mail1. Postfix is <b>broken</b>."

    def test_a_host_that_does_not_answer_is_named(self, panel: Panel) -> None:
        """It may do it yet."""
        edited(panel, RELAYHOST)
        browser = panel.browser()
        browser.post(f"{url(RELAYHOST)}put-back/", host="mail1")
        assert "mail1 has not answered yet" in browser.get(url(RELAYHOST)).text

    def test_an_unknown_host_is_404(self, panel: Panel) -> None:
        """Whatever it is called."""
        edited(panel, RELAYHOST)
        browser = panel.browser()
        for host in ("", "other", "mail1\0", "\N{SNOWMAN}"):
            assert browser.post(f"{url(RELAYHOST)}put-back/", host=host).status_int == 404

    def test_without_the_token_nothing_is_put_back(self, panel: Panel) -> None:
        """Nor is the host asked."""
        edited(panel, RELAYHOST)
        browser = panel.browser()
        answer = browser.post(f"{url(RELAYHOST)}put-back/", "x", host="mail1")
        assert (answer.status_int, answer.headers["Location"]) == (303, "/")
        assert "put back over edits" not in browser.get("/audit/").text
