"""The second factor in the panel: set up, asked for, and removed."""

from __future__ import annotations

import base64
from dataclasses import replace

import pyotp
import pytest
import sqlalchemy as sa
from browser import Browser
from factor import FACTOR, Phone, enrol
from panel import PASSWORD, Panel
from stored import stored
from webtest import TestResponse

from mailpanel.models import AuditEntry
from mailpanel.services.accounts import Accounts
from mailpanel.services.codes import BAD_CODES

SETTING = "/settings/postfix_relayhost/"


@pytest.fixture
def browser(panel: Panel) -> Browser:
    """The MasterAdmin's, who is logged in."""
    return panel.browser()


@pytest.fixture
def phone(panel: Panel, browser: Browser) -> Phone:
    """The MasterAdmin's."""
    return enrol(panel, browser)


def half_way(browser: Browser, next_page: str = "") -> TestResponse:
    """Return the page that asks the MasterAdmin for the code, the password being right."""
    page = browser.log_in("MasterAdmin", PASSWORD, next_page)
    assert (page.status_int, page.html.h1.text) == (200, "Second factor")
    return page


def actions(panel: Panel) -> list[str]:
    with panel.database.reading() as session:
        return list(session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


class TestSettingUp:
    def test_the_secret_is_shown_as_a_picture_and_as_text(self, browser: Browser) -> None:
        """And counts nothing yet, in any of the pages that were opened."""
        first, second = browser.get(FACTOR), browser.get(FACTOR)
        assert first.html.select_one(".qr svg path")
        secrets = {page.html.select_one("#secret").text for page in (first, second)}
        assert len(secrets) == 2
        assert "off" in browser.get("/account/").html.select_one(".stack .chip").text

    def test_a_right_code_has_it_count(self, panel: Panel, browser: Browser) -> None:
        """Everybody who was logged in elsewhere, without it, no longer is."""
        other = panel.browser()
        phone = enrol(panel, browser)
        assert len(set(phone.recovery_codes)) == 10
        assert browser.get("/").status_int == 200
        assert other.get("/").status_int == 303
        page = browser.get("/account/").text
        assert "10 recovery codes are left" in page
        assert "second_factor.add" in actions(panel)
        assert "set up a second factor" in browser.get("/audit/").text

    def test_a_wrong_one_changes_nothing_and_keeps_the_secret(
        self, panel: Panel, browser: Browser
    ) -> None:
        """Which has been scanned by then."""
        page = browser.get(FACTOR)
        for code in ("000000", "", "12345", "x" * 16):
            answer = browser.send(page, code=code)
            assert answer.status_int == 422
            assert answer.html.select_one("#secret").text == page.html.select_one("#secret").text
        secret = page.html.select_one("#secret").text.replace(" ", "")
        assert browser.send(answer, code=pyotp.TOTP(secret).now()).status_int == 200

    def test_a_secret_of_somebody_elses_page_is_none(self, panel: Panel, browser: Browser) -> None:
        """Nor is one that is made up."""
        other = panel.browser("DomainAdmin")
        page = other.get(FACTOR)
        secret = page.html.select_one("#secret").text.replace(" ", "")
        box = page.forms[1]["box"].value
        for sent in (box, "", "x", base64.urlsafe_b64encode(b"x" * 80).decode()):
            answer = browser.post(FACTOR, box=sent, code=pyotp.TOTP(secret).now())
            assert answer.status_int == 422
            assert secret not in answer.html.select_one("#secret").text.replace(" ", "")
        assert browser.get("/account/").html.select_one(".stack .chip").text == "off"

    def test_there_is_one_at_a_time(self, panel: Panel, browser: Browser) -> None:
        """A second page that was open is told so."""
        page = browser.get(FACTOR)
        secret = page.html.select_one("#secret").text.replace(" ", "")
        enrol(panel, browser)
        assert browser.get(FACTOR).headers["Location"] == "/account/"
        assert browser.send(page, code=pyotp.TOTP(secret).now()).status_int == 409

    def test_it_needs_a_fresh_log_in_and_what_was_scanned_stays(
        self, panel: Panel, browser: Browser
    ) -> None:
        """Who took longer than ten minutes to find the phone is asked between."""
        page = browser.get(FACTOR)
        shown = page.html.select_one("#secret").text
        panel.let_proofs_age()
        code = pyotp.TOTP(shown.replace(" ", "")).now()
        answer = browser.send(page, code=code)
        assert (answer.status_int, answer.html.h1.text) == (403, "Show that it is you")
        answer = browser.send(answer, password=PASSWORD)
        assert answer.headers["Location"] == FACTOR
        page = browser.get(FACTOR)
        assert page.html.select_one("#secret").text == shown
        assert browser.send(page, code=code).status_int == 200
        panel.let_proofs_age()
        assert browser.get("/account/second-factor/remove/").status_int == 303

    def test_whoever_has_the_database_has_no_codes(self, panel: Panel, phone: Phone) -> None:
        """Neither the secret nor a recovery code stands in it, nor in the audit log."""
        kept = stored(panel.database)
        raw = base64.b32decode(phone.secret)
        for secret in (phone.secret, raw.hex(), *phone.recovery_codes):
            assert secret.encode() not in kept
            assert secret.replace("-", "").encode() not in kept
        assert raw not in kept


class TestLogIn:
    def test_the_password_alone_is_no_log_in(self, panel: Panel, phone: Phone) -> None:
        """There is no session before the code; then there is, and one comes where one wanted."""
        browser = panel.browser(None)
        page = half_way(browser, SETTING)
        assert "mailpanel" not in browser.cookies
        assert browser.get("/").status_int == 303
        answer = browser.send(page, code=phone.code())
        assert (answer.status_int, answer.headers["Location"]) == (303, SETTING)
        assert browser.get("/").status_int == 200

    def test_a_code_counts_once(self, panel: Panel, phone: Phone) -> None:
        """Nor does one that is older than one that was accepted."""
        first, second = panel.browser(None), panel.browser(None)
        code = phone.code()
        assert first.send(half_way(first), code=code).status_int == 303
        page = half_way(second)
        assert second.send(page, code=code).status_int == 403
        assert second.send(page, code=phone.same_code(-1)).status_int == 403
        assert second.send(page, code=phone.same_code(1)).status_int == 303

    @pytest.mark.parametrize(("steps", "status"), [(-2, 403), (-1, 303), (1, 303), (2, 403)])
    def test_a_clock_may_be_one_step_off(
        self, panel: Panel, phone: Phone, steps: int, status: int
    ) -> None:
        """Either way, and no more."""
        browser = panel.browser(None)
        page = half_way(browser)
        assert browser.send(page, code=phone.code(steps)).status_int == status

    def test_a_code_may_be_typed_with_blanks(self, panel: Panel, phone: Phone) -> None:
        """As apps show it."""
        browser = panel.browser(None)
        code = phone.code()
        answer = browser.send(half_way(browser), code=f" {code[:3]} {code[3:]} ")
        assert answer.status_int == 303

    def test_a_recovery_code_counts_once(self, panel: Panel, phone: Phone) -> None:
        """However it is typed; how many are left is shown, and its use is audited."""
        code = phone.recovery_codes[3]
        browser = panel.browser(None)
        page = half_way(browser)
        typed = code.replace("-", " ").lower()
        assert browser.send(page, recovery=typed).status_int == 303
        assert "9 recovery codes are left" in browser.get("/account/").text
        other = panel.browser(None)
        assert other.send(half_way(other), recovery=code).status_int == 403
        assert "second_factor.recovery" in actions(panel)

    def test_what_was_typed_comes_along(self, panel: Panel, browser: Browser, phone: Phone) -> None:
        """Through both pages, also where the code is wrong at first."""
        page = browser.get(SETTING)
        browser.forget()
        answer = browser.send(page, server_hostname="relay.example.net", server_port="587")
        answer = browser.send(answer, username="MasterAdmin", password=PASSWORD)
        answer = browser.send(answer, code="000000")
        assert answer.status_int == 403
        answer = browser.send(answer, code=phone.code())
        assert answer.headers["Location"] == SETTING
        assert "relay.example.net" in browser.get(SETTING).text

    @pytest.mark.parametrize("ticket", ["", "x", base64.urlsafe_b64encode(b"x" * 80).decode()])
    def test_a_ticket_that_is_made_up_leads_to_the_password(
        self, panel: Panel, phone: Phone, ticket: str
    ) -> None:
        browser = panel.browser(None)
        answer = browser.post("/login/code", ticket=ticket, code=phone.code())
        assert (answer.status_int, answer.html.h1.text) == (403, "Log in")

    def test_a_new_password_ends_what_is_half_way(self, panel: Panel, phone: Phone) -> None:
        """The right code opens nothing then; that page is no place to come to by itself."""
        browser = panel.browser(None)
        page = half_way(browser)
        Accounts(panel.database).set_password("MasterAdmin", "another horse battery")
        answer = browser.send(page, code=phone.code())
        assert (answer.status_int, answer.html.h1.text) == (403, "Log in")
        assert browser.get("/login/code").headers["Location"] == "/login"


class TestGuessing:
    def test_it_is_stopped_for_the_day(self, panel: Panel, phone: Phone) -> None:
        """By the account, from wherever it comes; and audited."""
        for number in range(BAD_CODES):
            browser = Browser(panel.wsgi, f"198.51.100.{number}")
            assert browser.send(half_way(browser), code="000000").status_int == 403
        browser = Browser(panel.wsgi, "203.0.113.1")
        answer = browser.send(half_way(browser), code=phone.code())
        assert answer.status_int == 429
        assert int(answer.headers["Retry-After"]) > 60
        assert actions(panel).count("session.refused") == BAD_CODES

    def test_it_keeps_no_owner_out(self, panel: Panel, browser: Browser, phone: Phone) -> None:
        """Neither in a browser of theirs nor with a recovery code."""
        for number in range(BAD_CODES + 1):
            stranger = Browser(panel.wsgi, f"198.51.100.{number}")
            stranger.send(half_way(stranger), code="000000")
        browser.post("/logout")
        assert browser.send(half_way(browser), code=phone.code()).status_int == 303
        elsewhere = panel.browser(None)
        page = half_way(elsewhere)
        assert elsewhere.send(page, code=phone.code()).status_int == 429
        assert elsewhere.send(page, recovery=phone.recovery_codes[0]).status_int == 303


class TestStepUp:
    def test_a_code_is_asked_for_and_no_password(
        self, panel: Panel, browser: Browser, phone: Phone
    ) -> None:
        """The password may stand in the browser that was left alone."""
        panel.let_proofs_age()
        page = browser.get("/account/confirm/?next=/hosts/")
        assert browser.post("/account/confirm/", password=PASSWORD).status_int == 403
        assert browser.send(page, code=phone.code()).headers["Location"] == "/hosts/"
        assert browser.get("/account/confirm/").status_int == 303

    def test_a_new_password_needs_one_too(
        self, panel: Panel, browser: Browser, phone: Phone
    ) -> None:
        """It is asked for before the form, so that nothing is typed in vain."""
        form = browser.get("/account/")
        panel.let_proofs_age()
        assert "/account/confirm/?next=/account/" in browser.get("/account/").text
        new = "another horse battery"
        answer = browser.send(form, current=PASSWORD, password=new, again=new)
        assert (answer.status_int, answer.html.h1.text) == (403, "Show that it is you")
        assert new not in answer.text
        browser.send(answer, code=phone.code())
        answer = browser.send(browser.get("/account/"), current=PASSWORD, password=new, again=new)
        assert answer.headers["Location"] == "/account/"


class TestRemoving:
    def test_the_password_is_enough_again(
        self, panel: Panel, browser: Browser, phone: Phone
    ) -> None:
        """After a question, and nobody stays logged in elsewhere."""
        other = panel.browser(None)
        other.send(half_way(other), code=phone.code())
        page = browser.get("/account/second-factor/remove/")
        assert browser.send(page).headers["Location"] == "/account/"
        assert "is removed" in browser.get("/account/").text
        assert other.get("/").status_int == 303
        assert panel.browser().get("/").status_int == 200
        assert browser.send(page).status_int == 404
        assert "second_factor.remove" in actions(panel)

    def test_new_recovery_codes_void_the_old_ones(
        self, panel: Panel, browser: Browser, phone: Phone
    ) -> None:
        page = browser.post("/account/second-factor/codes/")
        new = [each.text for each in page.html.select("#codes code")]
        assert not set(new) & set(phone.recovery_codes)
        other = panel.browser(None)
        asked = half_way(other)
        assert other.send(asked, recovery=phone.recovery_codes[0]).status_int == 403
        assert other.send(asked, recovery=new[0]).status_int == 303

    def test_without_one_there_are_no_codes(self, panel: Panel, browser: Browser) -> None:
        assert browser.post("/account/second-factor/codes/").status_int == 404


class TestRequired:
    """Where the installation asks it of a MasterAdmin."""

    @pytest.fixture(autouse=True)
    def _required(self, panel: Panel) -> None:
        registry = panel.wsgi.registry
        registry.deployment = replace(registry.deployment, require_second_factor=True)

    def test_a_masteradmin_without_one_can_do_nothing_else(self, panel: Panel) -> None:
        """Every page leads to setting it up; after that the panel is as it was."""
        browser = panel.browser()
        for url in ("/", "/account/", "/hosts/", "/audit/", SETTING, f"{SETTING}reset/"):
            assert browser.get(url).headers["Location"] == FACTOR
        page = browser.get(FACTOR)
        assert "asks a second factor of you" in page.text
        assert not page.html.select("nav a")
        enrol(panel, browser)
        assert browser.get("/").status_int == 200

    def test_nothing_is_changed_before(self, panel: Panel) -> None:
        """A form that is sent all the same leads there too."""
        browser = panel.browser()
        token = browser.get(FACTOR).forms[0]["csrf_token"].value
        answer = browser.post(SETTING, token, server_hostname="x.example.org", server_port="25")
        assert answer.headers["Location"] == FACTOR
        assert panel.call("GET", f"/api/v1{SETTING}").status_int == 204

    def test_others_may_come_without(self, panel: Panel) -> None:
        assert panel.browser("DomainAdmin").get("/account/").status_int == 200

    def test_one_may_log_out(self, panel: Panel) -> None:
        browser = panel.browser()
        token = browser.get(FACTOR).forms[0]["csrf_token"].value
        assert browser.post("/logout", token).headers["Location"] == "/login"

    def test_tokens_that_there_are_open_what_they_did(self, panel: Panel) -> None:
        """They were made by somebody who could, and can be revoked."""
        assert panel.call("GET", f"/api/v1{SETTING}").status_int == 204
