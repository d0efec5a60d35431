"""Who may call: accounts, their tokens, and bad credentials."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mailpanel.models.meta import Base

__all__ = ["Account", "FailedAttempt", "Token"]


class Account(Base):
    """Somebody who may log in or call the API.

    ``password_hash`` is an Argon2id string, or NULL: no panel log-in. ``language`` is a
    tag of BCP 47, or NULL: the browser's.
    """

    __tablename__ = "accounts"
    # SQLite would give the number of a removed row to a new one, and the log would lie.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 (as SQLAlchemy has it)

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    perm_level: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    enabled: Mapped[bool] = mapped_column(default=True)
    api_access: Mapped[bool] = mapped_column(default=True)
    created: Mapped[datetime]
    recovery_email: Mapped[str | None] = mapped_column(String(254))
    language: Mapped[str | None] = mapped_column(String(35))


class Token(Base):
    """A token of an account; ``digest`` is its SHA-256 in hex, the token itself is kept nowhere.

    ``settings`` and ``networks`` narrow it; NULL means no narrowing.
    """

    __tablename__ = "tokens"
    # SQLite would give the number of a removed row to a new one, and the log would lie.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 (as SQLAlchemy has it)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(255))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    read_only: Mapped[bool] = mapped_column(default=False)
    settings: Mapped[list[str] | None]
    networks: Mapped[list[str] | None]
    expires: Mapped[datetime | None]
    created: Mapped[datetime]
    last_used: Mapped[datetime | None]

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)


class FailedAttempt(Base):
    """How often one has tried within one window of time, under the name that *who* is.

    ``until`` is the window's end, in seconds since 1970.
    """

    __tablename__ = "failed_attempts"

    who: Mapped[str] = mapped_column(String(96), primary_key=True)
    until: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(default=0)
