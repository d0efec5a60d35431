"""The mail hosts: what their couriers fetch and report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from mailpanel.errors import NotFound
from mailpanel.models import DesiredSetting, Host, HostSetting, Revision
from mailpanel.reports import Desired, MasterLogIn, Report
from mailpanel.services import audit
from mailpanel.services._log_ins import keep_log_ins
from mailpanel.services._rows import locked_row
from mailpanel.services._states import reported
from mailpanel.services._unbelieved import (
    Broken,
    as_boolean,
    as_name,
    as_number,
    as_object,
    as_text,
    raw,
)
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock, in_text, utc_now
from mailpanel.services.database import Database
from mailpanel.settings import SETTINGS
from mailpanel.words import _

__all__ = ["Desired", "Hosts", "Report", "away_after", "require_host"]

AWAY_AFTER = 3  # check intervals (API.md, Status)

Rows = list[dict[str, Any]]


def away_after(check_interval: float) -> timedelta:
    """Return how long a host may be silent before it is away; *check_interval* is in seconds."""
    return timedelta(seconds=AWAY_AFTER * check_interval)


def require_host(session: Session, name: str) -> None:
    """Raise :class:`NotFound` unless there is the host *name*; it stays until the transaction ends.

    Nothing else of its row is read: that may be broken.
    """
    query = _named(name).with_for_update(read=True, key_share=True)
    if not _is_text(name) or session.scalar(query) is None:
        raise NotFound(_("There is no such host."))


def _named(name: str) -> Select[Any]:
    return select(Host.name).where(Host.name == name)


class Hosts:
    """The mail hosts that have checked in.

    *check_interval* is in seconds: how often a live host checks in.
    """

    def __init__(
        self, database: Database, clock: Clock = utc_now, check_interval: float = 60.0
    ) -> None:
        self._database = database
        self._clock = clock
        self._away_after = away_after(check_interval)

    def checked_in(self, host: str, versions: dict[str, str]) -> bool:
        """Note that *host* is there, with the *versions* of its daemons; register it if new.

        Says whether it was new: then nothing that it reported before is known here.
        """
        with self._database.writing() as session:
            new = session.get(Host, host, with_for_update=True) is None
            row = self._registered(session, host)
            row.versions = dict(versions)
            row.last_seen = self._clock()
        return new

    def desired(self) -> Sequence[Desired]:
        """Return the desired revision of every setting that was ever set, resets too.

        Of a row that is broken the value is missing, so that its setting fails alone.
        """
        is_desired = (Revision.setting == DesiredSetting.setting) & (
            Revision.number == DesiredSetting.revision
        )
        with self._database.reading() as session:
            columns = raw(
                session,
                Revision.setting,
                Revision.number,
                Revision.reset,
                Revision.value,
                Revision.sealed,
                Revision.probe,
            )
            query = select(*columns).join_from(Revision, DesiredSetting, is_desired)
            rows = session.execute(
                query.where(Revision.setting.in_(SETTINGS)).order_by(Revision.setting)
            )
            return [_as_desired(*row) for row in rows]

    def report(self, host: str, report: Report) -> None:
        """Note what *host* says of one setting, in place of what it said before."""
        with self._database.writing() as session:
            row = self._about(session, host, report.setting)
            row.revision = report.revision
            row.status = report.status
            row.step = _as_text(report.step)
            row.error = _as_text(report.error)
            row.duration_ms = report.duration_ms
            row.highest_revision = report.highest_revision
            row.details = dict(report.details)
            row.reported = self._clock()

    def present(self, host: str, setting: str, value: dict[str, Any] | None) -> None:
        """Note what the admin's own configuration on *host* amounts to for *setting*."""
        with self._database.writing() as session:
            self._about(session, host, setting).present = value

    def log_ins(self, host: str, log_ins: Sequence[MasterLogIn]) -> None:
        """Write down who logged in with the master password on *host*, each once."""
        with self._database.writing() as session:
            keep_log_ins(session, host, log_ins)

    def list(self) -> Rows:
        """Return all hosts with their versions, last contact and reports."""
        with self._database.reading() as session:
            hosts = session.scalars(select(Host).order_by(Host.name)).all()
            reports = session.scalars(select(HostSetting).order_by(HostSetting.setting)).all()
        return [
            _as_dict(host, (each for each in reports if each.host == host.name)) for host in hosts
        ]

    def get(self, name: str) -> dict[str, Any]:
        """Return the host *name* as :meth:`list` does; raises :class:`NotFound`."""
        for host in self.list():
            if host["name"] == name:
                return host
        raise NotFound(_("There is no such host."))

    def require(self, name: str) -> None:
        """Raise :class:`NotFound` unless there is the host *name*, whatever it has told."""
        with self._database.reading() as session:
            if not _is_text(name) or session.scalar(_named(name)) is None:
                raise NotFound(_("There is no such host."))

    def any_live(self) -> bool:
        """Say whether at least one host is not away."""
        with self._database.reading() as session:
            seen = session.scalar(select(func.max(Host.last_seen)))
        return seen is not None and self._clock() - seen <= self._away_after

    def forget(self, name: str, author: Author) -> None:
        """Remove a host that is gone for good; raises :class:`NotFound`.

        One that is not gone registers again when it next checks in. *author* stands in
        the audit log.
        """
        with self._database.writing() as session:
            # Nothing of the row is read: it may be broken, and this mends it.
            if not _is_text(name) or session.scalar(_named(name).with_for_update()) is None:
                raise NotFound(_("There is no such host."))
            session.execute(delete(Host).where(Host.name == name))
            audit.record(session, author, "host.forget", detail={"host": name}, clock=self._clock)

    def drop(self, host: str) -> None:
        """Remove all that *host* has ever said: it says it anew when it next checks in."""
        with self._database.writing() as session:
            session.execute(delete(Host).where(Host.name == host))

    def _registered(self, session: Session, host: str) -> Host:
        now = self._clock()
        return locked_row(session, Host, {"name": host}, versions={}, first_seen=now, last_seen=now)

    def _about(self, session: Session, host: str, setting: str) -> HostSetting:
        # It may have been forgotten meanwhile, and is evidently there.
        self._registered(session, host)
        return locked_row(session, HostSetting, {"host": host, "setting": setting})


def _as_desired(setting: Any, number: Any, *columns: Any) -> Desired:
    name = as_name(setting)
    try:
        revision = as_number(number)
    except Broken:
        # Lower than any: the host says so, and what is live stays.
        return Desired(name, 0, False, None, None, True)
    try:
        reset, value, sealed, probe = columns
        return Desired(
            name,
            revision,
            as_boolean(reset),
            as_object(value),
            as_text(sealed),
            as_boolean(probe),
        )
    except Broken:
        return Desired(name, revision, False, None, None, True)


def _is_text(text: str) -> bool:
    """Say whether every database can hold *text*: PostgreSQL no NUL, none of them surrogates."""
    return _as_text(text) == text


def _as_text(text: str | None) -> str | None:
    # A daemon's own words may be in it, with whatever bytes.
    if text is None:
        return None
    return text.replace("\0", "�").encode("utf-8", "replace").decode("utf-8")


def _as_dict(host: Host, reports: Iterable[HostSetting]) -> dict[str, Any]:
    return {
        "name": host.name,
        "versions": host.versions,
        "first_seen": in_text(host.first_seen),
        "last_seen": in_text(host.last_seen),
        "settings": {report.setting: reported(report) for report in reports},
    }
