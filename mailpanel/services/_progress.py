"""How far a setting is: who set it when, and each host's part."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from mailpanel.models import Host, HostSetting, Revision
from mailpanel.services._states import desired_revisions, reported, state_of, unless_gone
from mailpanel.services.clock import in_text

__all__ = ["progress"]


def progress(session: Session, name: str, now: datetime, away_after: timedelta) -> dict[str, Any]:
    """Return what GET /settings/<name>/status/ answers.

    A host that has not reported the desired revision is ``waiting``; ``away`` is
    true where it was not seen for *away_after*.
    """
    revision = desired_revisions(session, [name]).get(name)
    is_about = and_(HostSetting.host == Host.name, HostSetting.setting == name)
    query = select(Host, HostSetting).outerjoin(HostSetting, is_about).order_by(Host.name)
    rows = [(host, report) for host, report in session.execute(query)]
    state = None
    if revision is not None:
        state = unless_gone(state_of(revision, [(host.name, report) for host, report in rows]))
    hosts = [
        {
            **reported(report),
            "host": host.name,
            "status": _host_status(report, revision),
            "last_seen": in_text(host.last_seen),
            "away": now - host.last_seen > away_after,
        }
        for host, report in rows
    ]
    return {
        "name": name,
        "status": state.status if state else None,
        "error": state.error if state else None,
        **_origin(revision),
        "waiting_for": [each["host"] for each in hosts if each["status"] in _NOT_DONE],
        "hosts": hosts,
    }


_NOT_DONE = ("waiting", "applying")


def _host_status(report: HostSetting | None, revision: Revision | None) -> str | None:
    if revision is None:
        return None
    if report is None or report.revision != revision.number:
        return "waiting"
    return report.status


def _origin(revision: Revision | None) -> dict[str, Any]:
    return {
        "revision": revision.number if revision else None,
        "author": revision.author if revision else None,
        "address": revision.address if revision else None,
        "created": in_text(revision.created) if revision else None,
        "probe": revision.probe if revision else None,
    }
