"""Verifying the codes of a second factor; each counts once, and wrong ones are counted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import Session as Transaction

from mailpanel.models import Account, RecoveryCode, SecondFactor
from mailpanel.services import audit
from mailpanel.services._codes import as_recovery_code, is_of_app, step_of
from mailpanel.services.audit import Author
from mailpanel.services.authentication import digest_of
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.database import Database
from mailpanel.services.proofs import Proofs, Visitor, counted_as
from mailpanel.services.throttle import Throttle
from mailpanel.vault import Vault
from mailpanel.words import _

__all__ = ["BAD_CODES", "DAY", "TOO_MANY_CODES", "Codes", "count_codes", "purpose_of"]

DAY = 86_400
# A day, of one account. Three of a million codes are right at any time, so whoever has the
# password and guesses for a year finds one with a chance of one in a hundred.
BAD_CODES = 10
TOO_MANY_CODES = _(
    "Too many wrong codes were given for this account. A recovery code counts even now, and so "
    "does a code in a browser in which you were logged in before."
)


class Codes:
    """Verifies codes, whose secrets *vault* opens.

    *proofs* counts wrong ones with wrong passwords, *throttle* those of an app by the account.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        proofs: Proofs,
        throttle: Throttle,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._vault = vault
        self._proofs = proofs
        self._throttle = throttle
        self._clock = clock

    def is_needed(self, account: Account) -> bool:
        """Say whether the password of *account* alone opens nothing."""
        with self._database.reading() as session:
            return session.get(SecondFactor, account.id) is not None

    def accepts(self, account: Account, code: str, visitor: Visitor) -> bool:
        """Say whether *code* is the second factor of *account*; none is, twice.

        Raises :class:`Throttled` where too many were wrong, :class:`DatabaseAway`.
        """

        def is_right() -> bool:
            if not is_of_app(code):
                # Nobody can guess one, so nobody is kept from trying.
                return self._is_recovery_code(account, code, visitor)
            # A browser of the owner's is counted by itself: who knows the password cannot
            # keep its owner out by wrong codes.
            who = counted_as(account, visitor)
            name = who if who != visitor.address else f"account {account.id}"
            return self._throttle.guess(name, lambda: self._is_of_app(account, code))

        return self._proofs.counting(account, visitor, is_right)

    def _is_of_app(self, account: Account, code: str) -> bool:
        with self._database.writing() as session:
            factor = session.get(SecondFactor, account.id)
            kept = self._vault.open(purpose_of(account.id), factor.box) if factor else None
            step = step_of(kept["secret"], code, self._clock()) if kept else None
            if step is None:
                return False
            later = (SecondFactor.account_id == account.id, SecondFactor.last_step < step)
            done = session.execute(update(SecondFactor).where(*later).values(last_step=step))
            return _touched(done)

    def _is_recovery_code(self, account: Account, code: str, visitor: Visitor) -> bool:
        digest = digest_of(as_recovery_code(code))
        this = (RecoveryCode.digest == digest, RecoveryCode.account_id == account.id)
        with self._database.writing() as session:
            if not _touched(session.execute(delete(RecoveryCode).where(*this))):
                return False
            left = count_codes(session, account.id)
            author = Author(account.username, None, visitor.address)
            detail = {"account": account.username, "left": left}
            action = "second_factor.recovery"
            audit.record(session, author, action, detail=detail, clock=self._clock)
        return True


def purpose_of(account_id: int) -> str:
    """Return what the secret of an account is locked for."""
    # So that a box that is copied to another account's row opens nothing there.
    return f"second factor of account {account_id}"


def count_codes(session: Transaction, account_id: int) -> int:
    """Return how many recovery codes of an account are left."""
    of_account = RecoveryCode.account_id == account_id
    query = select(func.count()).select_from(RecoveryCode).where(of_account)
    return session.scalar(query) or 0


def _touched(result: Any) -> bool:
    return isinstance(result, CursorResult) and result.rowcount == 1
