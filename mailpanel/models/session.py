"""Who is logged in to the panel."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mailpanel.models.account import Account
from mailpanel.models.meta import Base

__all__ = ["PanelSession"]


class PanelSession(Base):
    """A log-in; ``digest`` is the SHA-256 of its id in hex, the id itself is kept nowhere.

    ``proved`` is when its owner last gave the password or the second factor. ``kept`` is
    for the next page: a sentence to show, or what was typed into a form that could not be
    saved. It never holds a secret.
    """

    __tablename__ = "panel_sessions"
    # SQLite would give the number of a removed row to a new one, and the log would lie.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 (as SQLAlchemy has it)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    csrf_token: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime]
    proved: Mapped[datetime]
    last_used: Mapped[datetime]
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(255))
    kept: Mapped[dict[str, Any]]

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)
