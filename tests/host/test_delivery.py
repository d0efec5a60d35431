"""A message handed to Postfix arrives at the relay under the account just set."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from loopback import OTHER, RELAY, THIRD

SETTING = "postfix_relayhost"


@dataclass(frozen=True)
class Way:
    """How Postfix gets to the relay: by which name, port and kind of TLS."""

    hostname: str
    address: str
    port: int
    implicit_tls: bool = False
    security: str | None = None

    def value(self, port: int, username: str, password: str) -> dict:
        value = {"server_hostname": self.hostname, "server_port": port}
        value |= {"username": username, "password": password}
        return value | ({"security": self.security} if self.security else {})


WAYS = {
    "name-starttls": Way("localhost", "127.0.0.1", 0),
    "name-tls": Way("localhost", "127.0.0.1", 0, implicit_tls=True, security="tls"),
    "address-587": Way(RELAY, RELAY, 587),
    "address-465": Way(RELAY, RELAY, 465, implicit_tls=True),
    "address-465-starttls": Way(RELAY, RELAY, 465, security="starttls"),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_account_just_set_is_used(way: Way, make_relay, postfix, panel) -> None:
    """Over verified TLS, with SNI for a name; and after a change under the new account."""
    accounts = {"first": "one", "second": "two"}
    relay = make_relay(
        way.hostname,
        address=way.address,
        port=way.port,
        implicit_tls=way.implicit_tls,
        accounts=accounts,
    )
    for count, (username, password) in enumerate(accounts.items(), start=1):
        answer = panel.set(SETTING, way.value(relay.port, username, password))
        assert answer["status"] == "applied", answer

        postfix.submit("friend@example.net")
        message = relay.wait_for(count)[-1]

        assert message.username == username
        assert message.recipients == ("friend@example.net",)
        assert message.tls in ("TLSv1.2", "TLSv1.3")
        assert message.server_name == (None if way.hostname == way.address else way.hostname)
    assert all(login.accepted and login.tls for login in relay.logins)


def test_a_move_to_another_relay_and_kind_of_tls(make_relay, postfix, panel) -> None:
    """From 587 to 465 and back to 587, each time the mail goes where it was told to."""
    relays = [
        make_relay(accounts={"a": "one"}),
        make_relay(address=OTHER, port=465, implicit_tls=True, accounts={"b": "two"}),
        make_relay(address=THIRD, accounts={"c": "three"}),
    ]
    for relay in relays:
        ((username, password),) = relay.accounts.items()
        value = {"server_hostname": relay.address, "server_port": relay.port}
        value |= {"username": username, "password": password}
        assert panel.set(SETTING, value)["status"] == "applied"
        postfix.submit("friend@example.net")
        assert relay.wait_for(1)[0].username == username
    assert [len(relay.messages) for relay in relays] == [1, 1, 1]


@pytest.mark.parametrize("security", [None, "none"])
def test_a_relay_without_an_account(security, open_relay, postfix, panel) -> None:
    """Without an account a server that has no TLS will do."""
    value = {"server_hostname": open_relay.address, "server_port": open_relay.port}
    value |= {"security": security} if security else {}
    assert panel.set(SETTING, value)["status"] == "applied"
    postfix.submit("friend@example.net")
    (message,) = open_relay.wait_for(1)
    assert message.username is None
    assert message.tls is None


def test_an_account_that_is_taken_away_is_offered_no_more(
    make_relay, open_relay, postfix, panel
) -> None:
    """Leaving out username and password removes the account."""
    relay = make_relay(accounts={"a": "one"})
    value = {"server_hostname": relay.address, "server_port": relay.port}
    assert panel.set(SETTING, value | {"username": "a", "password": "one"})["status"] == "applied"
    value = {"server_hostname": open_relay.address, "server_port": open_relay.port}
    assert panel.set(SETTING, value)["status"] == "applied"
    relay.forget()
    postfix.submit("friend@example.net")
    open_relay.wait_for(1)
    assert open_relay.logins == []
    assert relay.logins == []


def test_the_documented_sequence(make_relay, panel) -> None:
    """GET 204, POST applying, GET applied with its value, DELETE, GET 204."""
    make_relay(accounts={"relay-user": "secret"})
    value = {"server_hostname": RELAY, "server_port": 587, "username": "relay-user"}
    path = f"settings/{SETTING}/"
    assert panel.api("GET", path).status == 204

    answer = panel.api("POST", path, value | {"password": "secret"})
    assert (answer.status, answer.body) == (
        200,
        {"settings": {"name": SETTING, "status": "applying", "value": value}},
    )
    assert panel.set(SETTING, value | {"password": "secret"})["status"] == "applied"
    answer = panel.api("GET", path)
    assert answer.body == {"settings": {"name": SETTING, "status": "applied", "value": value}}

    assert panel.reset(SETTING).status == 204
    assert panel.api("GET", path).status == 204


@pytest.mark.parametrize("implicit_tls", [False, True])
def test_an_ipv6_address_is_used(implicit_tls: bool, make_relay, postfix, make_panel) -> None:
    """In brackets for Postfix, and verified by the address in the certificate."""
    postfix.set_parameters({"inet_protocols": "all"})
    relay = make_relay(
        address="::1", port=0, implicit_tls=implicit_tls, accounts={"relay-user": "secret"}
    )
    panel = make_panel(postfix)
    way = Way("::1", "::1", relay.port, security="tls" if implicit_tls else None)

    answer = panel.set(SETTING, way.value(relay.port, "relay-user", "secret"))
    postfix.submit("friend@example.net")

    assert answer["status"] == "applied", answer
    assert relay.wait_for(1)[0].username == "relay-user"
