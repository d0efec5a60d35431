"""The migrations make what the models describe."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from stored import stored

from alembic import command
from mailpanel.models import Base
from mailpanel.reports import Report
from mailpanel.services.accounts import Accounts
from mailpanel.services.database import Database
from mailpanel.services.hosts import Hosts
from mailpanel.services.migration import OPTIONS

NAME = "junk_trash_clearing_interval"
NOON = "2026-11-22 12:00:00.000000"


@pytest.fixture
def empty(empty_url):
    database = Database(empty_url)
    yield database
    database.dispose()


@pytest.fixture
def alembic(tmp_path: Path, empty: Database, empty_url: str) -> Config:
    """What the ``alembic`` command works with, on a database with all tables."""
    empty.migrate()
    ini = tmp_path / "alembic.ini"
    # The option is an ini's: a % in it stands for itself only when doubled.
    ini.write_text(
        "[app:main]\nuse = egg:mailpanel\n"
        f"sqlalchemy.url = {empty_url.replace('%', '%%')}\n"
        "[alembic]\nscript_location = mailpanel:migrations\n"
    )
    return Config(str(ini))


def differences(database: Database) -> list[object]:
    """Return what the tables lack of what the models describe, or have beyond it."""
    with database.reading() as session:
        context = MigrationContext.configure(
            session.connection(), opts={"compare_type": True, **OPTIONS}
        )
        return list(compare_metadata(context, Base.metadata))


def columns(database: Database, table: str) -> set[str]:
    with database.reading() as session:
        return {column["name"] for column in inspect(session.connection()).get_columns(table)}


def test_no_difference_is_left_between_models_and_migrations(database):
    assert differences(database) == []


def test_each_step_can_be_undone_and_made_again(alembic, empty):
    """In order, down to the first, which leaves nothing but Alembic's own table."""
    steps = [each.revision for each in ScriptDirectory.from_config(alembic).walk_revisions()]
    for step in [*steps[1:], "base"]:
        command.downgrade(alembic, step)
        command.upgrade(alembic, "head")
        assert differences(empty) == []
        command.downgrade(alembic, step)
    with empty.reading() as session:
        assert inspect(session.connection()).get_table_names() == ["alembic_version"]


def test_what_hosts_reported_stays_when_details_come_and_go(alembic, empty):
    """A row from before has none; without the column all else of a row is as it was."""
    command.downgrade(alembic, "0001")
    assert "details" not in columns(empty, "host_settings")
    with empty.writing() as session:
        session.execute(
            text("INSERT INTO hosts VALUES ('mx1', '{}', :noon, :noon)"), {"noon": NOON}
        )
        session.execute(
            text(
                "INSERT INTO host_settings (host, setting, revision, status, highest_revision) "
                "VALUES ('mx1', :name, 3, 'applied', 3)"
            ),
            {"name": NAME},
        )
    command.upgrade(alembic, "head")
    hosts = Hosts(empty)
    shown = hosts.get("mx1")["settings"][NAME]
    assert (shown["status"], shown["revision"]) == ("applied", 3)
    assert "effective_from" not in shown

    details = {"effective_from": "2026-11-23T12:00:00.000Z"}
    hosts.report("mx1", Report(NAME, 4, "applied", None, None, 1, 4, details))
    assert hosts.get("mx1")["settings"][NAME].items() >= details.items()
    empty.dispose()
    command.downgrade(alembic, "0001")
    assert "details" not in columns(empty, "host_settings")
    with empty.reading() as session:
        rows = session.execute(text("SELECT host, revision, status FROM host_settings")).all()
    assert [tuple(row) for row in rows] == [("mx1", 4, "applied")]


def test_what_became_of_each_password_is_found_out_of_what_is_kept(alembic, empty):
    """The same box is one that was carried along; what is forgotten nobody can tell."""
    command.downgrade(alembic, "0003")
    boxes = (None, "1.a.one", "1.a.one", "1.a.two", "1.a.one", None)
    with empty.writing() as session:
        for number, box in enumerate(boxes, 1):
            session.execute(
                text(
                    "INSERT INTO revisions (setting, number, reset, sealed, probe, author, "
                    "address, created) VALUES (:name, :number, false, :box, true, 'a', '', :noon)"
                ),
                {"name": NAME, "number": number, "box": box, "noon": NOON},
            )
    empty.dispose()
    command.upgrade(alembic, "head")
    with empty.reading() as session:
        rows = session.execute(text("SELECT secret FROM revisions ORDER BY number")).all()
    found = [secret for (secret,) in rows]
    assert found == [None, "changed", "kept", "changed", "kept", None]


def test_the_audit_log_can_be_undone_with_the_rest(alembic, empty):
    """What keeps entries from being taken is in no migration's way."""
    Accounts(empty).add("admin", "MasterAdmin")
    empty.dispose()
    command.downgrade(alembic, "base")


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
