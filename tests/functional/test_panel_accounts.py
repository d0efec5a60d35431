"""The accounts in the panel: who may come in, and how far."""

from __future__ import annotations

import pytest
from panel import ACCOUNTS_URL, PASSWORD, Panel
from typing_in import form_of
from webtest import TestResponse

NEW = "another horse battery"


def accounts(panel: Panel) -> dict[str, dict[str, object]]:
    listed = panel.call("GET", ACCOUNTS_URL).json["accounts"]
    return {each["username"]: each for each in listed}


def password_form(page: TestResponse) -> dict[str, str]:
    (form,) = (form for form in page.forms.values() if form.action.endswith("/password/"))
    return dict(form.submit_fields())


class TestList:
    def test_the_least_level_is_chosen_for_a_new_one(self, panel: Panel) -> None:
        """Whoever wants an administrator says so."""
        form = next(
            each
            for each in panel.browser().get("/accounts/").forms.values()
            if "perm_level" in each.fields
        )
        assert form["perm_level"].value == "MailUser"

    def test_each_account_is_told_with_what_it_may_do(self, panel: Panel) -> None:
        """And leads to its page; the navigation leads to all."""
        panel.call("PATCH", f"{ACCOUNTS_URL}MailUser/", {"enabled": False, "api_access": False})
        page = panel.browser().get("/accounts/")
        items = [each.get_text(" ", strip=True) for each in page.html.select("main .hosts > li")]
        assert len(items) == 3
        (told,) = (each for each in items if each.startswith("MailUser"))
        for part in ("disabled", "logs in by password", "no API access"):
            assert part in told
        assert page.html.select('main a[href="/accounts/MailUser/"]')
        assert page.html.select('nav a[href="/accounts/"][aria-current=page]')

    def test_who_may_not_is_not_led_there(self, panel: Panel) -> None:
        """They have tokens and an account of their own."""
        page = panel.browser("MailUser").get("/account/")
        links = [each["href"] for each in page.html.select("nav a")]
        assert links == ["/account/", "/tokens/"]


class TestAdding:
    def test_a_new_account_can_come_in(self, panel: Panel) -> None:
        """With what was typed for it; its page says that it is there."""
        browser = panel.browser()
        typed = {
            "username": "alice",
            "perm_level": "DomainAdmin",
            "password": NEW,
            "recovery_email": "alice@example.org",
            "language": "",
        }
        answer = browser.send(browser.get("/accounts/"), **typed)
        assert (answer.status_int, answer.headers["Location"]) == (303, "/accounts/alice/")
        assert "alice is added." in browser.get("/accounts/alice/").text
        alice = accounts(panel)["alice"]
        assert alice["perm_level"] == "DomainAdmin"
        assert (alice["recovery_email"], alice["language"]) == ("alice@example.org", None)
        assert alice["enabled"]
        assert panel.browser(None).log_in("alice", NEW).status_int == 303

    def test_one_without_a_password_has_no_log_in(self, panel: Panel) -> None:
        browser = panel.browser()
        browser.send(browser.get("/accounts/"), username="bot")
        assert accounts(panel)["bot"]["has_password"] is False
        assert "cannot log in here" in browser.get("/accounts/bot/").text

    @pytest.mark.parametrize(
        ("field", "text"),
        [
            ("username", ""),
            ("username", "a b"),
            ("password", "too short"),
            ("password", "password1234"),
            ("recovery_email", "nowhere"),
        ],
    )
    def test_what_is_wrong_stands_beside_its_field(
        self, panel: Panel, field: str, text: str
    ) -> None:
        """What was typed stays, but for the password, which is asked for once more."""
        browser = panel.browser()
        typed = {"username": "alice", "password": NEW, "recovery_email": "a@example.org"}
        answer = browser.send(browser.get("/accounts/"), **{**typed, field: text})
        assert answer.status_int == 422
        assert [each["name"] for each in answer.html.select("[aria-invalid=true]")] == [field]
        assert form_of(answer)["password"].attrs["placeholder"] == "type it once more"
        assert NEW not in answer.text
        assert "alice" not in accounts(panel)
        # Left blank it would be an account without a password, which was not meant.
        again = browser.send(answer, **{**typed, "password": ""})
        assert again.status_int == 422
        assert [each["name"] for each in again.html.select("[aria-invalid=true]")] == ["password"]

    def test_a_name_that_is_taken_is_told_beside_it(self, panel: Panel) -> None:
        browser = panel.browser()
        answer = browser.send(browser.get("/accounts/"), username="MailUser")
        assert answer.status_int == 409
        (wrong,) = answer.html.select("[aria-invalid=true]")
        assert wrong["name"] == "username"
        assert "account of that name already" in answer.text


class TestChanging:
    def test_what_is_changed_counts_and_the_rest_stays(self, panel: Panel) -> None:
        """Nobody is logged out for a language."""
        browser, other = panel.browser(), panel.browser("MailUser")
        page = browser.get("/accounts/MailUser/")
        answer = browser.send(page, language="de", api_access=False)
        assert (answer.status_int, answer.headers["Location"]) == (303, "/accounts/MailUser/")
        user = accounts(panel)["MailUser"]
        assert (user["language"], user["api_access"]) == ("de", False)
        assert (user["enabled"], user["perm_level"]) == (True, "MailUser")
        assert other.get("/account/").status_int == 200

    def test_a_disabled_account_is_out_at_once(self, panel: Panel) -> None:
        browser, other = panel.browser(), panel.browser("MailUser")
        browser.send(browser.get("/accounts/MailUser/"), enabled=False)
        assert other.get("/account/").status_int == 303
        assert panel.call("GET", "/api/v1/tokens/", caller="MailUser").status_int == 401

    def test_a_page_that_is_too_old_changes_nothing(self, panel: Panel) -> None:
        """Else it would enable again what somebody has disabled; sent once more it counts."""
        browser = panel.browser()
        page = browser.get("/accounts/MailUser/")
        panel.call("PATCH", f"{ACCOUNTS_URL}MailUser/", {"enabled": False})
        answer = browser.send(page, recovery_email="m@example.org")
        assert answer.status_int == 412
        assert "changed this account meanwhile" in answer.text
        assert form_of(answer)["recovery_email"].value == "m@example.org"
        assert accounts(panel)["MailUser"]["enabled"] is False
        assert browser.send(answer, enabled=False).status_int == 303
        user = accounts(panel)["MailUser"]
        assert (user["recovery_email"], user["enabled"]) == ("m@example.org", False)

    def test_the_last_master_admin_is_not_locked_out(self, panel: Panel) -> None:
        """It is said in words, above the form."""
        browser = panel.browser()
        page = browser.get("/accounts/MasterAdmin/")
        for change in ({"enabled": False}, {"perm_level": "MailUser"}):
            answer = browser.send(page, **change)
            assert answer.status_int == 409
            assert "last enabled MasterAdmin" in answer.html.select("[role=alert]")[0].get_text()
        assert accounts(panel)["MasterAdmin"]["enabled"]

    @pytest.mark.parametrize("missing", ["perm_level", "recovery_email", "language"])
    def test_half_a_form_changes_nothing(self, panel: Panel, missing: str) -> None:
        """It has no ticks either, and would disable the account."""
        browser = panel.browser()
        form = form_of(browser.get("/accounts/MailUser/"))
        fields = {name: text for name, text in form.submit_fields() if name != missing}
        answer = browser.post("/accounts/MailUser/", fields.pop("csrf_token"), **fields)
        assert answer.status_int == 422
        assert accounts(panel)["MailUser"]["enabled"]


class TestPassword:
    def test_a_new_one_logs_out_everywhere(self, panel: Panel) -> None:
        browser, other = panel.browser(), panel.browser("MailUser")
        fields = password_form(browser.get("/accounts/MailUser/")) | {"password": NEW}
        url = "/accounts/MailUser/password/"
        answer = browser.post(url, fields.pop("csrf_token"), **fields)
        assert (answer.status_int, answer.headers["Location"]) == (303, "/accounts/MailUser/")
        assert other.get("/account/").status_int == 303
        assert panel.browser(None).log_in("MailUser", PASSWORD).status_int == 403
        assert panel.browser(None).log_in("MailUser", NEW).status_int == 303

    @pytest.mark.parametrize("text", ["", "short", "password1234"])
    def test_a_wrong_one_is_told_beside_its_field(self, panel: Panel, text: str) -> None:
        browser = panel.browser()
        answer = browser.post("/accounts/MailUser/password/", password=text)
        assert answer.status_int == 422
        (wrong,) = answer.html.select("[aria-invalid=true]")
        assert wrong["name"] == "password"
        assert panel.browser("MailUser").get("/account/").status_int == 200

    def test_ones_own_needs_the_present_one(self, panel: Panel) -> None:
        """Under My account; here there is no field for it."""
        browser = panel.browser()
        assert not browser.get("/accounts/MasterAdmin/").html.select("input[type=password]")
        answer = browser.post("/accounts/MasterAdmin/password/", password=NEW)
        assert answer.headers["Location"] == "/account/"
        assert panel.browser(None).log_in("MasterAdmin", PASSWORD).status_int == 303


class TestRemoving:
    def test_the_question_says_what_will_be_true_and_then_it_is(self, panel: Panel) -> None:
        browser, other = panel.browser(), panel.browser("MailUser")
        link = browser.get("/accounts/MailUser/").html.select("a[href$='/remove/']")[0]["href"]
        question = browser.get(link)
        text = question.html.select("main")[0].get_text(" ", strip=True)
        assert "Its token opens nothing any more" in text
        assert "MailUser" in accounts(panel)
        answer = browser.send(question)
        assert (answer.status_int, answer.headers["Location"]) == (303, "/accounts/")
        assert "MailUser is removed." in browser.get("/accounts/").text
        assert "MailUser" not in accounts(panel)
        assert other.get("/account/").status_int == 303

    def test_the_last_master_admin_stays(self, panel: Panel) -> None:
        browser = panel.browser()
        answer = browser.send(browser.get("/accounts/MasterAdmin/remove/"))
        assert answer.status_int == 409
        assert "last enabled MasterAdmin" in answer.html.select("[role=alert]")[0].get_text()
        assert "you are logged out at once" in answer.text
        assert "MasterAdmin" in accounts(panel)

    def test_one_of_two_may_remove_themselves(self, panel: Panel) -> None:
        """They are out then."""
        panel.call("PATCH", f"{ACCOUNTS_URL}MailUser/", {"perm_level": "MasterAdmin"})
        browser = panel.browser("MailUser")
        answer = browser.send(browser.get("/accounts/MailUser/remove/"))
        assert answer.status_int == 303
        assert browser.get("/accounts/").headers["Location"].startswith("/login")


@pytest.mark.parametrize("name", ["nobody", "a%00b", "%F0%9F%98%80"])
def test_an_unknown_account_is_404(panel: Panel, name: str) -> None:
    browser = panel.browser()
    for page in ("", "remove/"):
        assert browser.get(f"/accounts/{name}/{page}").status_int == 404
