"""What is refused stands in the audit log, and nothing of what was presented does."""

from __future__ import annotations

from typing import Any

import pytest
from panel import ACCOUNTS_URL, ADDRESS, AUDIT_URL, INTERVAL, RELAYHOST, SETTINGS_URL, Panel

from mailpanel.services.errands import MOST
from mailpanel.services.refusals import AN_HOUR

BAD = {"Authorization": "Bearer mp_my-secret-passphrase"}


def refused(panel: Panel, action: str) -> list[dict[str, Any]]:
    """Return the entries of *action*, without their times and numbers."""
    told = panel.call("GET", f"{AUDIT_URL}?action={action}").json["audit"]
    return [{name: each[name] for name in ("author", "address", "detail")} for each in told]


def test_a_bad_token_is_noted(panel: Panel) -> None:
    """With where from; whoever sends none is not worth a line."""
    assert panel.call("GET", RELAYHOST, headers=BAD).status_int == 401
    assert panel.call("GET", RELAYHOST, caller="nobody").status_int == 401
    assert refused(panel, "token.refused") == [{"author": "", "address": ADDRESS, "detail": {}}]


@pytest.mark.parametrize(
    ("caller", "method", "url", "route"),
    [
        ("MailUser", "GET", SETTINGS_URL, "settings"),
        ("DomainAdmin", "POST", ACCOUNTS_URL, "accounts"),
        ("read-only", "DELETE", RELAYHOST, "setting"),
    ],
)
def test_whoever_may_not_is_noted(
    panel: Panel, caller: str, method: str, url: str, route: str
) -> None:
    """By name, with what was asked for."""
    assert panel.call(method, url, {} if method == "POST" else b"", caller).status_int == 403
    (entry,) = refused(panel, "request.refused")
    assert entry["author"] == {"read-only": "MasterAdmin"}.get(caller, caller)
    assert entry["detail"] == {"method": method, "route": route}


def test_so_is_whoever_looks_at_pages_that_are_not_theirs(panel: Panel) -> None:
    """The log shows it in words."""
    assert panel.browser("MailUser").get("/hosts/").status_int == 403
    (entry,) = refused(panel, "request.refused")
    assert (entry["author"], entry["detail"]["route"]) == ("MailUser", "panel.hosts")
    assert "was refused" in panel.browser().get("/audit/").text


def test_without_the_database_there_is_one_answer(panel: Panel) -> None:
    """That nothing can be noted is no fault of its own."""
    panel.lose_database()
    assert panel.call("GET", RELAYHOST, headers=BAD).status_int == 503


class TestForged:
    def test_a_form_of_another_site_is_noted_with_whose_browser_sent_it(self, panel: Panel) -> None:
        browser = panel.browser()
        body = f"csrf_token={browser.token()}".encode()
        for headers in ({"Sec_Fetch_Site": "cross-site"}, {"Origin": "https://evil.example"}):
            assert browser.raw("/hosts/x/forget/", body, **headers).status_int == 403
        assert panel.browser(None).raw("/login", b"", Sec_Fetch_Site="cross-site").status_int == 403
        noted = refused(panel, "request.forged")
        assert [each["author"] for each in noted] == ["", "MasterAdmin", "MasterAdmin"]
        assert noted[1]["detail"] == {"check": "origin", "method": "POST", "route": "panel.forget"}
        assert "none of the panel's" in browser.get("/audit/").text

    def test_a_wrong_token_is_noted_where_somebody_is_logged_in(self, panel: Panel) -> None:
        """A stranger's form without one is an old page, and can change nothing."""
        panel.browser().post("/hosts/x/forget/", "wrong")
        panel.browser(None).post("/login", "wrong", username="a", password="b")
        (entry,) = refused(panel, "request.forged")
        assert (entry["author"], entry["detail"]["check"]) == ("MasterAdmin", "token")

    @pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
    def test_they_hide_nothing_else_that_is_refused(self, panel: Panel) -> None:
        """Another site can have a browser send as many as it likes."""
        browser = panel.browser("MailUser")
        for _ in range(AN_HOUR + 3):
            browser.raw("/hosts/x/forget/", b"", Sec_Fetch_Site="cross-site")
        browser.get("/hosts/")
        assert len(refused(panel, "request.forged")) == AN_HOUR
        assert len(refused(panel, "request.refused")) == 1


class TestThrottled:
    def test_who_guessed_too_often_is_noted_by_network(self, panel: Panel) -> None:
        """Of tokens and of passwords, with what was asked for, and never with what was sent."""
        panel.throttle()
        assert panel.call("GET", RELAYHOST, headers=BAD).status_int == 429
        (entry,) = refused(panel, "request.throttled")
        assert entry == {
            "author": "",
            "address": ADDRESS,
            "detail": {"method": "GET", "route": "setting"},
        }

    def test_who_asks_the_hosts_too_often_is_noted_by_name(self, panel: Panel) -> None:
        panel.hosts.checked_in("mail1", {})
        url, days = f"{INTERVAL}test/", {"junk_days": 7, "trash_days": 14}
        statuses = [panel.call("POST", url, days).status_int for _ in range(MOST + 1)]
        assert statuses == [200] * MOST + [429]
        (entry,) = refused(panel, "request.throttled")
        assert (entry["author"], entry["detail"]["route"]) == ("MasterAdmin", "setting.test")
