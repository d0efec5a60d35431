"""The sealed secrets of all revisions, to be sealed with another key."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select, update

from mailpanel.models import Revision
from mailpanel.services import audit
from mailpanel.services.audit import Author
from mailpanel.services.database import Database

__all__ = ["put_resealed", "sealed_secrets"]


def sealed_secrets(database: Database) -> list[str]:
    """Return all boxes, each once."""
    query = select(Revision.sealed).where(Revision.sealed.is_not(None)).distinct()
    with database.reading() as session:
        return [each for each in session.scalars(query) if each]


def put_resealed(database: Database, boxes: Mapping[str, str], author: Author) -> None:
    """Put in the place of each box the one that *boxes* has for it; all of them or none."""
    with database.writing() as session:
        for old, new in boxes.items():
            session.execute(update(Revision).where(Revision.sealed == old).values(sealed=new))
        audit.record(session, author, "keys.rotate", detail={"resealed": len(boxes)})
