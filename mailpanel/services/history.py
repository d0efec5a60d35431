"""The history of a setting: who made it what, when and from where."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from mailpanel.errors import NotFound
from mailpanel.models import Revision
from mailpanel.services._revisions import found, is_restorable
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
        with self._database.reading() as session:
            found(session, name, number)

    def values(self, name: str, numbers: Collection[int]) -> dict[int, dict[str, Any] | None]:
        """Return what may be shown of those revisions of setting *name*; ``None`` for a reset."""
        setting = self._settings[name]
        is_one = (Revision.setting == name, Revision.number.in_(numbers))
        with self._database.reading() as session:
            return {
                each.number: None if each.value is None else setting.shown(each.value) or {}
                for each in session.scalars(select(Revision).where(*is_one))
            }

    def page(
        self, name: str, limit: int = PAGE, before: int | None = None
    ) -> tuple[list[Entry], int | None]:
        """Return *limit* revisions of setting *name*, the newest first, those below *before*.

        And what *before* is for the next page, ``None`` where there is none. Raises
        :class:`NotFound` where there is no such setting.
        """
        setting = self._settings.get(name)
        if setting is None:
            raise NotFound(_("There is no such setting."))
        query = select(Revision).where(Revision.setting == name)
        if before is not None:
            query = query.where(Revision.number < before)
        query = query.order_by(Revision.number.desc()).limit(limit + 1)
        with self._database.reading() as session:
            revisions: list[Revision | None] = list(session.scalars(query))
        # One more than was asked for: what the last one of the page differs from.
        more = len(revisions) > limit
        entries = [
            _entry(setting, revision, earlier)
            for revision, earlier in pairwise([*revisions, *([] if more else [None])])
            if revision is not None
        ]
        return entries, entries[-1]["revision"] if more else None


def _entry(setting: Setting, revision: Revision, earlier: Revision | None) -> Entry:
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
        "changes": list(_changes(setting, before or {}, value or {})),
        "probe": revision.probe,
        "restored": revision.restored,
        "restorable": is_restorable(setting, revision),
    }


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
