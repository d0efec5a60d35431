"""What passes between the database and a mail host: what is wanted, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Desired", "Report"]


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
