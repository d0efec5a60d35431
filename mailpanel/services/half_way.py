"""Somebody who has given the password, and has still to show the second factor.

Nothing is kept of that but a ticket in the form that asks: it is no session, opens nothing
without a code, and is soon over.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from mailpanel.errors import BadCredentials
from mailpanel.models import Account
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.proofs import Proofs
from mailpanel.vault import Vault
from mailpanel.words import _

__all__ = ["LONGEST_HALF_WAY", "HalfWay", "Tickets"]

LONGEST_HALF_WAY = timedelta(minutes=5)
PURPOSE = "half-way"
OVER = _("This took too long. Log in once more.")


@dataclass(frozen=True, slots=True)
class HalfWay:
    """What the form that asks for the code sends back."""

    ticket: str = field(repr=False)


class Tickets:
    """Makes tickets, and knows whose they are; *vault* locks them."""

    def __init__(self, vault: Vault, proofs: Proofs, clock: Clock = utc_now) -> None:
        self._vault = vault
        self._proofs = proofs
        self._clock = clock

    def make(self, account: Account) -> HalfWay:
        """Return a ticket for *account*, whose password has just been given."""
        until = (self._clock() + LONGEST_HALF_WAY).timestamp()
        content = {"account": account.username, "password": _which(account), "until": until}
        return HalfWay(self._vault.lock(PURPOSE, content))

    def account(self, ticket: str) -> Account:
        """Return whose *ticket* it is; raises :class:`BadCredentials` where it is over.

        A new password ends it, and so does disabling the account.
        """
        content = self._vault.open(PURPOSE, ticket)
        if content is None or content["until"] <= self._clock().timestamp():
            raise BadCredentials(OVER)
        account = self._proofs.account(content["account"])
        if account is None or not account.enabled or _which(account) != content["password"]:
            raise BadCredentials(OVER)
        return account


def _which(account: Account) -> str:
    """Return what tells the present password of *account* from any other."""
    return hashlib.sha256((account.password_hash or "").encode()).hexdigest()
