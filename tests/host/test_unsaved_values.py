"""Values that are not saved are tried on the real host, step by step, and change nothing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from loopback import NOBODY, RELAY
from standing import contents
from test_clearing_interval import tree

from mailpanel.playground.installation import Installation
from mailpanel.playground.postfix import PrivatePostfix

RELAYHOST = "postfix_relayhost"
ACCOUNT = {"username": "relay-user", "password": "xyzzy-plugh: #17"}


def value(**more: Any) -> dict[str, Any]:
    return {"server_hostname": RELAY, "server_port": 587, **ACCOUNT, **more}


def tried(panel: Installation, setting: str, given: Any) -> dict[str, Any]:
    """Return what the one host answers to a test."""
    answer = panel.api("POST", f"settings/{setting}/test/", given)
    assert answer.status == 200, answer.body
    assert answer.body["test"]["done"]
    (host,) = answer.body["test"]["hosts"]
    assert ACCOUNT["password"] not in json.dumps(answer.body)
    return host


def steps(host: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(step["name"], step["ok"]) for step in host["steps"]]


@pytest.fixture
def untouched(panel: Installation, postfix: PrivatePostfix):
    """Nothing is saved, changed or left in the stage, whatever was tried."""
    before = postfix.main_cf.read_bytes(), postfix.master_cf.read_bytes()
    yield
    assert (postfix.main_cf.read_bytes(), postfix.master_cf.read_bytes()) == before
    assert panel.api("GET", f"settings/{RELAYHOST}/").status == 204
    for path, content in contents(panel.directory).items():
        assert ACCOUNT["password"].encode() not in content, path


@pytest.mark.usefixtures("untouched")
def test_a_relay_that_works(panel, make_relay):
    relay = make_relay(accounts={ACCOUNT["username"]: ACCOUNT["password"]})
    host = tried(panel, RELAYHOST, value())
    assert host["ok"], host
    names = ["read", "check", "resolve", "connect", "greeting", "tls", "auth", "postfix"]
    assert steps(host) == [(name, True) for name in names]
    says = {step["name"]: step["says"] for step in host["steps"]}
    assert RELAY in says["tls"]
    assert "valid until" in says["tls"]
    assert relay.messages == []
    diffs = {diff["path"].rpartition("/")[2]: diff["diff"] for diff in host["diffs"]}
    assert f"+relayhost = [{RELAY}]:587" in diffs["main.cf"]
    assert "********" in diffs["sasl"]


@pytest.mark.usefixtures("untouched")
def test_a_refused_password_fails_at_its_step(panel, make_relay):
    make_relay(accounts={ACCOUNT["username"]: "another"})
    host = tried(panel, RELAYHOST, value())
    assert not host["ok"]
    assert steps(host)[-1] == ("auth", False)
    assert "refuses the password" in host["error"]
    assert host["steps"][-1]["says"] == host["error"]
    assert any("+relayhost" in diff["diff"] for diff in host["diffs"])


@pytest.mark.usefixtures("untouched")
def test_nobody_listens(panel):
    host = tried(panel, RELAYHOST, value(server_hostname=NOBODY))
    assert steps(host)[-2:] == [("connect", False), ("postfix", False)]
    assert host["error"] == host["steps"][-2]["says"]


def test_a_dry_run_shows_the_difference_and_tries_nothing(panel, postfix):
    """Of a change, and of the reset that would follow."""
    before = postfix.main_cf.read_bytes()
    answer = panel.api("POST", f"settings/{RELAYHOST}/?dry_run=1", value(server_hostname=NOBODY))
    (host,) = answer.body["dry_run"]["hosts"]
    assert host["ok"]
    assert [step["name"] for step in host["steps"]] == ["read", "check"]
    assert any("+relayhost" in diff["diff"] for diff in host["diffs"])
    assert postfix.main_cf.read_bytes() == before
    panel.api("POST", f"settings/{RELAYHOST}/?probe=no", value(), {"Prefer": "wait=30"})
    (host,) = panel.api("DELETE", f"settings/{RELAYHOST}/?dry_run=1").body["dry_run"]["hosts"]
    assert any(f"-relayhost = [{RELAY}]:587" in diff["diff"] for diff in host["diffs"])
    assert panel.api("GET", f"settings/{RELAYHOST}/").body["settings"]["status"] == "applied"


def test_a_kept_password_is_tried_too(panel, make_relay):
    make_relay(accounts={ACCOUNT["username"]: ACCOUNT["password"]})
    assert panel.set(RELAYHOST, value())["status"] == "applied"
    kept = {name: each for name, each in value().items() if name != "password"}
    host = tried(panel, RELAYHOST, kept)
    assert host["ok"], host
    assert host["diffs"] == []


def test_dovecots_and_msmtps(whole_panel, dovecot, make_relay):
    make_relay(accounts={ACCOUNT["username"]: ACCOUNT["password"]})
    before = tree(dovecot)
    host = tried(whole_panel, "junk_trash_clearing_interval", {"junk_days": 7, "trash_days": None})
    assert host["ok"], host
    assert "+    autoexpunge = 7d" in host["diffs"][0]["diff"]
    host = tried(whole_panel, "imap_master_password", {})
    assert host["ok"], host
    assert "argon2" not in json.dumps(host)
    host = tried(whole_panel, "system_mailer", value())
    assert host["ok"], host
    assert "+password ********" in host["diffs"][0]["diff"]
    assert tree(dovecot) == before


def test_too_many_are_refused(panel):
    """Whoever asks for more guesses passwords, or scans."""
    given = value(server_hostname=NOBODY)

    def ask(_: int) -> int:
        return panel.api("POST", f"settings/{RELAYHOST}/test/", given).status

    # All within the minute that is counted, however slow the machine is.
    with ThreadPoolExecutor(25) as executor:
        assert 429 in list(executor.map(ask, range(25)))


def test_the_command_tells_it_step_by_step(panel, make_relay):
    make_relay(accounts={ACCOUNT["username"]: ACCOUNT["password"]})
    given = ("setting", "test", RELAYHOST, "--json", "-")
    said = panel.command(*given, stdin=json.dumps(value()))
    assert "auth       ok" in said
    assert f"+relayhost = [{RELAY}]:587" in said
    assert ACCOUNT["password"] not in said
    said = panel.command(
        "setting", "set", RELAYHOST, "--dry-run", "--json", "-", stdin=json.dumps(value())
    )
    assert f"+relayhost = [{RELAY}]:587" in said
    assert "auth  " not in said
    assert "Nothing would change" in panel.command("setting", "reset", RELAYHOST, "--dry-run")
