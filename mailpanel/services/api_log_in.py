"""A token for a username and password, for a program that a person uses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mailpanel.errors import BadCredentials, NotFound
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.proofs import Proofs, Visitor
from mailpanel.services.sessions import LONGEST
from mailpanel.services.tokens import Tokens

__all__ = ["LIFE", "ApiLogIn"]

# As long as a log-in to the panel at most.
LIFE: timedelta = LONGEST
WRONG = "The username or the password is wrong, or this account may not call the API so."


class ApiLogIn:
    """Makes tokens of passwords; *proofs* knows the passwords, and counts the bad ones."""

    def __init__(self, proofs: Proofs, tokens: Tokens, clock: Clock = utc_now) -> None:
        self._proofs = proofs
        self._tokens = tokens
        self._clock = clock

    def log_in(self, username: str, password: str, visitor: Visitor) -> dict[str, Any]:
        """Return a new token and whose it is.

        Raises :class:`BadCredentials`, never saying why, or :class:`Throttled` where too
        many bad passwords came from there.
        """
        account = self._proofs.by_password(username, password, visitor)
        if account is None or not account.api_access:
            raise BadCredentials(WRONG)
        author = Author(account.username, None, visitor.address)
        try:
            issued = self._tokens.issue(
                account.username,
                "log-in",
                expires=self._clock() + LIFE,
                author=author,
                proven=account.password_hash,
            )
        except NotFound:
            # It was disabled or got another password while this one was looked at.
            raise BadCredentials(WRONG) from None
        return {
            "username": account.username,
            "perm_level": account.perm_level,
            "auth_token": issued.token,
            "expires": issued.shown["expires"],
        }
