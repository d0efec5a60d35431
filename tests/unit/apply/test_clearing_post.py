"""The courier claims runs and writes what came of them, in the order in which it was said."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from mailpanel.apply.clearing_post import ClearingPost
from mailpanel.apply.faults import Complaints
from mailpanel.apply.messages import ClearingClaimed, ClearingDue, ClearingTold, ClearingUnderWay
from mailpanel.errors import DatabaseAway
from mailpanel.models import ClearingRow
from mailpanel.reports import ClearedFolder
from mailpanel.services.claimed_clearings import ClaimedClearings
from mailpanel.services.database import Database

DAY = "2026-11-23"
FOLDER = ClearedFolder("Junk", 7, 3, 300, 2, complete=True)


@pytest.fixture
def backend() -> str:
    return "sqlite"


def post_of(database: Database) -> ClearingPost:
    return ClearingPost(ClaimedClearings(database, "mx1", "store"), Complaints(lambda: None))


def errors(database: Database) -> list[tuple[bool, int]]:
    """Return of each run whether it has failed, and what it cleared."""
    with database.reading() as session:
        rows = session.scalars(select(ClearingRow).order_by(ClearingRow.id))
        return [(row.error is not None, row.messages) for row in rows]


def test_a_run_is_claimed_and_told_of(database):
    post = post_of(database)
    assert post.claimed(ClearingDue(5, DAY, 0)) == ClearingClaimed(5, 1)
    post.take(ClearingTold(1, False, None, "so far", ()))
    post.take(ClearingTold(1, True, None, "done", (FOLDER,)))
    post.write()
    assert errors(database) == [(False, 3)]
    assert post.claimed(ClearingDue(6, DAY, 0)) == ClearingClaimed(6, 0)


def test_a_run_that_was_killed_is_over_before_another_is_claimed(database):
    """Else it would be given once more, and be told to be over while it goes on."""
    ClaimedClearings(database, "mx1", "store").claim_day(date.fromisoformat(DAY))
    post = post_of(database)
    post.take(ClearingUnderWay(0))
    assert post.claimed(ClearingDue(1, DAY, 0)) == ClearingClaimed(1, 0)
    assert errors(database) == [(True, 0)]


def test_while_the_database_is_away_nothing_is_claimed_and_nothing_lost(database, tmp_path):
    post = post_of(database)
    assert post.claimed(ClearingDue(1, DAY, 0)) == ClearingClaimed(1, 1)
    post.take(ClearingTold(1, True, None, "done", (FOLDER,)))
    file = tmp_path / "mailpanel.sqlite"
    database.dispose()
    file.rename(tmp_path / "away")
    with pytest.raises(DatabaseAway):
        post.write()
    assert post.claimed(ClearingDue(2, "2026-11-24", 0)) is None
    database.dispose()
    (tmp_path / "away").rename(file)
    post.write()
    assert errors(database) == [(False, 3)]


def test_a_day_that_is_none_is_no_ones_end(database):
    """The courier takes nothing on trust either."""
    assert post_of(database).claimed(ClearingDue(1, "yesterday", 0)) is None
