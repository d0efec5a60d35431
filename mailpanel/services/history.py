"""The history of a setting: who made it what, when and from where."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailpanel.errors import NotFound
from mailpanel.models import Revision
from mailpanel.services._revisions import is_restorable
from mailpanel.services.broken_rows import broken_revisions
from mailpanel.services.clock import in_text
from mailpanel.services.database import Database
from mailpanel.settings import SETTINGS, Setting
from mailpanel.words import _

__all__ = ["LARGEST_PAGE", "PAGE", "History"]

PAGE, LARGEST_PAGE = 50, 100  # entries

Entry = dict[str, Any]


class History:
    """What each setting was at any time; no secret is in it."""

    def __init__(self, database: Database, settings: Mapping[str, Setting] = SETTINGS) -> None:
        self._database = database
        self._settings = settings

    def require(self, name: str, number: int) -> None:
        """Raise :class:`NotFound` unless setting *name* has a revision *number*."""
        query = select(Revision.number).where(Revision.setting == name, Revision.number == number)
        with self._database.reading() as session:
            if session.scalar(query) is None:
                raise NotFound(_("There is no such revision of this setting."))

    def values(self, name: str, numbers: Collection[int]) -> dict[int, dict[str, Any] | None]:
        """Return what may be shown of those revisions of setting *name*; ``None`` for a reset.

        One that cannot be read is left out.
        """
        setting = self._settings[name]
        with self._database.reading() as session:
            revisions, _broken = self._read(session, name, numbers)
        return {
            number: None if each.value is None else setting.shown(each.value) or {}
            for number, each in revisions.items()
        }

    def page(
        self, name: str, limit: int = PAGE, before: int | None = None
    ) -> tuple[list[Entry], int | None]:
        """Return *limit* revisions of setting *name*, the newest first, those below *before*.

        And what *before* is for the next page, ``None`` where there is none. One that
        cannot be read says so, and keeps no other one from being read. Raises
        :class:`NotFound` where there is no such setting.
        """
        setting = self._settings.get(name)
        if setting is None:
            raise NotFound(_("There is no such setting."))
        query = select(Revision.number).where(Revision.setting == name)
        if before is not None:
            query = query.where(Revision.number < before)
        query = query.order_by(Revision.number.desc()).limit(limit + 1)
        with self._database.reading() as session:
            numbers = session.scalars(query).all()
            revisions, broken = self._read(session, name, numbers)
        # One more than was asked for: what the last one of the page differs from.
        more = len(numbers) > limit
        entries = [
            _unreadable(number, broken[number])
            if number in broken
            else _entry(setting, revisions[number], revisions.get(earlier), earlier not in broken)
            for number, earlier in pairwise([*numbers, *([] if more else [0])])
        ]
        return entries, entries[-1]["revision"] if more else None

    def _read(
        self, session: Session, name: str, numbers: Collection[int]
    ) -> tuple[dict[int, Revision], dict[int, str]]:
        """Return those that can be read, and of the others the column that cannot."""
        broken = broken_revisions(session, name, numbers, self._settings)
        readable = [number for number in numbers if number not in broken]
        query = select(Revision).where(Revision.setting == name, Revision.number.in_(readable))
        return {each.number: each for each in session.scalars(query)}, broken


def _entry(
    setting: Setting, revision: Revision, earlier: Revision | None, comparable: bool
) -> Entry:
    """Return what is told of *revision*; what it changed where *earlier* can be read."""
    value, before = _shown(setting, revision), _shown(setting, earlier)
    return {
        "revision": revision.number,
        "author": revision.author,
        "token_id": revision.token_id,
        "address": revision.address,
        "created": in_text(revision.created),
        "reset": revision.reset,
        "value": value,
        "secret": revision.secret,
        "changes": list(_changes(setting, before or {}, value or {})) if comparable else [],
        "probe": revision.probe,
        "restored": revision.restored,
        "restorable": is_restorable(setting, revision),
        "unreadable": None,
    }


def _unreadable(number: int, column: str) -> Entry:
    """Return all that is told of a revision of which *column* is nothing that mailpanel wrote."""
    unknown = ("author", "token_id", "address", "created", "reset", "value", "secret", "probe")
    told: Entry = {"changes": [], "restored": None, "restorable": False, "unreadable": column}
    return {"revision": number, **dict.fromkeys(unknown), **told}


def _shown(setting: Setting, revision: Revision | None) -> Entry | None:
    if revision is None or revision.value is None:
        return None
    return setting.shown(revision.value)


def _changes(setting: Setting, before: Entry, after: Entry) -> Iterator[Entry]:
    """Yield each field that differs; ``before`` or ``after`` is left out where it was not there."""
    for field in (node.name for node in setting.schema().children):
        sides = {
            side: value[field]
            for side, value in (("before", before), ("after", after))
            if field in value
        }
        if len(sides) == 1 or (sides and sides["before"] != sides["after"]):
            yield {"field": field, **sides}
