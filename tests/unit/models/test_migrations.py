"""The migrations make what the models describe."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mailpanel.models import Base
from mailpanel.services.database import Database
from mailpanel.services.migration import OPTIONS


def test_no_difference_is_left_between_models_and_migrations(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/x.sqlite")
    database.migrate()
    with database.reading() as session:
        context = MigrationContext.configure(
            session.connection(), opts={"compare_type": True, **OPTIONS}
        )
        assert compare_metadata(context, Base.metadata) == []
    database.dispose()


def test_migrating_again_changes_nothing(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/x.sqlite")
    database.migrate()
    before = (tmp_path / "x.sqlite").read_bytes()
    database.migrate()
    assert (tmp_path / "x.sqlite").read_bytes() == before
    database.dispose()
