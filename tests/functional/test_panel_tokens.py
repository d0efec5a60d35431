"""One's own tokens in the panel."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from panel import ACCOUNTS_URL, TOKENS_URL, Panel
from typing_in import form_of
from webtest import TestResponse

from mailpanel.models import PanelSession, Token
from mailpanel.services.tokens import Tokens

DAY = "2099-01-31"


def secret(page: TestResponse) -> str:
    return page.html.find(id="secret").get_text()


def owned(panel: Panel, username: str = "MasterAdmin") -> list[dict[str, object]]:
    return Tokens(panel.database).list(username)


class TestMaking:
    @pytest.mark.parametrize("level", ["MailUser", "MasterAdmin"])
    def test_a_token_is_shown_once_and_opens_the_api(self, panel: Panel, level: str) -> None:
        """It stands in no later page, and nothing keeps it."""
        browser = panel.browser(level)
        answer = browser.send(browser.get("/tokens/"), name="monitoring")
        assert answer.status_int == 200
        token = secret(answer)
        sent = {"Authorization": f"Bearer {token}"}
        assert panel.call("GET", TOKENS_URL, headers=sent).status_int == 200
        assert token not in browser.get("/tokens/").text
        assert "monitoring" in browser.get("/tokens/").text
        with panel.database.reading() as session:
            assert token not in str(session.scalars(sa.select(PanelSession.kept)).all())
            assert token not in str(session.scalars(sa.select(Token.digest)).all())

    def test_it_reaches_as_far_as_was_chosen(self, panel: Panel) -> None:
        """A day is meant to its end."""
        browser = panel.browser()
        form = form_of(browser.get("/tokens/"))
        form["name"], form["read_only"], form["expires"] = "narrow", True, DAY
        form["settings.system_mailer"] = True
        form["networks"] = "192.0.2.0/24\r\n 2001:db8::/32"
        browser.post("/tokens/", **dict(form.submit_fields()) | {"csrf_token": browser.token()})
        made = owned(panel)[-1]
        assert made["read_only"] is True
        assert made["settings"] == ["system_mailer"]
        assert made["networks"] == ["192.0.2.0/24", "2001:db8::/32"]
        assert made["expires"] == f"{DAY}T23:59:59.000Z"
        text = browser.get("/tokens/").html.select("main")[0].get_text(" ", strip=True)
        for part in ("reads only", "System mailer", "192.0.2.0/24", "31 January 2099"):
            assert part in text

    def test_where_nothing_is_chosen_it_reaches_all(self, panel: Panel) -> None:
        browser = panel.browser()
        browser.send(browser.get("/tokens/"))
        made = owned(panel)[-1]
        assert (made["read_only"], made["settings"], made["networks"]) == (False, None, None)
        assert (made["name"], made["expires"]) == ("", None)

    @pytest.mark.parametrize(
        ("field", "text"),
        [
            ("name", "x" * 256),
            ("networks", "192.0.2.1/24"),
            ("expires", "2001-01-01"),
            ("expires", "soon"),
        ],
    )
    def test_what_is_wrong_stands_beside_its_field(
        self, panel: Panel, field: str, text: str
    ) -> None:
        """With what was typed and ticked."""
        browser, before = panel.browser(), owned(panel)
        form = form_of(browser.get("/tokens/"))
        form["settings.system_mailer"] = True
        form[field] = text
        answer = browser.post("/tokens/", **dict(form.submit_fields()))
        assert answer.status_int == 422
        assert [each["name"] for each in answer.html.select("[aria-invalid=true]")] == [field]
        assert form_of(answer)[field].value.strip() == text
        assert form_of(answer)["settings.system_mailer"].checked
        assert not form_of(answer)["settings.postfix_relayhost"].checked
        assert owned(panel) == before

    def test_the_same_form_makes_no_second_one(self, panel: Panel) -> None:
        """A reload says that it was shown once, and what to do."""
        browser = panel.browser()
        page = browser.get("/tokens/")
        browser.send(page, name="first")
        before = owned(panel)
        answer = browser.send(page, name="first")
        assert answer.status_int == 412
        assert answer.html.find(id="secret") is None
        assert "shown once" in answer.html.select("[role=alert] h2")[0].get_text()
        assert "revoke the newest one" in answer.html.select("[role=alert]")[0].get_text()
        assert owned(panel) == before
        assert browser.send(answer, name="second").status_int == 200

    def test_it_is_said_where_a_token_opens_nothing(self, panel: Panel) -> None:
        panel.call("PATCH", f"{ACCOUNTS_URL}MailUser/", {"api_access": False})
        assert "no API access" in panel.browser("MailUser").get("/tokens/").text


class TestRevoking:
    def test_the_question_says_what_will_be_true_and_then_it_is(self, panel: Panel) -> None:
        browser = panel.browser()
        token = secret(browser.send(browser.get("/tokens/"), name="old <b>"))
        page = browser.get("/tokens/")
        question = browser.get(page.html.select("main a[href$='/revoke/']")[0]["href"])
        text = question.html.select("main")[0].get_text(" ", strip=True)
        assert "old <b>" in text
        assert "opens nothing any more" in text
        answer = browser.send(question)
        assert (answer.status_int, answer.headers["Location"]) == (303, "/tokens/")
        assert "The token is revoked." in browser.get("/tokens/").text
        sent = {"Authorization": f"Bearer {token}"}
        assert panel.call("GET", TOKENS_URL, headers=sent).status_int == 401

    @pytest.mark.parametrize("number", ["1", "0", "-1", "x", "99999999999"])
    def test_nobody_revokes_anothers(self, panel: Panel, number: str) -> None:
        """Nor learns whether there is one; number 1 is the MailUser's."""
        browser = panel.browser()
        assert browser.get(f"/tokens/{number}/revoke/").status_int == 404
        assert browser.post(f"/tokens/{number}/revoke/").status_int == 404
        assert len(owned(panel, "MailUser")) == 1
