"""What the mail hosts report."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from mailpanel.models.meta import Base

__all__ = ["Host", "HostSetting"]


class Host(Base):
    """A mail host, registered since its apply service first checked in."""

    __tablename__ = "hosts"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    versions: Mapped[dict[str, str]]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class HostSetting(Base):
    """What a host last reported about one setting.

    ``revision`` and ``status`` are NULL until it worked on one. ``present`` is what
    the admin's own configuration amounts to where mailpanel does not manage it;
    ``details`` is what else the host told, as the setting names it.
    """

    __tablename__ = "host_settings"

    host: Mapped[str] = mapped_column(
        ForeignKey("hosts.name", ondelete="CASCADE"), primary_key=True
    )
    setting: Mapped[str] = mapped_column(String(64), primary_key=True)
    revision: Mapped[int | None]
    status: Mapped[str | None] = mapped_column(String(16))
    step: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None] = mapped_column(Text)
    duration_ms: Mapped[int | None]
    highest_revision: Mapped[int] = mapped_column(default=0)
    reported: Mapped[datetime | None]
    present: Mapped[dict[str, Any] | None]
    details: Mapped[dict[str, Any] | None]
