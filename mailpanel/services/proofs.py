"""Who somebody is, by the password; guesses are counted before they are looked at."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import select

from mailpanel.models import Account
from mailpanel.services.accounts import NAME
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.database import Database
from mailpanel.services.passwords import is_right
from mailpanel.services.refusals import Refusals
from mailpanel.services.throttle import Throttle
from mailpanel.words import _

__all__ = [
    "BAD_PASSWORDS",
    "TOO_MANY_PASSWORDS",
    "Proofs",
    "Visitor",
    "counted_as",
    "known_mark",
]

# In a minute, from one network. A password has twelve characters and is not a common one
# (API.md), so a year of that, five million guesses, finds none that was not known before.
BAD_PASSWORDS = 10
TOO_MANY_PASSWORDS = _("Too many wrong passwords came from your network.")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sends a request, as far as that is known before anybody logs in.

    ``mark`` is what :attr:`Opened.mark` gave this browser once, where it sends it.
    """

    address: str
    user_agent: str = ""
    mark: str | None = field(default=None, repr=False)


class Proofs:
    """Verifies passwords; *throttle* counts the bad ones."""

    def __init__(self, database: Database, throttle: Throttle, clock: Clock = utc_now) -> None:
        self._database = database
        self._throttle = throttle
        self._refusals = Refusals(database, clock)

    def account(self, username: str) -> Account | None:
        """Return the account *username*, or ``None``; raises :class:`DatabaseAway`."""
        # PostgreSQL cannot even compare with a text that holds NUL.
        if not NAME.fullmatch(username):
            return None
        with self._database.reading() as session:
            return session.scalar(select(Account).where(Account.username == username))

    def by_password(self, username: str, password: str, visitor: Visitor) -> Account | None:
        """Return the account that *username* and *password* open, or ``None``; never why not.

        It takes as long for a name that does not exist. Raises :class:`Throttled` where too
        many bad passwords came from there, :class:`DatabaseAway`.
        """
        account = self.account(username)
        hashed = account.password_hash if account else None

        def opens() -> bool:
            return is_right(password, hashed) and account is not None and account.enabled

        return account if self.counting(account, visitor, opens) else None

    def counting(
        self, account: Account | None, visitor: Visitor, is_right: Callable[[], bool]
    ) -> bool:
        """Say whether the guess of *visitor* at *account* is right; if not, count and note it.

        Raises :class:`Throttled`, and then it was not looked at.
        """
        if self._throttle.guess(counted_as(account, visitor), is_right):
            return True
        # Not a name that does not exist: people type their password into the wrong field.
        detail = {"account": account.username} if account else {}
        self._refusals.note(Author("", None, visitor.address), "session.refused", detail)
        return False


def known_mark(account: Account, visitor: Visitor) -> str:
    """Return the mark of a browser in which the owner of *account* has been, new or not."""
    if visitor.mark is not None and _marked(account, visitor.mark):
        return visitor.mark
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_signature(account, nonce)}"


def counted_as(account: Account | None, visitor: Visitor) -> str:
    """Return under what name the guesses of *visitor* at *account* are counted."""
    return _marked(account, visitor.mark) or visitor.address


def _marked(account: Account | None, mark: str | None) -> str | None:
    """Return under what name a browser with *mark* is counted; ``None`` where *account* is not its.

    It is signed with the password's hash, which no browser knows and a new password changes.
    """
    if account is None or account.password_hash is None or mark is None:
        return None
    nonce, _, signature = mark.partition(".")
    given = signature.encode("utf-8", "replace")
    right = hmac.compare_digest(given, _signature(account, nonce).encode())
    return f"browser {nonce}" if right else None


def _signature(account: Account, nonce: str) -> str:
    key = (account.password_hash or "").encode()
    return hmac.new(
        key, f"mailpanel {account.id} {nonce}".encode("utf-8", "replace"), hashlib.sha256
    ).hexdigest()
