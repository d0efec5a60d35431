"""IP addresses that cannot be what somebody says they are."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

__all__ = ["is_loopback", "is_never_a_server"]

# Cloud providers' metadata services that are not link-local already: AWS, Google, Scaleway,
# Alibaba, Oracle, and Azure's WireServer.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "fd00:ec2::254",
            "fd20:ce::254",
            "fd00:42::42",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
        ),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Each network divides it as it likes (RFC 8215); these are the ways that RFC 6052 (2.2) has.
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_EMBEDDED = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_LOOPBACK = ipaddress.IPv6Address(1)
_NOWHERE = ipaddress.IPv4Network("0.0.0.0/8")
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
        return any(each.is_loopback for each in _meant(ipaddress.ip_address(text)))
    except ValueError:
        return False


def _is_odd(address: _Address) -> bool:
    odd = address.is_link_local or address.is_multicast or address.is_unspecified
    return odd or address in _METADATA or address in _RESERVED


def _meant(address: _Address) -> Iterator[_Address]:
    """Yield *address*, and what IPv4 address an IPv6 one carries.

    Mapped and compatible (RFC 4291), 6to4 (RFC 3056), Teredo (RFC 4380), NAT64 (RFC 6052).
    """
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        carried = (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()))
        yield from (each for each in carried if each)
        if address in _NAT64 or (address in _COMPATIBLE and address != _LOOPBACK):
            yield ipaddress.IPv4Address(address.packed[-4:])
        if address in _LOCAL_NAT64:
            ways = (bytes(address.packed[at] for at in way) for way in _EMBEDDED)
            # The nothing of another way of dividing it is none of them.
            found = (ipaddress.IPv4Address(each) for each in ways)
            yield from (each for each in found if each not in _NOWHERE)
