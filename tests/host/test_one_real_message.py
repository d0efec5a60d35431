"""A test may send one message, to the administrator's own address, and tells what became of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from loopback import RELAY
from odd_relay import OddRelay

ME = "me@example.org"
ACCOUNT = {"username": "noreply@example.net", "password": "pässwörd: #17"}
GIVEN = {"server_hostname": RELAY, "server_port": 587, **ACCOUNT}
RELAYHOST, MAILER = "postfix_relayhost", "system_mailer"
each_of_both = pytest.mark.parametrize("setting", [RELAYHOST, MAILER])


@pytest.fixture
def panel(panel):
    """The caller has an address."""
    panel.api("PATCH", "accounts/admin/", {"recovery_email": ME})
    return panel


def asked(panel, setting: str, given: dict[str, Any]) -> dict[str, Any]:
    answer = panel.api("POST", f"settings/{setting}/test/?message=1", given)
    assert answer.status == 200, answer.body
    assert ACCOUNT["password"] not in json.dumps(answer.body, ensure_ascii=False)
    (host,) = answer.body["test"]["hosts"]
    return host


@pytest.fixture
def odd(authority):
    """An odd relay at port 587, with the account; *replies* are what it answers."""
    started: list[OddRelay] = []

    def start(replies: dict[str, str]) -> OddRelay:
        relay = OddRelay(
            authority.issue(RELAY), address=RELAY, port=587, replies=replies, **ACCOUNT
        )
        started.append(relay.__enter__())
        return relay

    yield start
    for relay in started:
        relay.__exit__()


@each_of_both
def test_it_arrives_and_the_servers_answer_is_told(panel, make_relay, setting, postfix):
    """Through the relay Postfix sends it, from the staged tree; neither is changed."""
    before = postfix.main_cf.read_bytes()
    relay = make_relay(accounts={ACCOUNT["username"]: ACCOUNT["password"]})
    host = asked(panel, setting, GIVEN)
    assert host["ok"], host
    last = host["steps"][-1]
    assert (last["name"], last["ok"]) == ("message", True)
    assert last["says"] == f"The server has taken a message to {ME} (250 2.0.0 taken)."
    (message,) = relay.messages
    assert (message.sender, message.recipients) == (ACCOUNT["username"], (ME,))
    assert (message.username, message.tls) == (ACCOUNT["username"], "TLSv1.3")
    assert b"Subject: A test of mailpanel's" in message.content
    assert postfix.main_cf.read_bytes() == before
    assert postfix.queue() == []
    (entry,) = panel.api("GET", "audit/?action=setting.test").body["audit"]
    assert entry["detail"] == {"message_to": ME}


@each_of_both
@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ({"MAIL FROM": "553 5.7.1 not yours"}, "not take mail from the sender noreply@example.net"),
        ({"RCPT TO:<ME@": "550 5.1.1 nobody"}, f"not take mail to {ME} (550 5.1.1 nobody)"),
        ({"DATA": "554 5.7.1 spam"}, "refuses the message (554 5.7.1 spam)"),
        ({"RCPT TO:<ME@": "450 4.7.1 Greylisted"}, "does not take the message now (450 4.7.1 Grey"),
    ],
)
def test_it_is_refused(panel, odd, setting, reply, told):
    relay = odd(reply)
    host = asked(panel, setting, GIVEN)
    assert not host["ok"]
    last = host["steps"][-1]
    assert (last["name"], last["ok"]) == ("message", False)
    assert told in last["says"]
    assert relay.messages == []


def test_there_is_no_other_address(panel, make_relay):
    """Not one that is sent along, and none where the account has none."""
    answer = panel.api("POST", f"settings/{MAILER}/test/?message=you@example.org", GIVEN)
    assert answer.body["errors"] == [{"field": "message", "detail": "This must be 1, once."}]
    panel.api("PATCH", "accounts/admin/", {"recovery_email": None})
    answer = panel.api("POST", f"settings/{MAILER}/test/?message=1", GIVEN)
    assert answer.status == 422
    assert "recovery_email" in answer.body["errors"][0]["detail"]


def test_few_are_sent(panel, make_relay):
    """Three in a minute, by root's own count, whatever the database asks for."""
    relay = make_relay(accounts={ACCOUNT["username"]: ACCOUNT["password"]})
    statuses = [
        panel.api("POST", f"settings/{MAILER}/test/?message=1", GIVEN).status for _ in range(4)
    ]
    assert statuses == [200, 200, 200, 429]
    assert len(relay.messages) == 3


def test_the_command_sends_one_to_an_accounts_address(panel, make_relay):
    relay = make_relay(accounts={ACCOUNT["username"]: ACCOUNT["password"]})
    given = ("setting", "test", MAILER, "--json", "-", "--message", "admin")
    said = panel.command(*given, stdin=json.dumps(GIVEN))
    assert "message    ok" in said
    assert [message.recipients for message in relay.messages] == [(ME,)]
