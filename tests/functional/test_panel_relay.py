"""How the live relay fares stands first in the panel, and what waits is sent from there."""

from __future__ import annotations

from typing import Any

from answering import answering
from panel import RELAYHOST as RELAYHOST_URL
from panel import Panel
from typing_in import set_by_api, url

from mailpanel.services.tokens import Tokens
from mailpanel.settings import SETTINGS

RELAYHOST = SETTINGS["postfix_relayhost"]
FLUSH = "/api/v1/hosts/mail1/flush/"
DONE: dict[str, Any] = {"error": None, "steps": [], "diffs": [], "preview": None}
SAYS = (
    "The relay accepts the connection but refuses the password (535 <i>). Check the account at "
    "your provider; some want an app password."
)
MAIL = "3 messages wait for the relay, the oldest since 22 November 2026, 21:50 UTC."
WELL = {
    "relay": "[relay.test]:587",
    "ok": True,
    "says": None,
    "since": "2026-11-22T21:54:00Z",
    "waiting": 0,
    "left_over": 0,
    "for_older": 0,
    "oldest": None,
    "growing": False,
    "complete": True,
    "log": "file",
    "mail": None,
}
OLDEST = "2026-11-22T21:50:00Z"
AILING = {**WELL, "ok": False, "says": SAYS, "waiting": 3, "oldest": OLDEST, "mail": MAIL}


def live(panel: Panel, **health: Any) -> None:
    """Let the host mail1 tell *health* of its relay."""
    set_by_api(panel, RELAYHOST)
    panel.report(RELAYHOST.name, 1, details={"relay_health": {**WELL, **health}})


class TestShown:
    def test_what_is_wrong_stands_first_with_what_waits_and_since_when(self, panel: Panel) -> None:
        """And on the setting's page beside the host."""
        live(panel, **AILING)
        panel.report("system_mailer", 1, "failed", error="No.")
        browser = panel.browser()
        overview, page = browser.get("/"), browser.get(url(RELAYHOST))
        notice = overview.html.select(".notice")[0]
        assert notice.h2.get_text() == (
            "Relayhost: mail does not get through to the relay on mail1"
        )
        assert f"{SAYS} {MAIL}" in notice.p.get_text()
        assert notice.time["datetime"] == AILING["since"]
        state = page.html.find(id="state")
        assert [each.get_text() for each in state.select(".said")] == [SAYS, MAIL]
        for shown in (notice, state):
            assert "It is mended: send now" in shown.form.button.get_text()
        assert page.html.select("#chip")[0].get_text() == "mail waits"

    def test_a_relay_that_is_well_is_not_mentioned(self, panel: Panel) -> None:
        """Nor is the odd message that it has put off."""
        live(panel)
        browser = panel.browser()
        for health in (WELL, {**WELL, "waiting": 1, "mail": "1 message waits for the relay."}):
            panel.report(RELAYHOST.name, 1, details={"relay_health": health})
            assert not browser.get("/").html.select(".notice")
            assert "Send now" not in browser.get(url(RELAYHOST)).text
            assert browser.get(url(RELAYHOST)).html.select("#chip")[0].get_text() == "applied"

    def test_what_is_left_over_can_be_sent_though_the_relay_is_well(self, panel: Panel) -> None:
        """It is mended, or is another one by now."""
        live(panel)
        browser = panel.browser()
        for left in ("left_over", "for_older"):
            health = {**WELL, left: 3, "mail": MAIL}
            panel.report(RELAYHOST.name, 1, details={"relay_health": health})
            (notice,) = browser.get("/").html.select(".notice")
            assert notice.h2.get_text() == "Relayhost: mail still waits on mail1"
            assert "Send now" in notice.form.button.get_text()
            assert "Postfix tries it again by itself" in notice.get_text()

    def test_a_queue_that_grows_and_a_log_that_cannot_be_read_are_told(self, panel: Panel) -> None:
        live(panel, growing=True, waiting=40, mail=MAIL, log=None)
        (notice,) = panel.browser().get("/").html.select(".notice")
        assert "more and more mail waits" in notice.h2.get_text()
        assert "log cannot be read here" in notice.get_text()

    def test_status_and_hosts_tell_it(self, panel: Panel) -> None:
        live(panel, **AILING)
        (host,) = panel.call("GET", f"{RELAYHOST_URL}status/").json["status"]["hosts"]
        assert host["relay_health"] == AILING
        (host,) = panel.call("GET", "/api/v1/hosts/").json["hosts"]
        assert host["settings"][RELAYHOST.name]["relay_health"] == AILING


class TestSendNow:
    def test_a_click_asks_the_host_and_says_what_came_of_it(self, panel: Panel) -> None:
        """It stands in the audit log, too."""
        live(panel, **AILING)
        browser = panel.browser()
        page = browser.get("/")
        forms = page.forms.values()
        (form,) = (each for each in forms if each.action.endswith("/flush/"))
        with answering(panel, mail1=DONE):
            answer = form.submit(status="*")
        assert (answer.status_int, answer.headers["Location"]) == (303, url(RELAYHOST))
        assert "mail1 tries all mail that waits, now" in browser.get(url(RELAYHOST)).text
        assert "had waiting mail tried" in browser.get("/audit/").text

    def test_where_it_was_left_waiting_the_hosts_sentence_is_shown(self, panel: Panel) -> None:
        live(panel, **AILING)
        browser = panel.browser()
        with answering(panel, mail1={**DONE, "error": SAYS}):
            browser.post(f"{url(RELAYHOST)}flush/", host="mail1")
        flash = browser.get(url(RELAYHOST)).html.select(".flash")[0].get_text()
        assert flash == f"Nothing was sent from mail1. {SAYS}"

    def test_a_host_that_does_not_answer_is_named(self, panel: Panel) -> None:
        live(panel, **AILING)
        browser = panel.browser()
        browser.post(f"{url(RELAYHOST)}flush/", host="mail1")
        assert "mail1 has not answered yet" in browser.get(url(RELAYHOST)).text

    def test_an_unknown_host_is_404(self, panel: Panel) -> None:
        live(panel, **AILING)
        browser = panel.browser()
        for host in ("", "other", "mail1\0"):
            assert browser.post(f"{url(RELAYHOST)}flush/", host=host).status_int == 404


class TestTheCall:
    def test_it_answers_what_the_host_says(self, panel: Panel) -> None:
        live(panel, **AILING)
        with answering(panel, mail1={**DONE, "error": SAYS}):
            told = panel.call("POST", FLUSH, {}).json["flush"]
        assert told["setting"] == RELAYHOST.name
        assert (told["host"], told["done"], told["ok"], told["error"]) == (
            "mail1",
            True,
            False,
            SAYS,
        )

    def test_a_token_for_the_relayhost_alone_may_ask_for_it(self, panel: Panel) -> None:
        """And for nothing else of the host; one that only reads may not."""
        live(panel, **AILING)
        for scope, status in (({}, 200), ({"read_only": True}, 403)):
            token = Tokens(panel.database).create(
                "MasterAdmin", name="narrow", settings=[RELAYHOST.name], **scope
            )
            sent = {"Authorization": f"Bearer {token}"}
            assert panel.call("POST", FLUSH, {}, "nobody", sent).status_int == status
            assert (
                panel.call("DELETE", "/api/v1/hosts/mail1/", b"", "nobody", sent).status_int == 403
            )

    def test_wrong_input_and_an_unknown_host(self, panel: Panel) -> None:
        live(panel)
        assert panel.call("POST", FLUSH, {"host": "x"}).status_int == 422
        assert panel.call("POST", FLUSH, b"[").status_int == 400
        assert panel.call("POST", "/api/v1/hosts/other/flush/", {}).status_int == 404
