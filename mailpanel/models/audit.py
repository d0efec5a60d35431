"""Who did what, when and from where."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from mailpanel.models.meta import Base

__all__ = ["AuditEntry"]


class AuditEntry(Base):
    """One line of the audit log; ``detail`` never holds a secret."""

    __tablename__ = "audit_entries"
    # SQLite would give the number of a removed row to a new one.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 (as SQLAlchemy has it)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    author: Mapped[str] = mapped_column(String(64))
    # No foreign key: the log outlives the token.
    token_id: Mapped[int | None]
    address: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))
    setting: Mapped[str | None] = mapped_column(String(64))
    revision: Mapped[int | None]
    detail: Mapped[dict[str, Any]]
