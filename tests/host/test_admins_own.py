"""What the administrator has in main.cf beside the relayhost goes on working."""

from __future__ import annotations

import pytest
from loopback import THEIRS

SETTING = "postfix_relayhost"
ACCOUNT = {"relay-user": "secret"}
PORTS = {"587": {"port": 587}, "465": {"port": 465, "implicit_tls": True}}


@pytest.fixture(params=PORTS.values(), ids=PORTS)
def relay(request, make_relay):
    return make_relay(accounts=ACCOUNT, **request.param)


def value(relay) -> dict:
    ((username, password),) = relay.accounts.items()
    destination = {"server_hostname": relay.address, "server_port": relay.port}
    return destination | {"username": username, "password": password}


def test_a_transport_to_a_server_without_tls(relay, open_relay, postfix, make_panel) -> None:
    """An exception in transport_maps neither gets TLS nor the relay's account."""
    entry = f"smtp:[{open_relay.address}]:{open_relay.port}"
    postfix.set_parameters({"transport_maps": postfix.table("transport", {"cellar.test": entry})})
    panel = make_panel(postfix)
    assert panel.set(SETTING, value(relay))["status"] == "applied"

    postfix.submit("machine@cellar.test")
    postfix.submit("friend@example.net")

    assert open_relay.wait_for(1)[0].recipients == ("machine@cellar.test",)
    assert relay.wait_for(1)[0].recipients == ("friend@example.net",)
    assert open_relay.logins == []


def test_a_transport_without_a_name(make_relay, open_relay, postfix, make_panel) -> None:
    """``:[host]:port`` leaves the transport to default_transport; on 587 that stays smtp."""
    relay = make_relay(accounts=ACCOUNT)
    entry = f":[{open_relay.address}]:{open_relay.port}"
    postfix.set_parameters({"transport_maps": postfix.table("transport", {"cellar.test": entry})})
    panel = make_panel(postfix)
    assert panel.set(SETTING, value(relay))["status"] == "applied"
    postfix.submit("machine@cellar.test")
    open_relay.wait_for(1)


def test_a_transport_without_a_name_is_refused_by_name_on_465(
    make_relay, open_relay, postfix, make_panel
) -> None:
    """With implicit TLS such an entry would defer for ever: said before anything changes."""
    relay = make_relay(accounts=ACCOUNT, port=465, implicit_tls=True)
    entry = f":[{open_relay.address}]:{open_relay.port}"
    postfix.set_parameters({"transport_maps": postfix.table("transport", {"cellar.test": entry})})
    panel = make_panel(postfix)
    before = postfix.main_cf.read_bytes()
    answer = panel.set(SETTING, value(relay))
    assert answer["status"] == "failed"
    assert "transport_maps" in answer["error"]
    assert postfix.main_cf.read_bytes() == before


def test_the_admins_account_for_another_relay(relay, make_relay, postfix, make_panel) -> None:
    """An own SASL map and an own TLS policy serve their own relay, and ours ours."""
    theirs = make_relay(address=THEIRS, port=2587, accounts={"theirs": "own"})
    next_hop = f"[{THEIRS}]:2587"
    postfix.set_parameters(
        {
            "transport_maps": postfix.table("transport", {"partner.test": f"smtp:{next_hop}"}),
            "smtp_sasl_auth_enable": "yes",
            "smtp_sasl_security_options": "noanonymous",
            "smtp_sasl_password_maps": postfix.table("sasl", {next_hop: "theirs:own"}),
            "smtp_tls_policy_maps": postfix.table("tls", {next_hop: "encrypt"}),
        }
    )
    panel = make_panel(postfix)
    assert panel.set(SETTING, value(relay))["status"] == "applied"

    postfix.submit("friend@partner.test")
    postfix.submit("friend@example.net")

    assert theirs.wait_for(1)[0].username == "theirs"
    assert relay.wait_for(1)[0].username == "relay-user"
    assert {login.username for login in theirs.logins} == {"theirs"}
    assert {login.username for login in relay.logins} == {"relay-user"}


def test_a_relayhost_by_sender(relay, open_relay, postfix, make_panel) -> None:
    """Senders with a relayhost of their own keep it."""
    entry = f"[{open_relay.address}]:{open_relay.port}"
    maps = postfix.table("senders", {"@own.test": entry})
    postfix.set_parameters({"sender_dependent_relayhost_maps": maps})
    panel = make_panel(postfix)
    assert panel.set(SETTING, value(relay))["status"] == "applied"

    postfix.submit("friend@example.net", sender="boss@own.test")
    postfix.submit("friend@example.net", sender="clerk@example.org")

    assert open_relay.wait_for(1)[0].sender == "boss@own.test"
    assert relay.wait_for(1)[0].sender == "clerk@example.org"


def test_an_account_for_the_bare_host_is_refused_by_name(relay, postfix, make_panel) -> None:
    """Postfix would use it in place of ours."""
    maps = postfix.table("sasl", {relay.address: "theirs:own"})
    postfix.set_parameters({"smtp_sasl_password_maps": maps, "smtp_sasl_auth_enable": "yes"})
    panel = make_panel(postfix)
    before = postfix.main_cf.read_bytes()
    answer = panel.set(SETTING, value(relay))
    assert answer["status"] == "failed"
    assert "smtp_sasl_password_maps" in answer["error"]
    assert postfix.main_cf.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("smtp_tls_per_site", "static:MAY"),
        ("smtp_sender_dependent_authentication", "yes"),
    ],
)
def test_what_would_break_the_relay_is_refused_by_name(
    name, setting, make_relay, postfix, make_panel
) -> None:
    relay = make_relay(accounts=ACCOUNT)
    postfix.set_parameters({name: setting})
    panel = make_panel(postfix)
    answer = panel.set(SETTING, value(relay))
    assert answer["status"] == "failed"
    assert name in answer["error"]


def test_an_override_in_master_cf_is_refused_by_name(make_relay, postfix, make_panel) -> None:
    """postconf would say yes, and the mail would bounce."""
    relay = make_relay(accounts=ACCOUNT)
    text = postfix.master_cf.read_text()
    smtp = next(line for line in text.splitlines() if line.startswith("smtp "))
    postfix.master_cf.write_text(text.replace(smtp, f"{smtp}\n  -o smtp_sasl_auth_enable=no"))
    panel = make_panel(postfix)
    answer = panel.set(SETTING, value(relay))
    assert answer["status"] == "failed"
    assert "smtp_sasl_auth_enable" in answer["error"]


def test_a_relayhost_that_is_this_very_postfix(postfix, panel) -> None:
    """Mail would go round in circles."""
    destination = {"server_hostname": "127.0.0.1", "server_port": postfix.port}
    answer = panel.set(SETTING, destination)
    assert answer["status"] == "failed"
    assert "127.0.0.1" in answer["error"]
