"""What is asked of a mail host once: a test of values that are not saved."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from mailpanel.models.meta import Base

__all__ = ["ErrandRow"]


class ErrandRow(Base):
    """One errand of one host, for as long as somebody waits for its answer.

    ``ticket`` is the same for all hosts that are asked at once. ``value`` and
    ``sealed`` are gone as soon as the host has taken the errand. ``progress`` is how far
    it is, until ``answer`` is there. ``asked_by`` is the account, where a run is told of it.
    """

    __tablename__ = "errands"
    # SQLite would give the number of a removed row to a new one, and an answer to another.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 (as SQLAlchemy has it)

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket: Mapped[str] = mapped_column(String(32), index=True)
    host: Mapped[str] = mapped_column(ForeignKey("hosts.name", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    setting: Mapped[str] = mapped_column(String(64))
    reset: Mapped[bool]
    value: Mapped[dict[str, Any] | None]
    sealed: Mapped[str | None] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(index=True)
    taken: Mapped[datetime | None]
    message_to: Mapped[str | None] = mapped_column(String(254))
    progress: Mapped[dict[str, Any] | None]
    asked_by: Mapped[str | None] = mapped_column(String(64))
    answer: Mapped[dict[str, Any] | None]
