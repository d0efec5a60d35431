"""What a server is called, in the one form that is stored and compared.

Names follow IDNA 2008 (RFC 5891) with the letters, digits and hyphens of RFC 1123;
one label is enough. Addresses are IPv4, or IPv6 as in RFC 5952, without a zone.
"""

from __future__ import annotations

import ipaddress
import re

import idna

from mailpanel.words import _

__all__ = ["canonical_hostname"]

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def canonical_hostname(text: str) -> str:
    """Return *text* as a lower-case A-label without a final dot, or as a canonical address.

    Raises :class:`ValueError` with the remedy, which never quotes *text*.
    """
    if not text:
        raise ValueError(_("Give the server's name, like mail.example.net."))
    if any(char.isspace() for char in text):
        raise ValueError(_("A server's name has no blanks; remove them."))
    if "[" in text or "]" in text:
        raise ValueError(_("Leave the brackets out: mailpanel adds them where they belong."))
    if "/" in text or "@" in text:
        raise ValueError(_("Give the server's name alone, without a scheme, path or user."))
    if ":" in text:
        return _canonical_ipv6(text)
    name = text.lower().removesuffix(".")
    if not name:
        raise ValueError(_("Give the server's name, like mail.example.net."))
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return _canonical_ipv4(name)
    return _canonical_name(name)


def _canonical_ipv6(text: str) -> str:
    if "%" in text:
        raise ValueError(_("An IPv6 address with a zone cannot be used; give one without."))
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise ValueError(
            _("This is no IPv6 address. If a port was meant: it has a field of its own.")
        ) from None
    if address.ipv4_mapped:
        raise ValueError(_("This is an IPv4 address written as IPv6; give it as IPv4."))
    return str(address)


def _canonical_ipv4(name: str) -> str:
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError:
        raise ValueError(
            _("A name that ends in a number must be an IPv4 address, like 192.0.2.7.")
        ) from None


def _canonical_name(name: str) -> str:
    labels = [_canonical_label(label) for label in name.split(".")]
    canonical = ".".join(labels)
    if len(canonical) > 253:
        raise ValueError(_("A server's name has at most 253 characters."))
    return canonical


def _canonical_label(label: str) -> str:
    if not label:
        raise ValueError(_("Between two dots of a server's name there must be something."))
    if "_" in label:
        raise ValueError(_("A server's name has no underscore."))
    if not label.isascii() or label.startswith("xn--"):
        try:
            return idna.alabel(label).decode("ascii").lower()
        except (idna.IDNAError, UnicodeError):
            raise ValueError(_("A part of this name is not allowed by IDNA 2008.")) from None
    if not _LABEL.fullmatch(label):
        raise ValueError(
            _(
                "Each part of a server's name has 1 to 63 letters, digits and hyphens, "
                "no hyphen at its ends."
            )
        )
    return label
