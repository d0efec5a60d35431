"""Log-ins with the master password, as lines of the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailpanel.models import AuditEntry
from mailpanel.reports import MasterLogIn
from mailpanel.services import audit
from mailpanel.services.audit import Author

__all__ = ["ACTION", "keep_log_ins"]

ACTION = "master.log_in"
SETTING = "imap_master_password"
SECOND = timedelta(seconds=1)


def keep_log_ins(session: Session, host: str, log_ins: Sequence[MasterLogIn]) -> None:
    """Write each of *log_ins*, which *host* has seen, unless it is there already.

    The host tells them again where it did not hear that they are kept.
    """
    if not log_ins:
        return
    since = min(map(_at, log_ins)) - SECOND
    query = select(AuditEntry.detail).where(AuditEntry.action == ACTION, AuditEntry.at >= since)
    known = {(each.get("host"), each.get("line")) for each in session.scalars(query)}
    for each in log_ins:
        if (host, each.line) in known:
            continue
        detail = {"host": host, "protocol": each.protocol, "line": each.line}
        audit.record(
            session,
            Author("", None, each.address),
            ACTION,
            SETTING,
            detail={"mailbox": each.mailbox, **detail},
            clock=partial(_at, each),
        )


def _at(log_in: MasterLogIn) -> datetime:
    return datetime.fromtimestamp(log_in.at, UTC)
