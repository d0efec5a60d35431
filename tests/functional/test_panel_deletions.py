"""The question before more mail is deleted than so far."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from answering import answering
from browser import Browser
from panel import INTERVAL, Panel
from typing_in import confirmed, form_of
from webtest import TestResponse

from mailpanel.models import Host
from mailpanel.services.errands import MOST

PAGE = "/settings/junk_trash_clearing_interval/"
NAME = "Junk and Trash"
JUNK = {
    "folder": "Junk",
    "messages": 18_204,
    "bytes": 2_500_000,
    "mailboxes": 12,
    "oldest": "2025-03-03",
    "complete": True,
    "says": "18,204 messages in Junk.",
}
TRASH = {
    **JUNK,
    "folder": "Trash",
    "messages": 2,
    "bytes": 0,
    "mailboxes": 1,
    "says": "2 in Trash.",
}
DONE = {"error": None, "steps": [], "diffs": [], "preview": [JUNK, TRASH]}
NOTHING = {**JUNK, "messages": 0, "bytes": 0, "mailboxes": 0, "oldest": None}


def sent(browser: Browser, junk: str = "7", trash: str = "14") -> TestResponse:
    return browser.send(browser.get(PAGE), junk_days=junk, trash_days=trash)


def main(page: TestResponse) -> str:
    return page.html.select("main")[0].get_text(" ", strip=True)


def days(panel: Panel) -> Any:
    answer = panel.call("GET", INTERVAL)
    return tuple(answer.json["settings"]["value"].values()) if answer.status_int == 200 else None


def asks(answer: TestResponse) -> bool:
    return answer.html.find(id="confirm") is not None


class TestNumbers:
    def test_the_first_interval_is_asked_about_with_what_would_go(self, panel: Panel) -> None:
        """Per folder and in all; nothing is stored until the setting's name is typed."""
        browser = panel.browser()
        with answering(panel, mail1=DONE, mail2=DONE):
            answer = sent(browser)
        assert answer.status_int == 200
        text = main(answer)
        assert "A message is deleted from Junk after 7 days, from Trash after 14 days." in text
        assert "36,412 messages (5.0 MB)." in text
        assert [each.get_text() for each in answer.html.select("caption")] == ["mail1", "mail2"]
        cells = [each.get_text() for each in answer.html.select("tbody tr")[0].select("td")]
        assert cells == ["Junk", "18,204", "2.5 MB", "12", "3 March 2025"]
        assert days(panel) is None
        answer = browser.send(answer, confirm=f" {NAME.upper()} ")
        assert (answer.status_int, answer.headers["Location"]) == (303, PAGE)
        assert days(panel) == (7, 14)

    @pytest.mark.parametrize(
        ("preview", "sentence"),
        [
            ([NOTHING], "Nothing is old enough yet: it goes as it gets there."),
            ([{**NOTHING, "complete": False}], "Nothing was found so far"),
            ([{**JUNK, "complete": False}], "At least 18,204 messages (2.5 MB)."),
            ([{**JUNK, "newly": 18_200}], "18,204 messages (2.5 MB), of which 4 would go already."),
            ([{**JUNK, "messages": 1, "mailboxes": 1}], "1 message (2.5 MB)."),
        ],
        ids=["nothing", "nothing yet", "at least", "already", "one"],
    )
    def test_the_sum_says_how_sure_it_is(
        self, panel: Panel, preview: list[dict[str, Any]], sentence: str
    ) -> None:
        with answering(panel, mail1={**DONE, "preview": preview}):
            answer = sent(panel.browser())
        assert sentence in main(answer)


class TestUnknownNumbers:
    def test_without_a_host_it_can_be_saved_all_the_same(self, panel: Panel) -> None:
        browser = panel.browser()
        answer = sent(browser)
        assert "How much would go is not known." in main(answer)
        assert "No mail host is there that could count it." in main(answer)
        assert confirmed(browser, answer).status_int == 303

    def test_a_host_that_is_away_or_still_counting_is_named(self, panel: Panel) -> None:
        """What the others have told is told."""
        panel.hosts.checked_in("gone", {})
        with panel.database.writing() as session:
            long_ago = datetime(2001, 1, 1, tzinfo=UTC)
            session.execute(sa.update(Host).values(last_seen=long_ago))
        panel.hosts.checked_in("slow", {})
        text = main(sent(panel.browser()))
        assert "gone is not there, so what would go on it is not known." in text
        assert "slow is still counting, so what would go on it is not known." in text

    def test_a_host_that_cannot_count_says_why(self, panel: Panel) -> None:
        failed = {**DONE, "error": "Dovecot has no folder <b>.", "preview": None}
        with answering(panel, mail1=failed, mail2=DONE):
            answer = sent(panel.browser())
        assert "What would go on mail1 is not known. Dovecot has no folder <b>." in main(answer)
        assert "18,206 messages" in main(answer)
        assert "<b>" not in answer.text

    def test_too_many_previews_keep_nobody_from_saving(self, panel: Panel) -> None:
        panel.hosts.checked_in("mail1", {})
        for _ in range(MOST):
            panel.call("POST", f"{INTERVAL}test/", {"junk_days": 7, "trash_days": 14})
        browser = panel.browser()
        answer = sent(browser)
        assert "Too many tests at once" in main(answer)
        assert confirmed(browser, answer).status_int == 303


class TestWhen:
    @pytest.mark.parametrize(
        ("junk", "trash", "is_asked"),
        [
            ("10", "20", False),
            ("11", "", False),
            ("", "", False),
            ("9", "20", True),
            ("30", "19", True),
        ],
    )
    def test_it_is_asked_where_more_goes_than_before(
        self, panel: Panel, junk: str, trash: str, is_asked: bool
    ) -> None:
        panel.set({"junk_days": 10, "trash_days": 20}, INTERVAL)
        assert asks_after(sent(panel.browser(), junk, trash)) == is_asked

    def test_to_keep_for_ever_is_never_asked_about(self, panel: Panel) -> None:
        assert sent(panel.browser(), "", "").status_int == 303

    @pytest.mark.parametrize(
        ("presents", "is_asked"),
        [
            ([{"junk_days": 7, "trash_days": 7}], False),
            ([{"junk_days": 7, "trash_days": 7}, None], True),
            ([{"junk_days": 7, "trash_days": None}], True),
        ],
    )
    def test_the_first_one_is_measured_by_what_the_hosts_have_of_their_own(
        self, panel: Panel, presents: list[dict[str, Any] | None], is_asked: bool
    ) -> None:
        for number, present in enumerate(presents):
            panel.hosts.checked_in(f"mail{number}", {})
            panel.hosts.present(f"mail{number}", "junk_trash_clearing_interval", present)
        assert asks_after(sent(panel.browser())) == is_asked

    def test_a_stricter_revision_is_asked_about_too(self, panel: Panel) -> None:
        """A milder one is restored at once."""
        for number in (5, 10):
            panel.set({"junk_days": number, "trash_days": number}, INTERVAL)
        browser = panel.browser()
        answer = browser.send(browser.get(f"{PAGE}history/"))
        assert asks(answer)
        assert days(panel) == (10, 10)
        assert browser.send(answer, confirm=NAME).status_int == 303
        assert days(panel) == (5, 5)
        answer = browser.post(f"{PAGE}history/2/restore/", revision="3")
        assert answer.status_int == 303
        assert days(panel) == (10, 10)


class TestAnswers:
    def test_another_name_saves_nothing_and_asks_again(self, panel: Panel) -> None:
        browser = panel.browser()
        for typed in ("", "Junk"):
            answer = browser.send(sent(browser), confirm=typed)
            assert answer.status_int == 422
            (field,) = answer.html.select("[aria-invalid=true]")
            assert field["name"] == "confirm"
            assert days(panel) is None
        assert browser.send(answer, confirm=NAME).status_int == 303
        assert days(panel) == (7, 14)

    def test_back_leads_to_the_form_with_what_was_typed(self, panel: Panel) -> None:
        """And nothing is saved, though the name was typed."""
        browser = panel.browser()
        form = form_of(sent(browser))
        fields = dict(form.submit_fields("back")) | {"confirm": NAME}
        answer = browser.post(PAGE, fields.pop("csrf_token"), **fields)
        assert answer.status_int == 200
        assert form_of(answer)["junk_days"].value == "7"
        assert days(panel) is None

    def test_back_from_a_revision_leads_to_the_history(self, panel: Panel) -> None:
        for number in (5, 10):
            panel.set({"junk_days": number, "trash_days": number}, INTERVAL)
        answer = panel.browser().post(f"{PAGE}history/1/restore/", revision="2", back="back")
        assert (answer.status_int, answer.headers["Location"]) == (303, f"{PAGE}history/")
        assert days(panel) == (10, 10)

    def test_what_somebody_else_has_saved_meanwhile_is_told(self, panel: Panel) -> None:
        """The question carries the revision that the form was made from."""
        browser = panel.browser()
        question = sent(browser)
        panel.set({"junk_days": 8, "trash_days": 8}, INTERVAL)
        answer = browser.send(question, confirm=NAME)
        assert answer.status_int == 412
        assert days(panel) == (8, 8)

    def test_a_log_in_that_has_ended_leads_back_to_the_form(self, panel: Panel) -> None:
        """With what was typed."""
        browser = panel.browser()
        question = sent(browser)
        browser.forget()
        answer = browser.send(question, confirm=NAME)
        browser.send(answer, username="MasterAdmin", password="correct horse battery")
        assert form_of(browser.get(PAGE))["junk_days"].value == "7"
        assert days(panel) is None


def asks_after(answer: TestResponse) -> bool:
    """Say whether *answer* is the question; it is a saved form where it is not."""
    assert answer.status_int in (200, 303)
    return answer.status_int == 200 and asks(answer)
