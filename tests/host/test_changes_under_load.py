"""The relay changes while mail flows: no message is lost, bounced or misdirected."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from loopback import OTHER

SETTING = "postfix_relayhost"
CHANGES = 20
MESSAGES = 1_000


def value(relay) -> dict:
    ((username, password),) = relay.accounts.items()
    destination = {"server_hostname": relay.address, "server_port": relay.port}
    return destination | {"username": username, "password": password}


def test_a_thousand_messages_over_twenty_changes(make_relay, postfix, panel, wait_until) -> None:
    """Each arrives once, and neither relay is ever offered the other's account."""
    relays = [
        make_relay(accounts={"first": "one"}),
        make_relay(address=OTHER, accounts={"second": "two"}),
    ]
    assert panel.set(SETTING, value(relays[1]))["status"] == "applied"
    recipients = [f"r{number}@example.net" for number in range(MESSAGES)]
    share = MESSAGES // CHANGES
    with ThreadPoolExecutor(max_workers=1) as submitter:
        for change in range(CHANGES):
            batch = recipients[change * share : (change + 1) * share]
            submitted = submitter.submit(postfix.submit_many, batch)
            answer = panel.set(SETTING, value(relays[change % 2]))
            assert answer["status"] == "applied", answer
            submitted.result()

    def all_arrived() -> bool:
        return sum(len(relay.messages) for relay in relays) >= MESSAGES

    postfix.flush()
    wait_until(all_arrived, timeout=60.0)
    wait_until(lambda: postfix.queue() == [])
    arrived = [each.recipients[0] for relay in relays for each in relay.messages]
    assert sorted(arrived) == sorted(recipients)
    assert "status=bounced" not in postfix.log()
    for relay in relays:
        assert relay.messages, "both relays had a share"
        assert {login.username for login in relay.logins} == set(relay.accounts)
        assert all(login.accepted and login.tls for login in relay.logins)
