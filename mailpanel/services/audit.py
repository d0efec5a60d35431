"""The audit log: who did what, when and from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from mailpanel.models import AuditEntry
from mailpanel.services.clock import Clock, utc_now

__all__ = ["Author", "record"]


@dataclass(frozen=True, slots=True)
class Author:
    """Who does something: an account, its token where one was used, and from where.

    ``address`` is empty for the command on the host itself.
    """

    username: str
    token_id: int | None
    address: str


def record(
    session: Session,
    author: Author,
    action: str,
    setting: str | None = None,
    revision: int | None = None,
    *,
    detail: dict[str, Any] | None = None,
    clock: Clock = utc_now,
) -> None:
    """Write one line of the log, in the transaction of what it tells of.

    *detail* must be fit to be read by every administrator: no secret, ever.
    """
    session.add(
        AuditEntry(
            at=clock(),
            author=author.username,
            token_id=author.token_id,
            address=author.address,
            action=action,
            setting=setting,
            revision=revision,
            detail=detail or {},
        )
    )
