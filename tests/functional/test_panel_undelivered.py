"""What keeps mailpanel's own mails from going out is told where an administrator looks."""

from __future__ import annotations

from panel import MAILER, Panel
from typing_in import set_by_api, url

from mailpanel.settings import SETTINGS

SETTING = SETTINGS["system_mailer"]
SAYS = (
    "2 system mails could not be sent; it waits until the account is set anew. The relay <refuses> "
    "the password."
)


def undelivered(panel: Panel, says: str = SAYS) -> None:
    """Let the host mail1, on which the mailer is live, tell what keeps its mails."""
    set_by_api(panel, SETTING)
    panel.report(SETTING.name, 1, details={"undelivered": says})


def test_the_overview_says_so_with_the_host_and_the_way_to_the_setting(panel: Panel) -> None:
    """In the host's own words, as text."""
    undelivered(panel)
    (notice,) = panel.browser().get("/").html.select(".notice")
    assert notice.h2.get_text() == "mailpanel's own mails do not go out from mail1"
    assert SAYS in notice.p.get_text()
    assert url(SETTING) in {link["href"] for link in notice.select("a")}


def test_the_settings_page_says_so_beside_the_host_and_only_once(panel: Panel) -> None:
    undelivered(panel)
    state = panel.browser().get(url(SETTING)).html.find(id="state")
    assert [each.get_text() for each in state.select(".said")] == [SAYS]
    assert state.get_text().count(SAYS) == 1


def test_the_api_tells_it_in_the_status_and_with_the_host(panel: Panel) -> None:
    """The setting is applied all the same: its value is live."""
    undelivered(panel)
    (part,) = panel.call("GET", f"{MAILER}status/").json["status"]["hosts"]
    host = panel.call("GET", "/api/v1/hosts/mail1/").json["hosts"]
    assert part["undelivered"] == host["settings"][SETTING.name]["undelivered"] == SAYS
    assert panel.call("GET", MAILER).json["settings"]["status"] == "applied"


def test_it_is_gone_as_soon_as_the_host_tells_it_no_more(panel: Panel) -> None:
    undelivered(panel)
    panel.report(SETTING.name, 1, details={})
    browser = panel.browser()
    assert browser.get("/").html.select(".notice") == []
    assert SAYS not in browser.get(url(SETTING)).text
    (part,) = panel.call("GET", f"{MAILER}status/").json["status"]["hosts"]
    assert "undelivered" not in part
