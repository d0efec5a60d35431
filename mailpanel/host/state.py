"""Root's own state: which revision of each setting this host has, whatever the database says."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mailpanel.deployment import Deployment
from mailpanel.errors import HostError
from mailpanel.host import files
from mailpanel.host.ledger import Ledger
from mailpanel.host.own_files import FileLedger

__all__ = ["LEDGERS", "Record", "State", "read_state"]

# What is owned, by the part of the host.
LEDGERS: dict[str, type[Ledger | FileLedger]] = {
    "postfix": Ledger,
    "dovecot": FileLedger,
    "msmtp": FileLedger,
}


@dataclass(frozen=True, slots=True)
class Record:
    """Where one setting stands on this host.

    ``revision`` is the one last tried, ``live`` the one that the host runs with, 0
    for none of mailpanel's, ``highest`` the highest ever seen, below which none is
    accepted any more. ``since`` is in seconds since the epoch,
    ``duration_ms`` what the last try took. ``retry`` says whether trying the same
    revision again may help, ``next_attempt`` when that is done (0 for not). ``value`` is
    what is live, without any secret; ``pending`` is what takes its place at
    ``effective_from`` (seconds since the epoch; 0 for nothing).
    ``details`` is what the administrator should know of how it was done, ``bounds`` what
    root's own options allowed when it was. ``hops`` are the next hops that mail has been sent to
    for it, the present one last.
    """

    setting: str
    revision: int = 0
    highest: int = 0
    reset: bool = False
    status: str = "applying"
    step: str | None = None
    error: str | None = None
    duration_ms: int | None = None
    retry: bool = True
    next_attempt: float = 0.0
    since: float = 0.0
    live: int = 0
    value: dict[str, Any] | None = None
    pending: dict[str, Any] | None = None
    effective_from: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)
    bounds: str = ""
    hops: list[str] = field(default_factory=list)


class State:
    """The records of all settings, kept in one file that only root can read."""

    def __init__(self, state_directory: str) -> None:
        self._path = Path(state_directory, "ledger", "state.json")
        content = files.read_state(self._path).content
        try:
            rows = json.loads(content) if content is not None else []
            self._records = {row["setting"]: Record(**row) for row in rows}
        except (ValueError, TypeError, KeyError):
            raise HostError(
                "state.json in the state directory's ledger is damaged. Bring it back from a "
                "backup; without it, an old revision could be made live once more."
            ) from None

    @property
    def directory(self) -> Path:
        """Return where it stands, and what else root remembers may stand."""
        return self._path.parent

    def get(self, setting: str) -> Record:
        """Return the record of *setting*; an empty one where it was never tried."""
        return self._records.get(setting) or Record(setting)

    def all(self) -> list[Record]:
        """Return every record."""
        return list(self._records.values())

    def put(self, record: Record) -> None:
        """Store *record*, synced to disk; raises :class:`OSError` where that cannot be done.

        It then counts all the same for as long as this process runs.
        """
        highest = max(record.highest, record.revision, self.get(record.setting).highest)
        self._records[record.setting] = replace(record, highest=highest)
        rows = [asdict(each) for each in self._records.values()]
        state = files.read_state(self._path, mode=0o600)
        files.write(state.with_content(json.dumps(rows, indent=1).encode() + b"\n"))


def read_state(deployment: Deployment) -> list[dict[str, Any]]:
    """Return, for people and scripts, where each setting stands on this host.

    One dictionary each with ``setting``, ``status``, ``revision``, ``live`` (the
    revision that the host runs with, 0 for none), ``step``, ``error``, ``since`` and
    ``next_attempt`` (seconds since the epoch; 0 for none), ``details`` by their names, and
    ``owns``, the names of what mailpanel owns for it.
    Raises :class:`PermissionError` where the caller is not root's equal.
    """
    directory = Path(deployment.state_directory, "ledger")
    ledgers = [
        kind.loads(files.read_state(directory / f"{part}.json").content)
        for part, kind in LEDGERS.items()
    ]
    return [
        {
            **record.details,
            "setting": record.setting,
            "status": "not set" if _is_reset(record) else record.status,
            "revision": record.revision,
            "live": record.live,
            "step": record.step,
            "error": record.error,
            "since": record.since,
            "next_attempt": record.next_attempt,
            "owns": [name for each in ledgers for name in each.owned(record.setting)],
        }
        for record in State(deployment.state_directory).all()
    ]


def _is_reset(record: Record) -> bool:
    return record.reset and record.status == "applied"
