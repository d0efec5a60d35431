"""Which row of the database is nothing that mailpanel wrote.

It is asked where something has failed that nobody foresaw: whoever can write to the database
can write anything, and a fault that names the row is one that an administrator can mend.
What a mail host fetches is read otherwise, row by row: see ``_unbelieved``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Date,
    Integer,
    String,
    Table,
    func,
    null,
    select,
)
from sqlalchemy.orm import Session

from mailpanel.models import Base
from mailpanel.models.meta import UtcDateTime
from mailpanel.services._contents import is_right
from mailpanel.services._unbelieved import as_boolean, as_number, raw
from mailpanel.services.database import Database
from mailpanel.settings import SETTINGS, Setting
from mailpanel.words import _, sentences

__all__ = ["BrokenRow", "BrokenRows", "broken_revisions"]

log = logging.getLogger(__name__)

# Of each table, the newest first: a fault is answered while somebody waits.
MOST = 10_000
LONGEST = 64
# Their keys are hashes of secrets, or networks of strangers.
UNNAMED = ("recovery_codes", "failed_attempts")

CORRECT = _("Correct that row, or restore the database from a backup.")
FORGET = _("Forget the host, by the API: it tells all anew.")
REMEDIES = {
    "revisions": sentences(
        _(
            "If it is the present one, save the setting once more, by the API or mailpanel "
            "setting set."
        ),
        CORRECT,
    ),
    "hosts": FORGET,
    "host_settings": FORGET,
    "errands": _("It is forgotten in two minutes."),
    "panel_sessions": _("Log in anew."),
    "tokens": _("Revoke that token, and make another."),
}

Reader = Callable[[str], Any]
Words = dict[str, str | bytes | None]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A column of a row that cannot be read; *key* is empty where it may not be told."""

    table: str
    key: str
    column: str

    def __str__(self) -> str:
        which = _(
            "The database holds what mailpanel did not write: ${column} in the table ${row}.",
            column=self.column,
            row=f"{self.table} ({self.key})" if self.key else self.table,
        )
        return sentences(which, REMEDIES.get(self.table, CORRECT))


class BrokenRows:
    """Looks for broken rows in all tables, as far as the rules of *settings* tell of values."""

    def __init__(self, database: Database, settings: Mapping[str, Setting] = SETTINGS) -> None:
        self._database = database
        self._settings = settings

    def first(self) -> BrokenRow | None:
        """Return a broken row, and log it; ``None`` where there is none, or none was found.

        Raises :class:`DatabaseAway`.
        """
        with self._database.reading() as session:
            found = next(self._all(session), None)
        if found is not None:
            log.error("%s", found)
        return found

    def _all(self, session: Session) -> Iterator[BrokenRow]:
        for table in Base.metadata.sorted_tables:
            for row in _rows(session, table):
                column = _broken(table, row, self._settings)
                if column is not None:
                    yield BrokenRow(table.name, _key(table, row), column)


def broken_revisions(
    session: Session, name: str, numbers: Collection[int], settings: Mapping[str, Setting]
) -> dict[int, str]:
    """Return which of those revisions of setting *name* cannot be read, with the column; log each.

    Whoever reads the others of a list has to leave these out.
    """
    table = Base.metadata.tables["revisions"]
    found = {}
    for row in _rows(session, table, table.c.setting == name, table.c.number.in_(numbers)):
        column = _broken(table, row, settings)
        if column is not None:
            log.error("%s", BrokenRow(table.name, _key(table, row), column))
            found[as_number(row["number"])] = column
    return found


def _broken(table: Table, row: Words, settings: Mapping[str, Setting]) -> str | None:
    """Return the name of the column of *row* that cannot be read, or ``None``."""
    told = {}
    for column in table.columns:
        try:
            told[column.name] = _told(column, row)
        except (ValueError, RecursionError):
            return column.name
    return next((name for name in told if not is_right(table.name, name, told, settings)), None)


def _rows(session: Session, table: Table, *where: ColumnElement[bool]) -> Iterator[Words]:
    """Yield the newest rows: each column as the bytes that stand there, and what SQLite takes
    them for, under ``typeof``."""
    columns = list(table.columns)
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    types = [func.typeof(each) if on_sqlite else null() for each in columns]
    newest = [each.desc() for each in table.primary_key]
    query = select(*raw(session, *columns), *types).where(*where).order_by(*newest).limit(MOST)
    for found in session.execute(query):
        names = [each.name for each in columns]
        yield dict(zip([*names, *(f"typeof {name}" for name in names)], found, strict=True))


def _told(column: Column[Any], row: Words) -> Any:
    """Return what stands in *column* of *row*; raises :class:`ValueError` where it is no such."""
    stored, kind = row[column.name], row[f"typeof {column.name}"]
    if stored is None:
        if not column.nullable:
            raise ValueError
        return None
    wanted = "integer" if isinstance(column.type, Integer | Boolean) else "text"
    if kind not in (None, wanted):
        raise ValueError
    text = stored.decode() if isinstance(stored, bytes) else stored
    return _reader(column)(text)


def _reader(column: Column[Any]) -> Reader:
    for kind, reader in _READERS.items():
        if isinstance(column.type, kind):
            return _LISTS.get((column.table.name, column.name), reader)
    raise TypeError(f"nothing is known of {column.type}")


def _object(text: str) -> dict[str, Any]:
    read = json.loads(text)
    if not isinstance(read, dict):
        raise ValueError
    return read


def _list(text: str) -> list[str]:
    read = json.loads(text)
    if not isinstance(read, list) or not all(isinstance(each, str) for each in read):
        raise ValueError
    return read


def _objects(text: str) -> list[dict[str, Any]]:
    read = json.loads(text)
    if not isinstance(read, list) or not all(isinstance(each, dict) for each in read):
        raise ValueError
    return read


_LISTS: dict[tuple[str, str], Reader] = {
    ("tokens", "settings"): _list,
    ("tokens", "networks"): _list,
    ("clearings", "folders"): _objects,
}
_READERS: dict[type, Reader] = {
    Boolean: as_boolean,
    Integer: int,
    UtcDateTime: datetime.fromisoformat,
    Date: date.fromisoformat,
    JSON: _object,
    String: str,
}


def _key(table: Table, row: Words) -> str:
    """Return which row it is, in words that can be shown."""
    if table.name in UNNAMED:
        return ""
    words = {column.name: row[column.name] or b"" for column in table.primary_key}
    return ", ".join(f"{name} {_shown(word)}" for name, word in words.items())


def _shown(word: str | bytes) -> str:
    text = word.decode("utf-8", "replace") if isinstance(word, bytes) else word
    return "".join(char if char.isprintable() else "?" for char in text)[:LONGEST]
