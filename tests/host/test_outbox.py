"""mailpanel's own mails arrive through the system mailer, without Postfix, or it is told why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from loopback import OTHER, RELAY, THIRD

ROOT = "root@example.org"
ACCOUNT = {"username": "noreply@example.net", "password": "pässwörd: #17"}
ACCOUNTS = {ACCOUNT["username"]: ACCOUNT["password"]}
RELAYHOST, MAILER = "postfix_relayhost", "system_mailer"


def at(address: str) -> dict[str, Any]:
    return {"server_hostname": address, "server_port": 587, **ACCOUNT}


@pytest.fixture
def panel(postfix, make_panel):
    return make_panel(postfix, options={"mailpanel.alert_address": ROOT})


def test_alerts_arrive_while_postfix_is_stopped(panel, postfix, make_relay, wait_until):
    """Before the mailer is set they stand in the log alone, which says so."""
    first, second = (make_relay(address=each, accounts=ACCOUNTS) for each in (OTHER, THIRD))
    assert panel.set(MAILER, at(OTHER))["status"] == "applied"
    assert "not mailed, no system mailer is live on this host" in panel.log("apply")
    postfix.stop()
    assert panel.set(MAILER, at(THIRD))["status"] == "applied"
    # By the account before: whoever changed it may not want it to arrive.
    (message,) = first.wait_for(1)
    assert (message.recipients, message.username) == ((ROOT,), ACCOUNT["username"])
    assert message.tls == "TLSv1.3"
    assert b"Subject: mail.test: system_mailer has changed" in message.content
    assert b"Auto-Submitted: auto-generated" in message.content
    assert second.messages == []
    wait_until(lambda: "mailed: mail.test: system_mailer has changed" in panel.log("apply"))
    panel.stop_service("apply")
    panel.start_service("apply", "apply")
    wait_until(lambda: panel.log("apply").count("at work") == 2)
    assert len(first.messages) == 1


def test_what_cannot_be_sent_is_told_where_an_administrator_looks(panel, make_relay, wait_until):
    """In the status, on the host itself and on the overview; it waits, over a restart too."""
    make_relay(accounts=ACCOUNTS)
    mailer = make_relay(address=OTHER, accounts=ACCOUNTS)
    assert panel.set(MAILER, at(OTHER))["status"] == "applied"
    mailer.stop()
    assert panel.set(RELAYHOST, at(RELAY))["status"] == "applied"

    def told() -> str:
        (host,) = panel.api("GET", f"settings/{MAILER}/status/").body["status"]["hosts"]
        return host.get("undelivered", "")

    wait_until(lambda: "1 system mail could not be sent" in told())
    assert "connection is refused" in told()
    states = {each["setting"]: each for each in json.loads(panel.command("status", "--json"))}
    assert states[MAILER]["undelivered"] == told()
    panel.stop_service("apply")
    kept = next(panel.directory.rglob("outbox.json")).read_text()
    assert "postfix_relayhost has changed" in kept
    assert ACCOUNT["password"] not in json.loads(json.dumps(kept))
