"""What passes between the database and a mail host: what is wanted, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Adopted",
    "ClearedFolder",
    "Desired",
    "Errand",
    "ErrandAnswer",
    "ErrandProgress",
    "FileDiff",
    "FolderPreview",
    "MasterLogIn",
    "Report",
    "Step",
]


@dataclass(frozen=True, slots=True)
class Desired:
    """The desired revision of one setting, as the database has it."""

    setting: str
    revision: int
    reset: bool
    value: dict[str, Any] | None
    sealed: str | None
    probe: bool


@dataclass(frozen=True, slots=True)
class Report:
    """How far a host is with a revision.

    ``status`` is ``applying``, ``applied`` or ``failed``; ``error`` is a sentence
    for the administrator. ``highest_revision`` is the highest that root on that
    host has accepted of this setting; ``details`` is what else there is to know, by name,
    such as when a value takes effect.
    """

    setting: str
    revision: int
    status: str
    step: str | None
    error: str | None
    duration_ms: int | None
    highest_revision: int
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MasterLogIn:
    """A log-in with the master password, at *at* (seconds since the epoch).

    ``line`` is where in the log it stands, by which the host knows it again.
    """

    mailbox: str
    address: str
    protocol: str
    at: float
    line: str


@dataclass(frozen=True, slots=True)
class Errand:
    """Unsaved values that one host is to try once, and answer.

    ``kind`` is ``test``, or ``dry_run``, which tells what would change and leaves the
    probe out; ``reset`` asks it of the reset. ``sealed`` is the secret, where there is one,
    and ``message_to`` the address that a test sends one real message to, where it does.
    Of ``put_back`` and ``adopt`` the setting alone counts.
    """

    number: int
    kind: str
    setting: str
    reset: bool
    value: dict[str, Any] | None
    sealed: str | None
    message_to: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a test: whether it went well, in how many milliseconds, and a sentence."""

    name: str
    ok: bool
    duration_ms: int
    says: str


@dataclass(frozen=True, slots=True)
class ErrandProgress:
    """How far an errand is: the ``steps`` that have ended, and the one under way ``now``."""

    number: int
    steps: tuple[Step, ...]
    now: str | None


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What would change in the file *path*, as a unified diff with the secrets masked."""

    path: str
    diff: str


@dataclass(frozen=True, slots=True)
class FolderPreview:
    """What would be deleted from *folder* after *days*, in all mailboxes of a host.

    ``newly`` of the ``messages`` are younger than what the present interval deletes.
    ``oldest`` is the day on which the oldest came into its folder (RFC 3339), ``None``
    where there is none. Not ``complete``: there are at least as many. ``says`` tells it.
    """

    folder: str
    days: int
    messages: int
    newly: int
    bytes: int
    mailboxes: int
    oldest: str | None
    complete: bool
    says: str


@dataclass(frozen=True, slots=True)
class ClearedFolder:
    """What was deleted from *folder* as older than *days*, in all mailboxes of a host.

    Not ``complete``: there may be more that is due.
    """

    folder: str
    days: int
    messages: int
    bytes: int
    mailboxes: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Adopted:
    """What stands on a host as the value of a setting; its secret sealed to its destination."""

    value: dict[str, Any]
    sealed: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ErrandAnswer:
    """What a host says of an errand: ``error`` is ``None`` where all went well.

    ``preview`` is ``None`` where it was not asked for or could not be told, ``adopted``
    where nothing is to be adopted.
    """

    number: int
    error: str | None
    steps: tuple[Step, ...]
    diffs: tuple[FileDiff, ...]
    preview: tuple[FolderPreview, ...] | None = None
    adopted: Adopted | None = None
