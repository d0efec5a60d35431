"""Values that are tried from a setting's page, and not saved."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from answering import answering
from panel import ADDRESS, PASSWORD, Panel
from typing_in import (
    confirmed,
    each_generated,
    each_setting,
    each_typed,
    form_of,
    set_by_api,
    texts,
    url,
    value_of,
    with_secret,
)
from webtest import TestResponse

from mailpanel.forms import AGAIN
from mailpanel.models import AuditEntry, ErrandRow, PanelSession
from mailpanel.services.errands import MOST
from mailpanel.settings import SETTINGS, Setting

REFUSED = "The relay accepts the connection but refuses the password <b>."
STEPS = [
    {"name": "read", "ok": True, "duration_ms": 1234, "says": ""},
    {"name": "auth", "ok": False, "duration_ms": 7, "says": REFUSED},
]
DIFF = {
    "path": "/etc/x/main.cf",
    "diff": "--- /etc/x/main.cf\n+++ /etc/x/main.cf\n@@ -1 +1,2 @@\n-x = <i>\n+x = 2\n+--- y\n",
}
WORKS = {"error": None, "steps": [{**STEPS[0]}], "diffs": [DIFF]}
FAILS = {"error": REFUSED, "steps": STEPS, "diffs": []}
PREVIEW = [
    {
        "folder": "Junk <b>",
        "messages": 18204,
        "bytes": 2_500_000,
        "mailboxes": 12,
        "oldest": "2025-03-03T10:00:00Z",
        "complete": True,
        "says": "18,204 messages would go from Junk.",
    },
    {"folder": "Trash", "messages": 0, "bytes": 0, "mailboxes": 0, "oldest": None},
]


def outcome(panel: Panel, setting: Setting, **other: str) -> TestResponse:
    """Return what the button beside Save answers, of a page that is filled in."""
    browser = panel.browser()
    page = browser.get(url(setting))
    (button,) = page.html.select("button[formaction]")
    assert button.get_text() == "Test without saving"
    form_of(page).action = button["formaction"]
    typed = {} if setting.generates else texts(setting)
    return browser.send(page, **{**typed, **other})


class TestAnswers:
    @each_setting
    def test_each_host_says_whether_it_would_work(self, panel: Panel, setting: Setting) -> None:
        """With its steps, and what would change."""
        with answering(panel, mail1=WORKS, mail2=FAILS):
            answer = outcome(panel, setting)
        assert answer.status_int == 200
        first, second = answer.html.select(".trials section")
        assert [each.get_text() for each in answer.html.select(".trials .chip")] == [
            "would work",
            "would fail",
        ]
        assert first.h2.get_text() == "Test on mail1"
        assert "Read the host's configuration" in first.get_text()
        assert "1,234 ms" in first.get_text()
        assert first.select(".diffs p")[0].get_text() == "/etc/x/main.cf"
        lines = [(line.get_text(), line["class"]) for line in first.select(".diff code")]
        assert lines == [("-x = <i>", ["del"]), ("+x = 2", ["add"]), ("+--- y", ["add"])]
        (failed,) = second.select(".failed")
        assert "Log in" in failed.get_text()
        # Once: the step says it already.
        assert second.get_text().count(REFUSED) == 1
        assert "<b>" not in answer.text

    @each_typed
    def test_what_was_typed_stands_in_the_form(self, panel: Panel, setting: Setting) -> None:
        """But for the password."""
        with answering(panel, mail1=WORKS):
            answer = outcome(panel, setting)
        for name, text in texts(setting).items():
            kept = "" if name == setting.secret_field else text
            assert form_of(answer)[name].value == kept

    @each_setting
    def test_nothing_is_saved(self, panel: Panel, setting: Setting) -> None:
        """The audit log tells that somebody has tried."""
        with answering(panel, mail1=WORKS):
            answer = outcome(panel, setting)
        assert "Nothing was saved" in answer.text
        assert answer.html.select("#chip")[0].get_text() == "not set"
        assert value_of(panel, setting) is None
        with panel.database.reading() as session:
            query = sa.select(AuditEntry.author, AuditEntry.address)
            by = session.execute(query.where(AuditEntry.action == "setting.test")).all()
        assert by == [("MasterAdmin", ADDRESS)]
        assert "tested without saving" in panel.browser().get("/audit/").text

    @each_typed
    def test_what_was_tested_is_then_saved_from_the_same_page(
        self, panel: Panel, setting: Setting
    ) -> None:
        """With the password once more."""
        with answering(panel, mail1=WORKS):
            answer = outcome(panel, setting)
        again = {
            name: each for name, each in texts(setting).items() if name in [setting.secret_field]
        }
        browser = panel.browser()
        form = form_of(answer)
        assert form.action == url(setting)
        fields = {**dict(form.submit_fields()), **again, "csrf_token": browser.token()}
        answer = browser.post(url(setting), fields.pop("csrf_token"), **fields)
        assert confirmed(browser, answer).status_int == 303
        assert value_of(panel, setting) == setting.public(setting.validate(dict(setting.example)))

    @each_generated
    def test_a_test_of_what_is_generated_makes_none(self, panel: Panel, setting: Setting) -> None:
        """No page shows a password that counts nowhere."""
        with answering(panel, mail1=WORKS):
            answer = outcome(panel, setting)
        assert answer.html.find(id="secret") is None

    def test_what_would_come_of_it_is_counted(self, panel: Panel, setting: Setting) -> None:
        """As the host has counted; words for sizes, days and nothing."""
        with answering(panel, mail1={**WORKS, "preview": PREVIEW}):
            answer = outcome(panel, setting)
        rows = [
            [each.get_text() for each in row.select("th, td")] for row in answer.html.select("tr")
        ]
        assert rows == [
            ["Folder", "Messages", "Bytes", "Mailboxes", "Oldest"],
            ["Junk <b>", "18,204", "2.5 MB", "12", "3 March 2025"],
            ["Trash", "0", "0 bytes", "0", "none"],
        ]

    def test_a_host_that_does_not_answer_is_named(self, panel: Panel, setting: Setting) -> None:
        """And so is that there is none."""
        assert "No mail host was there" in outcome(panel, setting).text
        panel.hosts.checked_in("mail1", {})
        answer = outcome(panel, setting)
        assert answer.status_int == 200
        assert answer.html.select(".trials .chip")[0].get_text() == "no answer yet"
        assert "would change" not in answer.text


@pytest.fixture
def setting() -> Setting:
    """One that has a secret."""
    return SETTINGS["postfix_relayhost"]


class TestErrors:
    @each_typed
    def test_wrong_values_are_told_beside_their_fields(
        self, panel: Panel, setting: Setting
    ) -> None:
        """As they are by Save; no host is asked."""
        panel.hosts.checked_in("mail1", {})
        name = next(iter(texts(setting)))
        answer = outcome(panel, setting, **{name: "\N{SNOWMAN} :"})
        assert answer.status_int == 422
        assert [each["name"] for each in answer.html.select("[aria-invalid=true]")] == [name]
        assert form_of(answer)[name].value == "\N{SNOWMAN} :"
        assert not answer.html.select(".trials")
        with panel.database.reading() as session:
            assert session.scalars(sa.select(ErrandRow)).all() == []

    def test_too_many_are_429_and_nothing_typed_is_lost(
        self, panel: Panel, setting: Setting
    ) -> None:
        """With when to come back."""
        panel.hosts.checked_in("mail1", {})
        for _ in range(MOST):
            panel.call("POST", f"/api/v1{url(setting)}test/", setting.example)
        answer = outcome(panel, setting)
        assert (answer.status_int, answer.headers["Retry-After"]) == (429, "60")
        assert "Too many tests" in answer.html.select("[role=alert]")[0].get_text()
        assert form_of(answer)["server_hostname"].value == setting.example["server_hostname"]

    def test_without_the_token_nothing_is_tried(self, panel: Panel, setting: Setting) -> None:
        """What was typed comes back on the setting's page."""
        panel.hosts.checked_in("mail1", {})
        browser = panel.browser()
        answer = browser.post(f"{url(setting)}test/", "x", **texts(setting))
        assert (answer.status_int, answer.headers["Location"]) == (303, url(setting))
        page = browser.get(url(setting))
        assert form_of(page)["server_hostname"].value == setting.example["server_hostname"]
        assert setting.example[setting.secret_field] not in page.text
        with panel.database.reading() as session:
            assert session.scalars(sa.select(ErrandRow)).all() == []

    def test_a_log_in_that_has_ended_leads_back_to_the_form(
        self, panel: Panel, setting: Setting
    ) -> None:
        """Not to the test, which would be a page of nothing."""
        browser = panel.browser()
        page = browser.get(url(setting))
        form_of(page).action = f"{url(setting)}test/"
        browser.forget()
        answer = browser.send(page, **texts(setting))
        assert answer.status_int == 403
        answer = browser.send(answer, username="MasterAdmin", password=PASSWORD)
        assert answer.headers["Location"] == url(setting)
        page = browser.get(url(setting))
        assert form_of(page)["server_hostname"].value == setting.example["server_hostname"]


class TestSecrets:
    @with_secret
    def test_a_password_that_was_tried_is_nowhere(self, panel: Panel, setting: Setting) -> None:
        """The page says that it is to be typed again; neither session nor errand has it."""
        secret = "tried & <once>"
        with answering(panel, mail1=WORKS):
            answer = outcome(panel, setting, **{setting.secret_field: secret})
        assert "type yours again" in answer.html.get_text()
        assert "tried" not in answer.text.replace("tried,", "")
        with panel.database.reading() as session:
            kept = str(session.scalars(sa.select(PanelSession.kept)).all())
            rows = session.execute(sa.select(ErrandRow.value, ErrandRow.sealed)).all()
        assert "once" not in kept
        assert rows == [(None, None)]

    @with_secret
    def test_a_password_that_was_tried_is_not_left_out_in_silence(
        self, panel: Panel, setting: Setting
    ) -> None:
        """Saved with a blank field it would be the stored one, which was not tried."""
        set_by_api(panel, setting)
        with answering(panel, mail1=WORKS):
            answer = outcome(panel, setting, **{setting.secret_field: "the new one"})
        browser = panel.browser()
        fields = dict(form_of(answer).submit_fields()) | {"csrf_token": browser.token()}
        answer = browser.post(url(setting), fields.pop("csrf_token"), **fields)
        assert answer.status_int == 422
        (field,) = answer.html.select("[aria-invalid=true]")
        assert field["name"] == setting.secret_field

    @with_secret
    def test_a_log_in_in_between_still_asks_for_it(self, panel: Panel, setting: Setting) -> None:
        """What was typed comes back without it, and says so."""
        set_by_api(panel, setting)
        browser = panel.browser()
        page = browser.get(url(setting))
        browser.forget()
        answer = browser.send(page, **{setting.secret_field: "the new one"})
        browser.send(answer, username="MasterAdmin", password=PASSWORD)
        page = browser.get(url(setting))
        assert form_of(page)[setting.secret_field].attrs["placeholder"] == AGAIN
        assert browser.send(page).status_int == 422

    @with_secret
    def test_a_blank_field_tries_the_stored_one(self, panel: Panel, setting: Setting) -> None:
        """As it would keep it; there is nothing to be typed again then."""
        set_by_api(panel, setting)
        with answering(panel, mail1=WORKS):
            answer = outcome(panel, setting, **{setting.secret_field: ""})
        assert answer.status_int == 200
        assert "type yours again" not in answer.html.get_text()
