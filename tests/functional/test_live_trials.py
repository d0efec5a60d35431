"""A test of unsaved values shows its steps while it runs, in the panel and by the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from panel import Panel
from typing_in import form_of, texts, url
from webtest import TestResponse

from mailpanel.models import AuditEntry, ErrandRow
from mailpanel.reports import ErrandAnswer, ErrandProgress, Step
from mailpanel.services.accounts import Accounts
from mailpanel.services.errands import LIFE, MOST_MESSAGES
from mailpanel.services.taken_errands import TakenErrands
from mailpanel.settings import SETTINGS, Setting

READ = Step("read", True, 1234, "")
RELAYHOST = "/api/v1/settings/postfix_relayhost/test/"
ME = "me@example.org"


@pytest.fixture
def setting() -> Setting:
    return SETTINGS["postfix_relayhost"]


@pytest.fixture
def hosts(panel: Panel) -> TakenErrands:
    """The errands as the one mail host sees them."""
    panel.hosts.checked_in("mail1", {})
    panel.wsgi.registry.errand_wait = 0
    return TakenErrands(panel.database)


def started(panel: Panel, setting: Setting, **other: str) -> TestResponse:
    """Return what the button beside Save answers a browser with a script."""
    typed = {"revision": "", "security": "", **texts(setting), **other}
    return panel.browser().post(f"{url(setting)}test/", follow="1", **typed)


class TestThePanel:
    def test_the_page_comes_at_once_and_names_where_to_look_again(
        self, panel: Panel, setting: Setting, hosts: TakenErrands
    ) -> None:
        """What was typed stays in the form meanwhile."""
        panel.wsgi.registry.errand_wait = 20
        page = started(panel, setting)
        (trials,) = page.html.select("#trials")
        assert trials["data-busy"] == "busy"
        assert form_of(page)["server_hostname"].value == texts(setting)["server_hostname"]
        (errand,) = hosts.take("mail1")
        hosts.progress(ErrandProgress(errand.number, (READ,), "tls"))
        again = panel.browser().get(trials["data-from"])
        assert [step["class"] for step in again.html.select("#trials .steps li")] == [
            ["done"],
            ["now"],
        ]
        assert "TLS" in again.html.select("#trials .now")[0].get_text()
        assert again.html.select("#tested")[0].get_text().strip() == "mail1: under way."
        assert again.html.select("#trials")[0].has_attr("data-busy")
        # Nothing typed is kept: a page without a script says so.
        assert "the form shows what is stored" in again.text
        hosts.answer(ErrandAnswer(errand.number, None, (READ,), ()))
        done = panel.browser().get(trials["data-from"])
        assert not done.html.select("#trials")[0].has_attr("data-busy")
        assert done.html.select("#tested")[0].get_text().strip() == "mail1: would work."

    def test_a_ticket_that_is_none_is_404(self, panel: Panel, setting: Setting) -> None:
        answer = panel.browser().get(f"{url(setting)}test/{'0' * 32}/")
        assert answer.status_int == 404

    def test_a_message_is_sent_where_the_box_is_ticked(
        self, panel: Panel, setting: Setting, hosts: TakenErrands
    ) -> None:
        """To one's own address, which the box names; it stays ticked."""
        assert "once your account" in panel.browser().get(url(setting)).text
        Accounts(panel.database).change("MasterAdmin", {"recovery_email": ME})
        assert ME in panel.browser().get(url(setting)).html.select(".tick")[0].get_text()
        page = started(panel, setting, message="1")
        assert hosts.take("mail1")[0].message_to == ME
        assert page.html.select("input[name=message]")[0].has_attr("checked")
        started(panel, setting)
        assert hosts.take("mail1")[0].message_to is None

    def test_no_box_where_nothing_sends_mail(self, panel: Panel) -> None:
        page = panel.browser().get(url(SETTINGS["junk_trash_clearing_interval"]))
        assert not page.html.select("input[name=message]")
        assert "send you a message" not in page.text


class TestTheApi:
    def test_steps_so_far_and_the_one_under_way(
        self, panel: Panel, setting: Setting, hosts: TakenErrands
    ) -> None:
        """The answer of the host takes their place."""
        body = panel.call("POST", RELAYHOST, dict(setting.example)).json["test"]
        (errand,) = hosts.take("mail1")
        hosts.progress(ErrandProgress(errand.number, (READ,), "check"))
        path = f"{RELAYHOST}{body['ticket']}/"
        test = panel.call("GET", path).json["test"]
        (host,) = test["hosts"]
        assert (test["done"], host["done"], host["ok"], host["now"]) == (
            False,
            False,
            False,
            "check",
        )
        assert [step["name"] for step in host["steps"]] == ["read"]
        hosts.answer(ErrandAnswer(errand.number, None, (READ,), ()))
        hosts.progress(ErrandProgress(errand.number, (), "late"))
        (host,) = panel.call("GET", path).json["test"]["hosts"]
        assert (host["done"], host["ok"], host["now"]) == (True, True, None)

    def test_a_host_that_never_answers_is_given_up(
        self, panel: Panel, setting: Setting, hosts: TakenErrands
    ) -> None:
        """Nobody looks again for ever."""
        body = panel.call("POST", RELAYHOST, dict(setting.example)).json["test"]
        with panel.database.writing() as session:
            row = session.scalars(sa.select(ErrandRow)).one()
            row.created -= LIFE + timedelta(seconds=1)
        (host,) = panel.call("GET", f"{RELAYHOST}{body['ticket']}/").json["test"]["hosts"]
        assert (host["done"], host["ok"]) == (True, False)
        assert host["error"] == "It did not answer in time."

    def test_a_message_is_audited_and_few_are_sent(
        self, panel: Panel, setting: Setting, hosts: TakenErrands
    ) -> None:
        """The address is the caller's own."""
        Accounts(panel.database).change("MasterAdmin", {"recovery_email": ME})
        path = f"{RELAYHOST}?message=1"
        statuses = [
            panel.call("POST", path, dict(setting.example)).status_int
            for _ in range(MOST_MESSAGES + 1)
        ]
        assert statuses == [200] * MOST_MESSAGES + [429]
        assert {errand.message_to for errand in hosts.take("mail1")} == {ME}
        with panel.database.reading() as session:
            query = sa.select(AuditEntry.detail).where(AuditEntry.action == "setting.test")
            assert session.scalars(query).all() == [{"message_to": ME}] * MOST_MESSAGES

    @pytest.mark.parametrize(
        ("path", "told"),
        [
            (f"{RELAYHOST}?message=1", "recovery_email"),
            (f"{RELAYHOST}?message=you@example.org", "must be 1"),
            (f"{RELAYHOST}?massage=1", "no such parameter"),
        ],
    )
    def test_what_is_wrong_is_told(
        self, panel: Panel, setting: Setting, path: str, told: str
    ) -> None:
        answer = panel.call("POST", path, dict(setting.example))
        assert answer.status_int == 422
        assert told in answer.json["errors"][0]["detail"]

    def test_a_setting_that_sends_no_mail_sends_no_message(self, panel: Panel) -> None:
        path = "/api/v1/settings/junk_trash_clearing_interval/test/?message=1"
        answer = panel.call("POST", path, {"junk_days": 1, "trash_days": 1})
        assert answer.json["errors"][0]["field"] == "message"
