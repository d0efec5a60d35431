"""What is wanted: the revisions of each setting, and which of them is desired."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from mailpanel.models.meta import Base

__all__ = ["DesiredSetting", "Revision"]


class DesiredSetting(Base):
    """The number of the desired revision; 0 until the first one is stored.

    This row is what a change of the setting locks.
    """

    __tablename__ = "desired_settings"

    setting: Mapped[str] = mapped_column(String(64), primary_key=True)
    revision: Mapped[int] = mapped_column(default=0)


class Revision(Base):
    """One revision of a setting: a value, or a reset to what was there before.

    ``value`` never holds a secret; ``sealed`` is the secret as only a mail host
    can open it, and NULL once the revision is old. ``secret`` says whether that was
    ``changed`` or ``kept``, and stays; NULL is none. ``probe`` is false where the
    administrator had the probe skipped. ``restored`` is the revision that this one
    brought back, where it did.
    """

    __tablename__ = "revisions"

    setting: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reset: Mapped[bool]
    value: Mapped[dict[str, Any] | None]
    sealed: Mapped[str | None] = mapped_column(Text)
    probe: Mapped[bool]
    author: Mapped[str] = mapped_column(String(64))
    # No foreign key: the history outlives the token.
    token_id: Mapped[int | None]
    address: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime]
    secret: Mapped[str | None] = mapped_column(String(8))
    restored: Mapped[int | None]
