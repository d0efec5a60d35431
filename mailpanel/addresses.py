"""IP addresses that cannot be what somebody says they are."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

__all__ = ["is_loopback", "is_never_a_server"]

# Cloud providers' metadata services that are not link-local already.
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200")))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_RESERVED = ipaddress.IPv4Network("240.0.0.0/4")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_never_a_server(text: str) -> bool:
    """Say whether *text* is an IP address that no mail server can have.

    Link-local, multicast, unspecified and reserved ones, and those at which cloud
    providers serve metadata, also where an IPv6 address carries one. False for a
    name.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(map(_is_odd, _meant(address)))


def is_loopback(text: str) -> bool:
    """Say whether *text* is an IP address of this very host's loopback; false for a name."""
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _is_odd(address: _Address) -> bool:
    odd = address.is_link_local or address.is_multicast or address.is_unspecified
    return odd or address in _METADATA or address in _RESERVED


def _meant(address: _Address) -> Iterator[_Address]:
    """Yield *address*, and the IPv4 address that an IPv6 one carries (RFC 4291, 3056, 6052)."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        yield from (each for each in (address.ipv4_mapped, address.sixtofour) if each)
        if address in _NAT64:
            yield ipaddress.IPv4Address(address.packed[-4:])
