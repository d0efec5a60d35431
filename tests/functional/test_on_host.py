"""What is asked of one mail host, where the host or the database goes away meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from panel import AUDIT_URL, RELAYHOST, Panel

from mailpanel.errors import DatabaseAway
from mailpanel.services.errands import Errands

HOST = "/api/v1/hosts/mail1/"
SETTING_PAGE = "/settings/postfix_relayhost/"
BODY = {"setting": "postfix_relayhost"}
ASKED = {"put-back": BODY, "adopt": BODY, "flush": {}}
CHANGING = ("put-back", "flush")

each_asked = pytest.mark.parametrize("what", ASKED)


def forgetting(panel: Panel) -> Any:
    """Return a wait in which the host is forgotten."""
    follow = Errands.follow

    def forgotten(self: Errands, ticket: str, seconds: float) -> Iterator[Any]:
        panel.hosts.drop("mail1")
        yield from follow(self, ticket, seconds)

    return forgotten


def breaking(*_args: Any) -> Any:
    """Stand in for a wait in which the database goes away."""
    raise DatabaseAway("The database cannot be reached; try again.")


@each_asked
def test_a_host_that_is_forgotten_meanwhile_is_not_there(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """404, as the next call would answer; by API and panel."""
    monkeypatch.setattr(Errands, "follow", forgetting(panel))
    panel.hosts.checked_in("mail1", {})
    assert panel.call("POST", f"{HOST}{what}/", ASKED[what]).status_int == 404
    browser = panel.browser()
    panel.hosts.checked_in("mail1", {})
    assert browser.post(f"{SETTING_PAGE}{what}/", host="mail1").status_int == 404


@each_asked
def test_when_the_database_goes_away_nobody_is_told_that_nothing_was_changed(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The host was asked already, and does it; but to adopt takes another look at its answer."""
    monkeypatch.setattr(Errands, "follow", breaking)
    panel.hosts.checked_in("mail1", {})
    by_api = panel.call("POST", f"{HOST}{what}/", ASKED[what])
    by_panel = panel.browser().post(f"{SETTING_PAGE}{what}/", host="mail1")
    for answer in (by_api, by_panel):
        assert answer.status_int == 503
        assert ("Nothing was changed." in answer.text) == (what not in CHANGING)
        assert ("may have been" in answer.text) == (what in CHANGING)


@pytest.mark.parametrize("host", ["other", "nul\0", "\udcff", "x" * 300])
@pytest.mark.parametrize("what", ASKED)
def test_no_such_host_is_asked(panel: Panel, what: str, host: str) -> None:
    """Whatever the form names, no database fails on it; and nothing is noted as asked."""
    if host != "\udcff":  # what is not UTF-8 is refused before
        answer = panel.browser().post(f"{SETTING_PAGE}{what}/", host=host)
        assert answer.status_int == 404
    action = f"setting.{what.replace('-', '_')}"
    assert panel.call("GET", f"{AUDIT_URL}?action={action}").json["audit"] == []


def test_a_restore_asks_for_the_condition_before_it_looks_at_the_body(panel: Panel) -> None:
    """As every change does: 412, then 422."""
    panel.set({"server_hostname": "relay.test", "server_port": 25})
    url, headers = f"{RELAYHOST}history/1/restore/", {"If-Match": '"7"'}
    assert panel.call("POST", url, {"x": 1}, headers=headers).status_int == 412
    answer = panel.call("POST", url, {"x": 1}, headers={"If-Match": '"1"'})
    assert (answer.status_int, answer.json["errors"][0]["field"]) == (422, "x")
