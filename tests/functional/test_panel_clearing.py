"""The page of the clearing runs, their picture, and one more run after a question."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from answering import answering
from browser import Browser
from panel import INTERVAL, Panel
from sqlalchemy import select
from sqlalchemy.orm import Session
from webtest import TestResponse

from mailpanel.models import ClearingRow, ErrandRow
from mailpanel.services.clearing import PAGE

NAME = "junk_trash_clearing_interval"
DAYS = {"junk_days": 7, "trash_days": 14}
JUNK = {"folder": "Junk", "days": 7, "messages": 1_200, "bytes": 3_400_000, "mailboxes": 12}
TRASH = {"folder": "Trash", "days": 14, "messages": 0, "bytes": 0, "mailboxes": 0}
FOLDERS = [{**JUNK, "complete": True}, {**TRASH, "complete": True}]
DUE = [
    {**JUNK, "newly": 0, "oldest": "2025-03-03", "complete": True, "says": "Junk."},
    {**TRASH, "newly": 0, "oldest": None, "complete": True, "says": "Trash."},
]
COUNTED = {"error": None, "steps": [], "diffs": [], "preview": DUE}
CLEARED = {"error": None, "steps": [], "diffs": [], "preview": None}


def ran(panel: Panel, messages: int = 1_200, ago: timedelta = timedelta(), **other: Any) -> None:
    """Have run: every folder on mail1, by the schedule, unless *other* says otherwise."""
    at = datetime.now(UTC) - ago
    given = {
        "host": "mail1",
        "mail_store": "mail1",
        "started": at,
        "ended": at,
        "messages": messages,
        "bytes": 3_400_000,
        "folders": FOLDERS if messages else [],
        **other,
    }
    with panel.database.writing() as session:
        session.add(ClearingRow(**given))


def begun(session: Session, errand: ErrandRow, **how: Any) -> None:
    """Begin to clear, as the host that was asked does."""
    given = {"host": errand.host, "mail_store": "default", "folders": [], **how}
    ours = {"ticket": errand.ticket, "asked_by": errand.asked_by, "started": datetime.now(UTC)}
    session.add(ClearingRow(**given, **ours))


def clears(session: Session, errand: ErrandRow) -> None:
    """Delete what :data:`DUE` has counted, and end."""
    went = {"messages": 1_200, "bytes": 3_400_000, "folders": FOLDERS}
    begun(session, errand, ended=datetime.now(UTC), **went)


def is_applied(panel: Panel, **more: Any) -> None:
    panel.set(DAYS, INTERVAL)
    panel.report(NAME, 1, **more)


def text(page: TestResponse, where: str = "main") -> str:
    return " ".join(page.html.select_one(where).get_text(" ", strip=True).split())


def asked(panel: Panel) -> list[ErrandRow]:
    with panel.database.reading() as session:
        return list(session.scalars(select(ErrandRow).where(ErrandRow.kind == "clear")))


class TestPicture:
    def test_it_tells_what_went_on_the_overview_and_on_its_page(self, panel: Panel) -> None:
        """In words, too, for whoever does not see it."""
        is_applied(panel)
        ran(panel, 14_000, timedelta(days=2))
        ran(panel, 1_680)
        browser = panel.browser()
        for url, card in (("/", f"#card-{NAME}"), ("/clearing/", "#chart")):
            page = browser.get(url)
            assert "cleared per day, last 14 days: 1,120 on average" in text(page, card)
            (picture,) = page.html.select(f"{card} svg[role=img]")
            assert ": 14,000. 15,680 in all." in picture["aria-label"]
            assert len(picture.select("rect.some")) == 2
            assert len(picture.select("rect.none")) == 12

    def test_the_page_has_the_figures_as_a_table(self, panel: Panel) -> None:
        """The newest first."""
        ran(panel, 1_680)
        rows = panel.browser().get("/clearing/").html.select("#figures tbody tr")
        assert len(rows) == 14
        assert [row.td.get_text() for row in rows[:2]] == ["1,680", "0"]

    def test_days_without_a_message_are_a_sentence(self, panel: Panel) -> None:
        """A picture of nothing would be none."""
        is_applied(panel)
        ran(panel, 0)
        browser = panel.browser()
        for url in ("/", "/clearing/"):
            page = browser.get(url)
            assert "Nothing was cleared in the last 14 days." in text(page)
            assert not page.html.select("svg")

    def test_before_the_first_run_it_says_what_will_stand_there(self, panel: Panel) -> None:
        """And not that nothing was cleared."""
        browser = panel.browser()
        assert "once an interval is set" in text(browser.get("/clearing/"))
        assert "each day" not in text(browser.get("/"))
        is_applied(panel)
        for url in ("/", "/clearing/"):
            assert "will stand here after the first daily run" in text(browser.get(url))


class TestNotice:
    def test_a_run_that_failed_stands_first_on_the_overview(self, panel: Panel) -> None:
        """Until one has not, and not for what was reset or is nobody's any more."""
        is_applied(panel)
        ran(panel, error="Dovecot is not running on this host, so nothing is cleared.")
        browser = panel.browser()
        (notice,) = browser.get("/").html.select(".notice")
        assert notice.h2.get_text() == "Junk and Trash: not everything was cleared on mail1"
        assert "Dovecot is not running on this host" in notice.get_text()
        assert notice.a["href"] == "/clearing/"
        ran(panel, mail_store="another", ago=timedelta(days=3), error="It ended without a word.")
        assert len(browser.get("/").html.select(".notice")) == 1
        ran(panel)
        assert not browser.get("/").html.select(".notice")

    def test_what_is_reset_is_not_missed(self, panel: Panel) -> None:
        is_applied(panel)
        ran(panel, error="It ended without a word.")
        panel.call("DELETE", f"/api/v1/settings/{NAME}/")
        panel.report(NAME, 2)
        assert not panel.browser().get("/").html.select(".notice")


class TestRuns:
    def test_where_there_is_none_it_says_what_will_be_here_and_how(self, panel: Panel) -> None:
        """With the way to it."""
        page = panel.browser().get("/clearing/")
        assert "Each run will stand here" in text(page)
        assert page.html.select_one(f"main a[href='/settings/{NAME}/']")
        assert not page.html.select("form[action='/clearing/run/']")

    def test_a_run_says_when_where_why_and_what_went(self, panel: Panel) -> None:
        """Folder by folder, with the days that counted."""
        ran(panel, ago=timedelta(hours=3))
        page = panel.browser().get("/clearing/")
        run = text(page, "#runs li")
        assert "mail1 1,200 messages (3.4 MB) deleted." in run
        assert "Junk 1,200 messages (3.4 MB), older than 7 days, from 12 mailboxes." in run
        assert "Trash Nothing was older than 14 days." in run
        assert "3 hours ago" in run
        assert "the daily run" in run
        assert "UTC" in page.html.select_one("#runs time")["title"]

    def test_its_figures_are_written_as_the_reader_writes_them(self, panel: Panel) -> None:
        ran(panel)
        run = text(panel.browser(languages="de").get("/clearing/"), "#runs li")
        assert "1 200 Nachrichten (3,4 MB) gelöscht." in run

    def test_what_somebody_asked_for_has_their_name(self, panel: Panel) -> None:
        ran(panel, asked_by="alice", ticket="0" * 32)
        assert "asked for by alice" in text(panel.browser().get("/clearing/"), "#runs li")

    def test_the_mail_store_is_told_where_it_has_a_name_of_its_own(self, panel: Panel) -> None:
        """Without one it is called as its host is."""
        browser = panel.browser()
        ran(panel)
        assert "mail store" not in text(browser.get("/clearing/"), "#runs")
        ran(panel, mail_store="archive")
        assert "mail store archive" in text(browser.get("/clearing/"), "#runs li")

    def test_a_run_that_failed_says_why_as_text(self, panel: Panel) -> None:
        """And what went before, and that there is more."""
        folders = [{**FOLDERS[0], "complete": False}]
        ran(panel, error="Dovecot has <b> no room.", folders=folders)
        page = panel.browser().get("/clearing/")
        run = text(page, "#runs li")
        assert "failed 1,200 messages (3.4 MB) deleted. Dovecot has <b> no room." in run
        assert "Not every mailbox could be cleared." in run
        assert "<b>" not in page.text

    def test_what_a_host_says_beyond_the_sum_is_told(self, panel: Panel) -> None:
        """The sum itself stands there once."""
        summed = "1,200 messages (3.4 MB) cleared, 12 mailboxes looked into."
        ran(panel, 1, says=f"{summed} They were moved elsewhere.")
        ran(panel, 2, says=summed)
        first, second = panel.browser().get("/clearing/").html.select("#runs li")
        assert "looked into" not in first.get_text()
        assert "They were moved elsewhere." in second.get_text()

    def test_a_run_under_way_is_followed(self, panel: Panel) -> None:
        """By the script; without one there is a link to look again."""
        panel.hosts.checked_in("mail1", {})
        ran(panel, 0, ended=None)
        page = panel.browser().get("/clearing/")
        assert "mail1 under way" in text(page, "#runs li")
        assert page.html.select_one("#runs[data-busy][data-from='/clearing/']")
        assert page.html.select_one("noscript a[href='/clearing/']")

    def test_many_runs_come_a_page_at_a_time(self, panel: Panel) -> None:
        """The newest first, each once; whatever is asked for."""
        for number in range(PAGE + 1):
            ran(panel, number + 1, timedelta(minutes=PAGE - number))
        browser = panel.browser()
        first = browser.get("/clearing/")
        runs = first.html.select("#runs li")
        assert len(runs) == PAGE
        assert runs[0].p.get_text(" ", strip=True).startswith(f"mail1 {PAGE + 1} messages")
        second = browser.get(first.html.find("a", string="Older ones")["href"])
        assert [each.p.get_text(" ", strip=True) for each in second.html.select("#runs li")] == [
            "mail1 1 message (3.4 MB) deleted."
        ]
        assert second.html.find("a", string="Older ones") is None
        assert len(browser.get("/clearing/?before=x").html.select("#runs li")) == PAGE

    def test_it_is_one_place_to_go_to(self, panel: Panel) -> None:
        """And on it says where one is."""
        (link,) = panel.browser().get("/clearing/").html.select(".side [aria-current]")
        assert link.get_text() == "Clearing"


def question(panel: Panel, browser: Browser, **answer: Any) -> TestResponse:
    """Press “Clear now…”, while mail1 counts."""
    with answering(panel, mail1=COUNTED | answer):
        return browser.send(browser.get("/clearing/"))


class TestClearNow:
    def test_it_is_asked_about_with_what_would_go(self, panel: Panel) -> None:
        """Nothing is cleared until the setting's name is typed."""
        is_applied(panel)
        browser = panel.browser()
        page = question(panel, browser)
        assert page.status_int == 200
        assert "A message is deleted from Junk after 7 days, from Trash after 14 days." in text(
            page
        )
        assert "1,200 messages (3.4 MB)." in text(page)
        cells = [each.get_text() for each in page.html.select("tbody tr")[0].select("td")]
        assert cells == ["Junk", "1,200", "3.4 MB", "12", "3 March 2025"]
        with answering(panel, mail1=COUNTED):
            again = browser.send(page, confirm="yes")
        assert again.status_int == 422
        assert "This is not the setting's name. Nothing was cleared." in text(again)
        assert asked(panel) == []

    def test_a_run_that_ends_at_once_says_what_went(self, panel: Panel) -> None:
        """On the page of the runs."""
        is_applied(panel)
        browser = panel.browser()
        page = question(panel, browser)
        with answering(panel, clears, mail1=CLEARED):
            answer = browser.send(page, confirm=" junk and TRASH ")
        assert (answer.status_int, answer.headers["Location"]) == (303, "/clearing/")
        page = browser.get("/clearing/")
        assert text(page, ".flash") == "1,200 messages (3.4 MB) deleted."
        assert "asked for by MasterAdmin" in text(page, "#runs li")

    def test_a_run_that_finds_nothing_says_so(self, panel: Panel) -> None:
        is_applied(panel)
        browser = panel.browser()
        page = question(panel, browser)
        with answering(panel, mail1=CLEARED):
            browser.send(page, confirm="Junk and Trash")
        assert text(browser.get("/clearing/"), ".flash") == "Nothing was old enough."

    @pytest.mark.parametrize("begins", [True, False])
    def test_what_takes_longer_is_followed_on_the_page(self, panel: Panel, begins: bool) -> None:
        """Nobody looks at nothing meanwhile, whether or not the host has begun."""
        is_applied(panel)
        browser = panel.browser()
        page = question(panel, browser)
        with answering(panel, begun, **({"mail1": CLEARED} if begins else {})):
            panel.wsgi.registry.errand_wait = 20 if begins else 0
            browser.send(page, confirm="Junk and Trash")
        page = browser.get("/clearing/")
        assert text(page, ".flash") == "It is being cleared. What goes stands below."
        assert bool(page.html.select("#runs[data-busy]")) == begins

    def test_a_host_that_cannot_says_why(self, panel: Panel) -> None:
        is_applied(panel)
        browser = panel.browser()
        page = question(panel, browser)
        with answering(panel, mail1={**CLEARED, "error": "Dovecot is stopped."}):
            browser.send(page, confirm="Junk and Trash")
        assert text(browser.get("/clearing/"), ".flash") == "mail1: Dovecot is stopped."

    def test_the_same_question_is_answered_once(self, panel: Panel) -> None:
        """A second click, or what the browser sends again, finds a run that was not there."""
        is_applied(panel)
        browser = panel.browser()
        page = question(panel, browser)
        ran(panel, asked_by="MasterAdmin", ticket="0" * 32)
        browser.send(page, confirm="Junk and Trash")
        assert asked(panel) == []
        assert "A run has begun since you were asked." in text(browser.get("/clearing/"), ".flash")

    def test_while_a_run_is_under_way_there_is_no_second_one(self, panel: Panel) -> None:
        """It says what to wait for."""
        is_applied(panel)
        ran(panel, 0, ended=None)
        browser = panel.browser()
        browser.send(question(panel, browser), confirm="Junk and Trash")
        assert asked(panel) == []
        assert "are being cleared just now" in text(browser.get("/clearing/"), ".flash")

    @pytest.mark.parametrize(
        ("newly", "sentence"),
        [(1_150, "50 messages."), (1_199, "1 message."), (1_200, "Nothing is old enough now.")],
    )
    def test_what_waits_for_the_grace_is_not_counted(
        self, panel: Panel, newly: int, sentence: str
    ) -> None:
        """The days that are live count, and nobody has counted the size by those."""
        is_applied(panel)
        waits = [{**DUE[0], "newly": newly}, DUE[1]]
        page = question(panel, panel.browser(), preview=waits)
        assert text(page, ".total") == sentence
        assert [each.get_text() for each in page.html.select("th")] == ["Folder", "Messages"]

    def test_a_host_that_cannot_count_keeps_nobody_from_it(self, panel: Panel) -> None:
        is_applied(panel)
        page = question(panel, panel.browser(), error="No folder.", preview=None)
        assert "How much would go is not known." in text(page)
        assert "What would go on mail1 is not known. No folder." in text(page)

    def test_where_no_interval_is_live_there_is_nothing_to_clear(self, panel: Panel) -> None:
        """Whatever is sent; opened as a page it leads to the runs."""
        panel.hosts.checked_in("mail1", {})
        browser = panel.browser()
        answer = browser.post("/clearing/run/", confirm="Junk and Trash", newest="")
        assert answer.headers["Location"] == "/clearing/"
        assert asked(panel) == []
        assert "no mail host has an interval applied" in text(browser.get("/clearing/"), ".flash")
        assert browser.get("/clearing/run/").headers["Location"] == "/clearing/"

    @pytest.mark.parametrize("token", ["x", None], ids=["another token", "another site"])
    def test_a_forged_form_clears_nothing(self, panel: Panel, token: str | None) -> None:
        is_applied(panel)
        browser = panel.browser()
        sent = {"confirm": "Junk and Trash", "newest": "", "csrf_token": token or browser.token()}
        headers = {} if token else {"Sec_Fetch_Site": "cross-site"}
        browser.raw("/clearing/run/", urlencode(sent).encode(), **headers)
        assert asked(panel) == []
