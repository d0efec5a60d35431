"""What a database keeps, byte for byte."""

from __future__ import annotations

from sqlalchemy import literal_column, select, text

from mailpanel.models import Base
from mailpanel.services.database import Database

__all__ = ["stored"]


def stored(database: Database) -> bytes:
    """Return SQLite's files, or all rows of PostgreSQL's as text."""
    if database.file is not None:
        files = database.file.parent.glob(f"{database.file.name}*")
        # -shm is an index of the journal, made anew by whoever reads.
        return b"".join(file.read_bytes() for file in files if not file.name.endswith("-shm"))
    with database.reading() as session:
        rows = [
            row
            for name in Base.metadata.tables
            for row in session.scalars(
                select(literal_column(f"{name}::text")).select_from(text(name))
            )
        ]
    return "\n".join(rows).encode()
