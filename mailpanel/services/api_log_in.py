"""A token for a username and password, for a program that a person uses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mailpanel.errors import BadCredentials, NotFound
from mailpanel.models import Account
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.codes import Codes
from mailpanel.services.proofs import Proofs, Visitor
from mailpanel.services.sessions import LONGEST
from mailpanel.services.tokens import Tokens

__all__ = ["LIFE", "ApiLogIn"]

# As long as a log-in to the panel at most.
LIFE: timedelta = LONGEST
WRONG = "The username or the password is wrong, or this account may not call the API so."
NO_CODE = "This account has a second factor; send its present code as otp."
WRONG_CODE = "The code in otp is wrong, has run out, or was used before; send the next one."
NO_FACTOR = (
    "A MasterAdmin needs a second factor here; log in to the panel, which leads to setting one up."
)


class ApiLogIn:
    """Makes tokens of passwords; *proofs* and *codes* count the bad ones.

    With *require_second_factor* a MasterAdmin without one gets none.
    """

    def __init__(
        self,
        proofs: Proofs,
        codes: Codes,
        tokens: Tokens,
        clock: Clock = utc_now,
        *,
        require_second_factor: bool = False,
    ) -> None:
        self._proofs = proofs
        self._codes = codes
        self._require = require_second_factor
        self._tokens = tokens
        self._clock = clock

    def log_in(
        self, username: str, password: str, visitor: Visitor, otp: str | None = None
    ) -> dict[str, Any]:
        """Return a new token and whose it is.

        Raises :class:`BadCredentials`, which says why not only to who knows the password, or
        :class:`Throttled` where too many bad ones came from there.
        """
        account = self._proofs.by_password(username, password, visitor)
        if account is None or not account.api_access:
            raise BadCredentials(WRONG)
        self._check_second_factor(account, otp, visitor)
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

    def _check_second_factor(self, account: Account, otp: str | None, visitor: Visitor) -> None:
        if not self._codes.is_needed(account):
            if self._require and account.perm_level == "MasterAdmin":
                raise BadCredentials(NO_FACTOR)
        elif otp is None:
            raise BadCredentials(NO_CODE)
        elif not self._codes.accepts(account, otp, visitor):
            raise BadCredentials(WRONG_CODE)
