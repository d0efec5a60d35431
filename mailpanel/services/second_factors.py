"""The use cases of the second factor: an app's codes, and recovery codes for when it is lost.

Why it is built so: docs/decisions/0009-second-factor-and-step-up.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pyotp
from sqlalchemy import delete, select
from sqlalchemy.orm import Session as Transaction

from mailpanel.errors import Conflict, FieldError, InvalidFields, NotFound
from mailpanel.models import Account, PanelSession, RecoveryCode, SecondFactor
from mailpanel.services import audit
from mailpanel.services._codes import as_recovery_code, new_recovery_codes, step_of
from mailpanel.services.accounts import NAME
from mailpanel.services.audit import Author
from mailpanel.services.authentication import digest_of
from mailpanel.services.clock import Clock, in_text, utc_now
from mailpanel.services.codes import count_codes, purpose_of
from mailpanel.services.database import Database
from mailpanel.vault import Vault
from mailpanel.words import _

__all__ = ["Enrolment", "SecondFactors"]

LONGEST_ENROLMENT = timedelta(hours=1)
PURPOSE = "enrolment"
NO_FACTOR = _("This account has no second factor.")
WRONG = _("This is not the present code. Look at the clock of your device, and type the next one.")
TOO_OLD = _("This took too long. Begin again, with the new code to scan.")


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret that counts nothing until a code of it has come back.

    ``uri`` is it as an app reads it; ``box`` carries it to :meth:`SecondFactors.confirm`.
    """

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    box: str = field(repr=False)


class SecondFactors:
    """The second factors of accounts; *vault* keeps their secrets from whoever has the database."""

    def __init__(self, database: Database, vault: Vault, clock: Clock = utc_now) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    def get(self, username: str) -> dict[str, Any] | None:
        """Return since when *username* has one and how many recovery codes are left, or ``None``.

        Raises :class:`DatabaseAway`.
        """
        with self._database.reading() as session:
            account = _account(session, username)
            factor = session.get(SecondFactor, account.id) if account else None
            if factor is None:
                return None
            return {
                "created": in_text(factor.created),
                "recovery_codes": count_codes(session, factor.account_id),
            }

    def begin(self, username: str, issuer: str, box: str | None = None) -> Enrolment:
        """Return a new secret for *username*, or that of *box*; nothing is stored.

        *issuer* is what an app calls this installation. Raises :class:`InvalidFields` where
        *box* is too old, :class:`Conflict` where there is a second factor already.
        """
        if self.get(username) is not None:
            raise Conflict(_("You have a second factor already; remove that one first."))
        secret = pyotp.random_base32() if box is None else self._unlocked(username, box)
        if box is None:
            until = (self._clock() + LONGEST_ENROLMENT).timestamp()
            content = {"account": username, "secret": secret, "until": until}
            box = self._vault.lock(PURPOSE, content)
        uri = pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)
        return Enrolment(secret, uri, box)

    def confirm(
        self, username: str, box: str, code: str, author: Author, session_number: int
    ) -> list[str]:
        """Have the secret in *box* count from now on, and return the recovery codes.

        All log-ins of the account end but *session_number*. Raises :class:`InvalidFields`
        where *code* is not one of it, :class:`Conflict`, :class:`NotFound`.
        """
        secret = self._unlocked(username, box)
        now = self._clock()
        step = step_of(secret, code, now)
        if step is None:
            raise InvalidFields([FieldError("code", WRONG)])
        with self._database.writing() as session:
            account = _locked(session, username)
            if session.get(SecondFactor, account.id) is not None:
                raise Conflict(_("You have a second factor already; remove that one first."))
            kept = self._vault.lock(purpose_of(account.id), {"secret": secret})
            session.add(SecondFactor(account_id=account.id, box=kept, last_step=step, created=now))
            codes = _give_codes(session, account.id)
            _log_out_others(session, account.id, session_number)
            self._record(session, author, "second_factor.add", username)
        return codes

    def renew_codes(self, username: str, author: Author) -> list[str]:
        """Return new recovery codes, in place of those there were; raises :class:`NotFound`."""
        with self._database.writing() as session:
            account = _locked(session, username)
            if session.get(SecondFactor, account.id) is None:
                raise NotFound(NO_FACTOR)
            codes = _give_codes(session, account.id)
            self._record(session, author, "second_factor.codes", username)
        return codes

    def remove(self, username: str, author: Author, session_number: int | None = None) -> None:
        """Take the second factor away; the password alone opens then.

        All log-ins of the account end but *session_number*. Raises :class:`NotFound`.
        """
        with self._database.writing() as session:
            account = _locked(session, username)
            factor = session.get(SecondFactor, account.id)
            if factor is None:
                raise NotFound(NO_FACTOR)
            session.delete(factor)
            _remove_codes(session, account.id)
            _log_out_others(session, account.id, session_number)
            self._record(session, author, "second_factor.remove", username)

    def _unlocked(self, username: str, box: str) -> str:
        content = self._vault.open(PURPOSE, box) or {}
        if content.get("account") != username or content["until"] < self._clock().timestamp():
            raise InvalidFields([FieldError("box", TOO_OLD)])
        secret: str = content["secret"]
        return secret

    def _record(
        self, session: Transaction, author: Author, action: str, name: str, **detail: Any
    ) -> None:
        audit.record(session, author, action, detail={"account": name, **detail}, clock=self._clock)


def _account(session: Transaction, username: str, lock: bool = False) -> Account | None:
    if not NAME.fullmatch(username):
        return None
    query = select(Account).where(Account.username == username)
    return session.scalar(query.with_for_update() if lock else query)


def _locked(session: Transaction, username: str) -> Account:
    account = _account(session, username, lock=True)
    if account is None:
        raise NotFound(_("There is no such account."))
    return account


def _give_codes(session: Transaction, account_id: int) -> list[str]:
    _remove_codes(session, account_id)
    codes = new_recovery_codes()
    digests: Iterable[str] = (digest_of(as_recovery_code(code)) for code in codes)
    session.add_all(RecoveryCode(digest=digest, account_id=account_id) for digest in digests)
    return codes


def _remove_codes(session: Transaction, account_id: int) -> None:
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))


def _log_out_others(session: Transaction, account_id: int, number: int | None) -> None:
    others = delete(PanelSession).where(PanelSession.account_id == account_id)
    session.execute(others if number is None else others.where(PanelSession.id != number))
