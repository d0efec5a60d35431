"""mailpanel.deployment: what an option's text becomes."""

from __future__ import annotations

import pytest

from mailpanel.deployment import load
from mailpanel.errors import DeploymentError


def test_relay_names_are_compared_as_dns_does() -> None:
    """A hostname of a setting is lower case and has no final dot; what bounds it too."""
    deployment = load({"mailpanel.relay_allow": "Relay.Example.NET., b.example"}, {})
    assert deployment.relay_allow == ("relay.example.net", "b.example")


@pytest.mark.parametrize(
    ("text", "address"),
    [("", ""), ("127.0.0.1", "127.0.0.1"), ("2001:DB8:0::1", "2001:db8::1"), (" ::1 ", "::1")],
)
def test_trusted_proxy_is_an_address_in_canonical_form(text: str, address: str) -> None:
    """As the kernel writes the peer's, which it is compared with."""
    assert load({"mailpanel.trusted_proxy": text}, {}).trusted_proxy == address


@pytest.mark.parametrize("text", ["*", "proxy.example.net", "10.0.0.0/8", "10.0.0.1 10.0.0.2"])
def test_trusted_proxy_is_one_address(text: str) -> None:
    """Never all of them."""
    with pytest.raises(DeploymentError, match=r"mailpanel\.trusted_proxy: give the address"):
        load({"mailpanel.trusted_proxy": text}, {})


def test_environment_wins() -> None:
    settings = {"mailpanel.user": "one"}
    assert load(settings, {"MAILPANEL_USER": "two"}).user == "two"
    assert load(settings, {}).user == "one"


def test_unknown_option_is_named() -> None:
    with pytest.raises(DeploymentError, match=r"mailpanel\.usr: there is no such option"):
        load({"mailpanel.usr": "x"}, {})
