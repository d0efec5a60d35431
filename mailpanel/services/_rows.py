"""A row to change, locked, whether it was there before or not."""

from __future__ import annotations

import contextlib
from typing import Any, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mailpanel.models import Base

__all__ = ["locked_row"]

TRIES = 3

Model = TypeVar("Model", bound=Base)


def locked_row(session: Session, model: type[Model], key: dict[str, Any], **first: Any) -> Model:
    """Return the row of *model* under *key*, locked until the transaction ends.

    Where there is none it is added, with the values *first*.
    """
    for _ in range(TRIES):
        row = session.get(model, key, with_for_update=True)
        if row is not None:
            return row
        # Another transaction may add it at the same moment; then that one is taken, unless
        # it is gone again.
        with contextlib.suppress(IntegrityError), session.begin_nested():
            session.add(model(**key, **first))
    return session.get_one(model, key, with_for_update=True)
