"""What an account's owner shows beside the password."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from mailpanel.models.meta import Base

__all__ = ["RecoveryCode", "SecondFactor"]


class SecondFactor(Base):
    """A TOTP secret (RFC 6238); ``box`` is it, encrypted with the web's key.

    ``last_step`` is the time step of the code that was accepted last: none counts twice.
    """

    __tablename__ = "second_factors"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    box: Mapped[str] = mapped_column(Text)
    last_step: Mapped[int] = mapped_column(BigInteger)
    created: Mapped[datetime]


class RecoveryCode(Base):
    """A code that stands in for the second factor once; ``digest`` is its SHA-256 in hex."""

    __tablename__ = "recovery_codes"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
