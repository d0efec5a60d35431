"""The history of a setting, a line for each revision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["COLUMNS", "for_people"]

COLUMNS = ("revision", "created", "author", "address", "change")

Entry = dict[str, Any]


def for_people(entry: Entry) -> Entry:
    """Return *entry* with what it changed in words."""
    return {**entry, "change": "; ".join(_words(entry))}


def _words(entry: Entry) -> Iterator[str]:
    if entry["unreadable"]:
        yield f"cannot be read: {entry['unreadable']} in the database is not what mailpanel wrote"
        return
    if entry["restored"] is not None:
        yield f"restored {entry['restored']}"
    if entry["reset"]:
        yield "reset"
        return
    for change in entry["changes"]:
        before, after = (_shown(change, side) for side in ("before", "after"))
        yield f"{change['field']}: {before} → {after}"
    if entry["secret"] == "changed":  # noqa: S105 (what became of it)
        yield "password changed"
    if not entry["probe"]:
        yield "not tried first"


def _shown(change: Entry, side: str) -> str:
    if side not in change:
        return "none"
    return "null" if change[side] is None else str(change[side])
