"""The relay changes while mail flows: no message is lost, bounced or misdirected."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from figures import FIGURES
from loopback import OTHER

SETTING = "postfix_relayhost"
# For each of the rounds.
MESSAGES, CHANGES = 10, 0.2


def value(relay) -> dict:
    ((username, password),) = relay.accounts.items()
    destination = {"server_hostname": relay.address, "server_port": relay.port}
    return destination | {"username": username, "password": password}


@pytest.mark.timeout(3600)
def test_messages_over_many_changes(make_relay, postfix, panel, wait_until, rounds) -> None:
    """Each arrives once, and neither relay is ever offered the other's account."""
    messages, changes = rounds * MESSAGES, round(rounds * CHANGES)
    relays = [
        make_relay(accounts={"first": "one"}),
        make_relay(address=OTHER, accounts={"second": "two"}),
    ]
    assert panel.set(SETTING, value(relays[1]))["status"] == "applied"
    recipients = [f"r{number}@example.net" for number in range(messages)]
    share = messages // changes
    started = time.monotonic()

    def taken() -> int:
        return sum(len(relay.messages) for relay in relays)

    with ThreadPoolExecutor(max_workers=1) as submitter:
        for change in range(changes):
            batch = recipients[change * share : (change + 1) * share]
            submitted = submitter.submit(postfix.submit_many, batch)
            before = taken()
            answer = panel.set(SETTING, value(relays[change % 2]))
            assert answer["status"] == "applied", answer
            submitted.result()
            # What was taken in this change goes on; none waits for the last.
            FIGURES["changes of the relayhost during which mail arrived"] += taken() > before
    # What is flushed before the queue manager has put it by stays there.
    wait_until(lambda: postfix.flush() or taken() >= messages, timeout=120.0)
    seconds = time.monotonic() - started
    wait_until(lambda: postfix.queue() == [])
    arrived = [each.recipients[0] for relay in relays for each in relay.messages]
    assert sorted(arrived) == sorted(recipients)
    assert "status=bounced" not in postfix.log()
    for name, relay in zip(("first", "second"), relays, strict=True):
        assert relay.messages, "both relays had a share"
        assert {login.username for login in relay.logins} == set(relay.accounts)
        assert all(login.accepted and login.tls for login in relay.logins)
        FIGURES[f"messages by the {name} relay, under its own account"] += len(relay.messages)
    FIGURES["changes of the relayhost while mail flowed"] += changes
    FIGURES["messages a second over those changes"] += round(messages / seconds)
    FIGURES["messages deferred for a while over those changes"] += postfix.log().count(
        "status=deferred"
    )
