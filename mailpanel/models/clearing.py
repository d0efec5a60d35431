"""What was cleared from Junk and Trash folders, run by run."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mailpanel.models.meta import Base

__all__ = ["ClearingRow"]


class ClearingRow(Base):
    """One run of one host over one mail store, from the moment on at which it is claimed.

    A run by the schedule is for a ``day``, one on request belongs to a ``ticket``; either is
    claimed once per mail store. The sums and ``folders`` are what went so far, until it has
    ``ended``.
    """

    __tablename__ = "clearings"
    __table_args__ = (
        UniqueConstraint("mail_store", "day", name="uq_clearings_mail_store_day"),
        UniqueConstraint("mail_store", "ticket", name="uq_clearings_mail_store_ticket"),
        # SQLite would give the number of a removed row to a new one, and its end to another.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # No foreign key: the history outlives the host.
    host: Mapped[str] = mapped_column(String(255), index=True)
    mail_store: Mapped[str] = mapped_column(String(255))
    day: Mapped[date | None]
    ticket: Mapped[str | None] = mapped_column(String(32))
    asked_by: Mapped[str | None] = mapped_column(String(64))
    started: Mapped[datetime] = mapped_column(index=True)
    ended: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    messages: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    folders: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    says: Mapped[str | None] = mapped_column(Text)
