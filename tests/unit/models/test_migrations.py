"""The migrations make what the models describe."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from stored import stored

from mailpanel.models import Base
from mailpanel.services.accounts import Accounts
from mailpanel.services.database import Database
from mailpanel.services.migration import OPTIONS


@pytest.fixture
def empty(empty_url):
    database = Database(empty_url)
    yield database
    database.dispose()


def test_no_difference_is_left_between_models_and_migrations(database):
    with database.reading() as session:
        context = MigrationContext.configure(
            session.connection(), opts={"compare_type": True, **OPTIONS}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_again_changes_nothing(empty):
    empty.migrate()
    Accounts(empty).add("admin", "MasterAdmin")
    before = stored(empty)
    empty.migrate()
    assert stored(empty) == before


def test_two_at_once_take_turns(empty, empty_url):
    other = Database(empty_url)
    with ThreadPoolExecutor(2) as executor:
        for done in [executor.submit(database.migrate) for database in (empty, other)]:
            done.result()
    other.dispose()
    empty.ping()
