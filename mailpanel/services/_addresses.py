"""Whom a test may write to: an account's own address, and nobody else."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailpanel.errors import FieldError, InvalidFields
from mailpanel.models import Account
from mailpanel.services.account_rules import NAME
from mailpanel.settings import Setting
from mailpanel.words import _

__all__ = ["own_address"]

NO_MAIL = _("This setting sends no mail; leave it out.")
NO_ADDRESS = _(
    "The account has no address that a message could go to; give it a recovery_email first, or "
    "test without a message."
)


def own_address(session: Session, setting: Setting, name: str) -> str:
    """Return the address that a test of *setting* may write to for the account *name*.

    Raises :class:`InvalidFields`, for ``message``, where there is none.
    """
    if not setting.sends_mail:
        raise InvalidFields([FieldError("message", NO_MAIL)])
    query = select(Account.recovery_email).where(Account.username == name)
    # PostgreSQL cannot even compare with a text that holds NUL.
    address = session.scalar(query) if NAME.fullmatch(name) else None
    if address is None:
        raise InvalidFields([FieldError("message", NO_ADDRESS)])
    return address
