"""Which addresses a mail server can have."""

from __future__ import annotations

import pytest

from mailpanel.addresses import is_loopback, is_never_a_server


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "224.0.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "100.100.100.200",
        "fe80::1",
        "ff02::1",
        "::",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "168.63.129.16",
        "192.0.0.192",
        "fd20:ce::254",
        "fd00:42::42",
        "::169.254.169.254",
        "::ffff:168.63.129.16",
        "::ffff:224.0.0.1",
        "::ffff:0.0.0.0",
        "2002:a83f:8110::1",
        # Teredo: the server, and the client, whose bits are turned.
        "2001:0:a9fe:a9fe::",
        "2001:0:c000:201:0:0:5601:5601",
        "64:ff9b::a83f:8110",
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:a9:fe:a9fe::",
        "64:ff9b:1::a9:fea9:fe00:0",
        "64:ff9b:1::a9fe:a9fe",
        "64:ff9b:1:7::a83f:8110",
    ],
)
def test_no_server_has_such_an_address(address: str) -> None:
    """Nor one that carries such a one."""
    assert is_never_a_server(address)


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.1",
        "10.0.0.1",
        "127.0.0.1",
        "::1",
        "2001:db8::1",
        "relay.test",
        "::ffff:192.0.2.1",
        "64:ff9b::c000:201",
        "64:ff9b:1::c000:201",
        "2002:c000:201::1",
        "2001:0:c000:201:0:0:3fff:fdfd",
    ],
)
def test_others_may(address: str) -> None:
    """A relay in the cellar has a private one, and a name is none at all."""
    assert not is_never_a_server(address)


def test_all_of_the_loopback_network_is_this_host() -> None:
    """127.0.0.2 as well as 127.0.0.1; a name is not looked up."""
    assert is_loopback("127.0.0.2")
    assert is_loopback("::1")
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("192.0.2.1")
    assert not is_loopback("localhost")
