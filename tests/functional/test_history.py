"""The history of a setting through the API, and its revisions brought back."""

from __future__ import annotations

import pytest
from panel import INTERVAL, MASTER, RELAYHOST, Panel

RELAY = {
    "server_hostname": "relay.example.org",
    "server_port": 587,
    "username": "someone",
    "password": "xyzzy-plugh-17",
}
VALUE = {name: each for name, each in RELAY.items() if name != "password"}
DAYS = {"junk_days": 7, "trash_days": 14}


def restore(panel: Panel, url: str, revision: int | str, query: str = "", **more):
    """Return the answer to bringing *revision* back."""
    return panel.call("POST", f"{url}history/{revision}/restore/{query}", **more)


def test_it_tells_who_changed_what_from_where(panel: Panel) -> None:
    """The newest first; of the password no more than what became of it."""
    panel.set(RELAY)
    panel.set({**RELAY, "server_port": 465})
    answer = panel.call("GET", f"{RELAYHOST}history/")
    assert "xyzzy" not in answer.text
    assert answer.json["next"] is None
    newest, first = answer.json["history"]
    assert newest["changes"] == [{"field": "server_port", "before": 587, "after": 465}]
    assert (first["author"], first["address"], first["token_id"]) == ("MasterAdmin", "192.0.2.1", 3)
    assert (first["value"], first["secret"], first["reset"]) == (VALUE, "changed", False)


def test_each_page_leads_to_the_next(panel: Panel) -> None:
    """By a path that keeps what else was asked for, and names no host."""
    for days in range(1, 6):
        panel.set({**DAYS, "junk_days": days}, INTERVAL)
    url, seen = f"{INTERVAL}history/?limit=2", []
    while url:
        answer = panel.call("GET", url).json
        seen += [entry["revision"] for entry in answer["history"]]
        url = answer["next"]
    assert seen == [5, 4, 3, 2, 1]
    answer = panel.call("GET", f"{INTERVAL}history/?before=3&limit=1").json
    assert answer["next"] == f"{INTERVAL}history/?before=2&limit=1"


def test_a_revision_is_brought_back_as_a_new_one(panel: Panel) -> None:
    """With its password, and as if it had been set."""
    panel.set(RELAY)
    (sealed,) = [each.sealed for each in panel.hosts.desired()]
    panel.set({"server_hostname": "other.example.org", "server_port": 25})
    answer = restore(panel, RELAYHOST, 1)
    state = {"name": "postfix_relayhost", "status": "applying", "value": VALUE}
    assert (answer.status_int, answer.json) == (200, {"settings": state})
    assert answer.headers["ETag"] == '"3"'
    assert [each.sealed for each in panel.hosts.desired()] == [sealed]


def test_a_reset_is_brought_back_as_one(panel: Panel) -> None:
    """It answers as DELETE does, once it is done too."""
    panel.set(DAYS, INTERVAL)
    panel.call("DELETE", INTERVAL)
    panel.set(DAYS, INTERVAL)
    answer = restore(panel, INTERVAL, 2)
    deleting = {"name": "junk_trash_clearing_interval", "status": "deleting"}
    assert (answer.status_int, answer.json) == (200, {"settings": deleting})
    assert "ETag" not in answer.headers
    panel.report("junk_trash_clearing_interval", 4)
    assert restore(panel, INTERVAL, 2).status_int == 204


def test_it_waits_where_that_is_preferred(panel: Panel) -> None:
    """Until it is applied, or has failed."""
    panel.set(DAYS, INTERVAL)
    panel.report("junk_trash_clearing_interval", 2, "applied", highest_revision=1)
    answer = restore(panel, INTERVAL, 1, headers={"Prefer": "wait=30"})
    assert answer.headers["Preference-Applied"] == "wait=30"
    assert answer.json["settings"]["status"] == "applied"


def test_the_probe_can_be_turned_off(panel: Panel) -> None:
    """For that one revision, and the history says so."""
    panel.set(RELAY)
    restore(panel, RELAYHOST, 1, "?probe=no")
    assert panel.hosts.desired()[0].probe is False
    newest, first = panel.call("GET", f"{RELAYHOST}history/").json["history"]
    assert (newest["probe"], first["probe"]) == (False, True)


@pytest.mark.parametrize("revision", ["2", "0", "x", "-1", "1.0", "9999999999", "%00", "%D9%A1"])
def test_no_such_revision_is_404(panel: Panel, revision: str) -> None:
    """Whatever stands there."""
    panel.set(DAYS, INTERVAL)
    assert restore(panel, INTERVAL, revision).status_int == 404


def test_the_master_password_is_409(panel: Panel) -> None:
    """Nobody knows the old one, so a new one is what there is to have."""
    panel.set({}, MASTER)
    answer = restore(panel, MASTER, 1)
    assert answer.status_int == 409
    assert "have a new one made" in answer.json["detail"]
    assert panel.call("GET", MASTER).headers["ETag"] == '"1"'


def test_a_password_that_is_no_longer_kept_is_422(panel: Panel) -> None:
    """With the field that has to be typed."""
    for _ in range(11):
        panel.set(RELAY)
    answer = restore(panel, RELAYHOST, 1)
    assert answer.status_int == 422
    assert [error["field"] for error in answer.json["errors"]] == ["password"]
    assert restore(panel, RELAYHOST, 2).status_int == 200


def test_another_revision_than_the_client_has_seen_is_412(panel: Panel) -> None:
    """As with every change of a setting."""
    panel.set(DAYS, INTERVAL)
    assert restore(panel, INTERVAL, 1, headers={"If-Match": '"2"'}).status_int == 412
    assert restore(panel, INTERVAL, 1, headers={"If-Match": '"1"'}).status_int == 200


@pytest.mark.parametrize(
    ("query", "body", "fields"),
    [
        ("?probe=perhaps", b"", ["probe"]),
        ("?dry_run=1", b"", ["dry_run"]),
        ("", {"password": "xyzzy"}, ["password"]),
    ],
)
def test_what_a_restore_does_not_know_is_422(
    panel: Panel, query: str, body: object, fields: list[str]
) -> None:
    """A dry run above all, which would be none."""
    panel.set(DAYS, INTERVAL)
    answer = restore(panel, INTERVAL, 1, query, body=body)
    assert answer.status_int == 422
    assert [error["field"] for error in answer.json["errors"]] == fields
    assert panel.call("GET", INTERVAL).headers["ETag"] == '"1"'


def test_a_token_for_the_setting_is_enough(panel: Panel) -> None:
    """And for another one too little."""
    mailer = "/api/v1/settings/system_mailer/"
    panel.set(RELAY, mailer)
    assert panel.call("GET", f"{mailer}history/", caller="other-setting").status_int == 200
    assert restore(panel, mailer, 1, caller="other-setting").status_int == 200
    assert restore(panel, RELAYHOST, 1, caller="other-setting").status_int == 403
