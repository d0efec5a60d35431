"""What differs in a file of a host, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Diff", "diffs_of"]

_KINDS = {"+": "add", "-": "del"}
_HEADER = 2  # lines, which name the file


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs in the file *path*; each of *lines* with its kind, ``add`` or ``del``."""

    path: str
    lines: list[tuple[str, str]]

    @property
    def name(self) -> str:
        """Return the file's name without its directory."""
        return self.path.rpartition("/")[2]


def diffs_of(told: Iterable[Mapping[str, str]]) -> list[Diff]:
    """Return what a host has *told* as unified diffs; they come with the secrets masked."""
    return [Diff(each["path"], _lines(each["diff"])) for each in told]


def _lines(diff: str) -> list[tuple[str, str]]:
    shown = [line for line in diff.splitlines()[_HEADER:] if not line.startswith("@@")]
    return [(line, _KINDS.get(line[:1], "")) for line in shown]
