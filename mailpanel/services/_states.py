"""The state of a setting: what is desired, beside what the hosts report of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from mailpanel.models import DesiredSetting, Host, HostSetting, Revision
from mailpanel.services.clock import in_text

__all__ = [
    "SettingState",
    "desired_revisions",
    "read_states",
    "reported",
    "state_of",
    "unless_gone",
]

Answers = Iterable[tuple[str, HostSetting | None]]


@dataclass(frozen=True, slots=True)
class SettingState:
    """A setting as the API shows it.

    ``status`` is ``applying``, ``applied``, ``failed`` or ``deleting``. ``is_set``
    is false, and ``value`` ``None``, from the reset on. ``error`` is one sentence
    that names host and step, where the status is ``failed``. ``generated`` is the secret
    that a change has just made: nothing stores it, so it is shown here or never.
    """

    name: str
    status: str
    value: dict[str, Any] | None
    revision: int
    error: str | None = None
    is_set: bool = True
    generated: str | None = field(default=None, repr=False)

    def reached(self, later: SettingState | None) -> SettingState | None:
        """Return *later*, what has become of this change, with the secret that it made.

        Without it where the change failed: the one before is still the one that counts.
        """
        if later is None or later.revision != self.revision or later.status == "failed":
            return later
        return replace(later, generated=self.generated)

    def as_dict(self) -> dict[str, Any]:
        """Return the object of API.md for GET and POST."""
        value = self.value if self.generated is None else self.generated
        answer = {"name": self.name, "status": self.status, "value": value}
        return answer if self.error is None else {**answer, "error": self.error}

    def as_deleting(self) -> dict[str, Any]:
        """Return the object of API.md for DELETE."""
        answer = {"name": self.name, "status": self.status}
        return answer if self.error is None else {**answer, "error": self.error}


def desired_revisions(
    session: Session, names: Collection[str] | None = None
) -> dict[str, Revision]:
    """Return the desired revision of each setting in *names*, or of all, that was ever set."""
    is_desired = and_(
        Revision.setting == DesiredSetting.setting, Revision.number == DesiredSetting.revision
    )
    query = select(Revision).join(DesiredSetting, is_desired).order_by(Revision.setting)
    if names is not None:
        query = query.where(Revision.setting.in_(names))
    return {revision.setting: revision for revision in session.scalars(query)}


def read_states(session: Session, names: Collection[str]) -> dict[str, SettingState]:
    """Return the state of each setting in *names* that was ever set."""
    revisions = desired_revisions(session, names)
    if not revisions:
        return {}
    is_about = and_(HostSetting.host == Host.name, HostSetting.setting.in_(revisions))
    query = select(Host.name, HostSetting).outerjoin(HostSetting, is_about).order_by(Host.name)
    rows = session.execute(query).all()
    hosts = dict.fromkeys(host for host, _ in rows)
    reports = {(host, report.setting): report for host, report in rows if report is not None}
    return {
        name: state_of(revision, [(host, reports.get((host, name))) for host in hosts])
        for name, revision in revisions.items()
    }


def state_of(revision: Revision, answers: Answers) -> SettingState:
    """Return the state of *revision*, given each registered host with its last report."""
    status, error = _status(revision, list(answers))
    return SettingState(
        name=revision.setting,
        status=status,
        value=revision.value,
        revision=revision.number,
        error=error,
        is_set=not revision.reset,
    )


def reported(report: HostSetting | None) -> dict[str, Any]:
    """Return what a host said of a setting, as the API shows it; all ``None`` where nothing.

    With what else it told, by the names that it gave it; none of them hides one of these.
    """
    told = (report.details or {}) if report else {}
    return {
        **told,
        "status": report.status if report else None,
        "revision": report.revision if report else None,
        "step": report.step if report else None,
        "error": report.error if report else None,
        "duration_ms": report.duration_ms if report else None,
        "live_revision": told.get("live_revision"),
        "next_attempt": told.get("next_attempt"),
        "reported": in_text(report.reported) if report else None,
        "present": report.present if report else None,
    }


def unless_gone(state: SettingState | None) -> SettingState | None:
    """Return *state*, or ``None`` where it is a reset that every registered host reported."""
    gone = state is None or (not state.is_set and state.status == "applied")
    return None if gone else state


def _status(
    revision: Revision, answers: list[tuple[str, HostSetting | None]]
) -> tuple[str, str | None]:
    failed: list[tuple[str, HostSetting]] = []
    pending = not answers
    for host, report in answers:
        about_this = report is not None and report.revision == revision.number
        if report is not None and about_this and report.status == "failed":
            failed.append((host, report))
        elif report is None or not about_this or report.status != "applied":
            pending = True
    if pending:
        return ("deleting" if revision.reset else "applying"), None
    return ("failed", _sentence(failed)) if failed else ("applied", None)


def _sentence(failed: list[tuple[str, HostSetting]]) -> str:
    host, report = failed[0]
    where = f"{host}, {report.step}" if report.step else host
    others = len(failed) - 1
    more = f" And {others} more host{'s' if others > 1 else ''}." if others else ""
    return f"{where}: {report.error or 'The change failed.'}{more}"
