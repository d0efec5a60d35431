"""How far a token reaches, and that none is made by one that reaches less far."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from datetime import datetime

from mailpanel.errors import FieldError, InvalidFields
from mailpanel.models import Token
from mailpanel.settings import SETTINGS
from mailpanel.words import _

__all__ = ["check_fields", "check_reach", "is_seen"]

LONGEST_NAME = 255


def check_fields(
    name: str,
    settings: Iterable[str],
    networks: Iterable[str],
    expires: datetime | None,
    now: datetime,
) -> None:
    """Raise :class:`InvalidFields` with all that is wrong with a token that is asked for."""
    errors = []
    if len(name) > LONGEST_NAME:
        errors.append(
            FieldError("name", _("A name has at most ${longest} characters.", longest=LONGEST_NAME))
        )
    if not all(char.isprintable() for char in name):
        errors.append(FieldError("name", _("A name has no control characters.")))
    if any(setting not in SETTINGS for setting in settings):
        errors.append(
            FieldError("settings", _("There are only: ${words}.", words=", ".join(SETTINGS)))
        )
    if not all(_is_network(network) for network in networks):
        errors.append(FieldError("networks", _("Give networks like 10.0.0.0/8 or 2001:db8::/32.")))
    if expires is not None and expires <= now:
        errors.append(FieldError("expires", _("This time has passed; give one to come.")))
    if errors:
        raise InvalidFields(errors)


def check_reach(token: Token, in_use: Token) -> None:
    """Raise :class:`InvalidFields` where *token* would be wider than the one *in_use*."""
    errors = list(_wider(token, in_use))
    if errors:
        raise InvalidFields(errors)


def is_seen(token: Token, in_use: Token) -> bool:
    """Say whether *token* is for no other settings than the one *in_use*."""
    return in_use.settings is None or _is_subset(token.settings, in_use.settings)


def _wider(token: Token, in_use: Token) -> Iterator[FieldError]:
    """Yield each field in which *token* is wider than the one *in_use*, with the remedy."""
    if in_use.read_only and not token.read_only:
        yield FieldError("read_only", _("The token in use is read-only, so this must be true."))
    settings = in_use.settings
    if settings is not None and not _is_subset(token.settings, settings):
        yield FieldError(
            "settings", f"The token in use reaches only some; name some of {', '.join(settings)}."
        )
    networks = in_use.networks
    if networks is not None and not _is_inside(token.networks, networks):
        yield FieldError(
            "networks", f"The token in use is good only from {', '.join(networks)}; stay within."
        )
    ends = in_use.expires
    if ends is not None and (token.expires is None or token.expires > ends):
        yield FieldError("expires", _("The token in use expires; name a time no later than that."))


def _is_subset(names: list[str] | None, wider: list[str]) -> bool:
    return names is not None and set(names) <= set(wider)


def _is_inside(networks: list[str] | None, wider: list[str]) -> bool:
    if networks is None:
        return False
    return all(any(_is_part(each, other) for other in wider) for each in networks)


def _is_part(network: str, other: str) -> bool:
    inner, outer = ipaddress.ip_network(network), ipaddress.ip_network(other)
    # Networks of two families cannot even be compared.
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    # A zone is one host's own name for a link; a client's address never comes with it.
    return "%" not in text
