"""What the design takes for granted about Postfix, measured on the one at hand."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest
from loopback import RELAY

from mailpanel.playground.postfix import PostfixError, PrivatePostfix

NEXT_HOP = "[relay.example.net]:587"


def lookup(postfix: PrivatePostfix, key: str, table: str) -> str:
    return postfix.command("postmap", "-q", key, table).removesuffix("\n")


def test_an_indexed_table_gets_the_mode_of_its_source(postfix) -> None:
    """Hence the source is 0600 before it holds anything."""
    postfix.table("sasl", {NEXT_HOP: "user:secret"})
    (index,) = set(postfix.config_directory.glob("sasl.*"))
    assert stat.S_IMODE(index.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "account",
    [
        "user:p:a#s$s \"w'o\\r%d",
        "user:one  two   three",
        "grüße@example.net:pässwörd-密码",
        "user:" + "😀" * 1024,
        "user@example.net:" + "x" * 3000,
        "a b#$\\:${relayhost}",
    ],
)
def test_a_table_answers_the_very_account(postfix, account) -> None:
    """No quoting, no expansion: bytes in, bytes out."""
    assert lookup(postfix, NEXT_HOP, postfix.table("sasl", {NEXT_HOP: account})) == account


def test_a_blank_at_the_end_of_a_password_is_lost(postfix) -> None:
    """Hence it is refused at the door."""
    assert lookup(postfix, NEXT_HOP, postfix.table("sasl", {NEXT_HOP: "u:secret "})) == "u:secret"


def test_a_key_is_the_very_text_of_relayhost_or_the_bare_host(postfix) -> None:
    """Case does not matter; another port does not match."""
    table = postfix.table("sasl", {NEXT_HOP: "user:secret"})
    assert lookup(postfix, NEXT_HOP.upper(), table) == "user:secret"
    with pytest.raises(PostfixError):
        lookup(postfix, "[relay.example.net]:465", table)


@pytest.mark.parametrize(
    "parameters",
    [
        {"relayhost": "[relay.example.net]:0"},
        {"relayhost": "[relay.example.net"},
        {"relayhost": "[relay.example.net]:99999"},
        {"smtp_tls_security_level": "nonsense"},
        {"smtp_sasl_auth_enable": "perhaps"},
    ],
    ids=lambda parameters: " ".join(parameters.values()),
)
def test_the_checks_let_pass_what_stops_all_delivery(postfix, parameters) -> None:
    """Hence values are validated before they come near main.cf."""
    postfix.set_parameters(parameters)
    postfix.start()
    postfix.command("postfix", "check")
    postfix.reload()
    assert postfix.running


def test_postconf_replaces_each_of_doubled_lines(postfix) -> None:
    """Setting the old value again would not bring the old file back: keep its lines."""
    with postfix.main_cf.open("a") as stream:
        stream.write("relayhost = [first.test]\n# a comment\nrelayhost = [second.test]\n")
    before = postfix.main_cf.read_text()
    postfix.set_parameters({"relayhost": "[third.test]"})
    after = before.replace("[first.test]", "[third.test]").replace("[second.test]", "[third.test]")
    assert postfix.main_cf.read_text() == after


def test_every_command_waits_for_a_young_main_cf(postfix) -> None:
    """Postfix distrusts a file that is still being written; set its mtime back."""

    def seconds() -> float:
        begin = time.monotonic()
        postfix.parameter("relayhost")
        return time.monotonic() - begin

    # A machine that is busy takes its time now and then, too.
    assert min(seconds() for _ in range(10)) < 0.5

    def is_waited_for() -> bool:
        postfix.main_cf.touch()
        return seconds() > 0.5

    assert any(is_waited_for() for _ in range(10))


def test_without_a_key_for_the_next_hop_mail_bounces(
    make_relay, postfix, ca_file: Path, wait_until
) -> None:
    """Hence the map comes before main.cf, and keeps the old key while mail is in flight."""
    make_relay(accounts={"user": "secret"})
    postfix.set_parameters(
        {
            "relayhost": f"[{RELAY}]:587",
            "smtp_tls_CAfile": str(ca_file),
            "smtp_tls_security_level": "encrypt",
            "smtp_sasl_auth_enable": "yes",
            "smtp_sasl_tls_security_options": "noanonymous",
            "smtp_sasl_password_maps": postfix.table("sasl", {NEXT_HOP: "user:secret"}),
        }
    )
    postfix.start()
    postfix.submit("friend@example.net")
    wait_until(lambda: "status=bounced" in postfix.log())


def test_a_missing_map_or_a_wrong_password_only_defers(
    make_relay, postfix, ca_file: Path, wait_until
) -> None:
    """The mail waits, and goes once the account is right."""
    relay = make_relay(accounts={"user": "secret"})
    next_hop = f"[{RELAY}]:587"
    postfix.set_parameters(
        {
            "relayhost": next_hop,
            "smtp_tls_CAfile": str(ca_file),
            "smtp_tls_security_level": "encrypt",
            "smtp_sasl_auth_enable": "yes",
            "smtp_sasl_tls_security_options": "noanonymous",
            "smtp_sasl_password_maps": postfix.table("sasl", {next_hop: "user:wrong"}),
        }
    )
    postfix.start()
    postfix.submit("friend@example.net")
    wait_until(lambda: postfix.log().count("status=deferred") == 1)

    (postfix.config_directory / "sasl.db").rename(postfix.config_directory / "away.db")
    postfix.reload()
    # What Postfix is told in the instant of a reload, or before it has put the mail by, is lost.
    wait_until(lambda: postfix.flush() or postfix.log().count("status=deferred") > 1)

    # An smtp(8) that has missed a map once does not look for it again: reload.
    postfix.table("sasl", {next_hop: "user:secret"})
    postfix.reload()
    wait_until(lambda: postfix.flush() or relay.messages)


def test_the_default_match_refuses_an_address(
    make_relay, postfix, ca_file: Path, wait_until
) -> None:
    """A certificate with the right IP SAN: hence ``match=nexthop``."""
    relay = make_relay()
    next_hop = f"[{RELAY}]:587"
    postfix.set_parameters(
        {
            "relayhost": next_hop,
            "smtp_tls_CAfile": str(ca_file),
            "smtp_tls_policy_maps": postfix.table("tls", {next_hop: "secure"}),
        }
    )
    postfix.start()
    postfix.submit("friend@example.net")
    wait_until(lambda: "not verified" in postfix.log())
    assert relay.messages == []
