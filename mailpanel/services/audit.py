"""The audit log: who did what, when and from where. It is only added to."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailpanel.models import AuditEntry
from mailpanel.services.clock import Clock, in_text, utc_now
from mailpanel.services.database import Database, once_stored
from mailpanel.system_log import AUDIT

__all__ = ["LARGEST_PAGE", "PAGE", "AuditLog", "Author", "record"]

PAGE, LARGEST_PAGE = 100, 1000  # entries

# Each line stands in the log of whichever process wrote it too, and so with syslog or
# journald, out of reach of whoever can write to the database.
log = logging.getLogger(AUDIT)


@dataclass(frozen=True, slots=True)
class Author:
    """Who does something: an account, its token where one was used, and from where.

    ``address`` is empty for the command on the host itself.
    """

    username: str
    token_id: int | None
    address: str


class AuditLog:
    """The audit log, to be read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        limit: int = PAGE,
        before: int | None = None,
        *,
        since: datetime | None = None,
        **columns: str | None,
    ) -> tuple[list[dict[str, Any]], int | None]:
        """Return *limit* entries, the newest first, those below number *before*.

        And what *before* is for the next page, ``None`` where there is none. *columns* is
        what ``setting``, ``author`` and ``action`` are to be; ``None`` does not matter.
        """
        query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit + 1)
        query = query.filter_by(**{name: each for name, each in columns.items() if each})
        if since is not None:
            query = query.where(AuditEntry.at >= since)
        if before is not None:
            query = query.where(AuditEntry.id < before)
        with self._database.reading() as session:
            entries = [_as_dict(entry) for entry in session.scalars(query)]
        shown = entries[:limit]
        return shown, shown[-1]["id"] if len(entries) > limit else None


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
    entry = AuditEntry(
        at=clock(),
        author=author.username,
        token_id=author.token_id,
        address=author.address,
        action=action,
        setting=setting,
        revision=revision,
        detail=detail or {},
    )
    session.add(entry)
    once_stored(session, lambda: log.info("%s", json.dumps(_as_dict(entry))))


def _as_dict(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": in_text(entry.at),
        "author": entry.author,
        "token_id": entry.token_id,
        "address": entry.address,
        "action": entry.action,
        "setting": entry.setting,
        "revision": entry.revision,
        "detail": entry.detail,
    }
