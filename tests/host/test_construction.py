"""The construction of docs/decisions/0001 by hand, without mailpanel: it holds by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from loopback import RELAY

from mailpanel.playground.certificates import Authority
from mailpanel.playground.postfix import PrivatePostfix

ACCOUNT = {"relay-user": "p:a#s$s \"w'o\\r%d"}


@pytest.fixture
def relayed(postfix: PrivatePostfix, ca_file: Path):
    """Write the construction for one next hop and start Postfix."""

    def write(next_hop: str, policy: str, **more: str) -> PrivatePostfix:
        ((username, password),) = ACCOUNT.items()
        postfix.set_parameters(
            {
                "relayhost": next_hop,
                "smtp_sasl_auth_enable": "yes",
                "smtp_sasl_password_maps": postfix.table(
                    "sasl", {next_hop: f"{username}:{password}"}
                ),
                "smtp_tls_policy_maps": postfix.table("tls", {next_hop: policy}),
                "smtp_sasl_tls_verified_security_options": "noanonymous",
                "smtp_tls_CAfile": str(ca_file),
                **more,
            }
        )
        postfix.start()
        return postfix

    return write


def test_starttls_to_a_name(make_relay, relayed) -> None:
    """A name is verified, and asked for in the handshake (SNI)."""
    relay = make_relay("localhost", address="127.0.0.1", port=0, accounts=ACCOUNT)
    postfix = relayed(f"[localhost]:{relay.port}", "secure match=nexthop servername=nexthop")
    postfix.submit("friend@example.net")
    (message,) = relay.wait_for(1)
    assert message.username == "relay-user"
    assert message.server_name == "localhost"
    assert message.tls is not None


def test_starttls_to_an_address(make_relay, relayed) -> None:
    """An address is verified by the certificate's IP SAN, with ``match=nexthop`` only."""
    relay = make_relay(accounts=ACCOUNT)
    relayed(f"[{RELAY}]:587", "secure match=nexthop").submit("friend@example.net")
    (message,) = relay.wait_for(1)
    assert message.username == "relay-user"


def test_implicit_tls_by_a_transport_of_its_own(make_relay, postfix, relayed) -> None:
    """Port 465 has no form in the policy table; a service in master.cf does it."""
    relay = make_relay(port=465, implicit_tls=True, accounts=ACCOUNT)
    with postfix.master_cf.open("a") as stream:
        stream.write(
            "own unix - - n - - smtp\n"
            "  -o smtp_tls_wrappermode=yes\n"
            "  -o smtp_tls_security_level=secure\n"
        )
    relayed(f"[{RELAY}]:465", "secure match=nexthop", default_transport="own")
    postfix.submit("friend@example.net")
    (message,) = relay.wait_for(1)
    assert message.username == "relay-user"


@pytest.mark.parametrize("harm", ["certificate", "starttls"])
def test_an_untrusted_relay_sees_no_login(
    make_relay, relayed, authority: Authority, harm: str, wait_until
) -> None:
    """The mail waits and goes once the relay is mended."""
    relay = make_relay(accounts=ACCOUNT)
    if harm == "certificate":
        relay.present(authority.issue("wrong.test"))
    else:
        relay.strip_starttls()
    postfix = relayed(f"[{RELAY}]:587", "secure match=nexthop")
    postfix.submit("friend@example.net")
    wait_until(lambda: "status=deferred" in postfix.log())
    assert relay.logins == []
    assert relay.messages == []

    relay.present(authority.issue(RELAY))
    relay.strip_starttls(False)
    # The log tells of it before the queue manager has put the mail by.
    wait_until(lambda: postfix.flush() or relay.messages)
    wait_until(lambda: postfix.queue() == [])


def test_without_the_policy_no_password_goes_in_clear(make_relay, relayed, wait_until) -> None:
    """The reason why only the *verified* SASL option is loosened."""
    relay = make_relay(accounts=ACCOUNT)
    relay.strip_starttls()
    postfix = relayed(f"[{RELAY}]:587", "may")
    postfix.submit("friend@example.net")
    wait_until(lambda: "status=" in postfix.log())
    assert relay.logins == []
    assert "status=bounced" not in postfix.log()
