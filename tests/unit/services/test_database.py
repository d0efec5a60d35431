"""The database and what becomes of its failures."""

from __future__ import annotations

import sqlite3
import stat

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from mailpanel.errors import DatabaseAway, DeploymentError
from mailpanel.models import DesiredSetting, HostSetting
from mailpanel.services import _postgresql, _sqlite
from mailpanel.services.database import Database


def count(database):
    with database.reading() as session:
        return len(session.scalars(select(DesiredSetting)).all())


def _store_and_fail(database):
    with database.writing() as session:
        session.add(DesiredSetting(setting="a", revision=1))
        session.flush()
        raise ZeroDivisionError


def test_missing_file_names_the_remedy_and_is_not_made(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/missing.sqlite")
    with pytest.raises(DatabaseAway, match="run mailpanel init"):
        database.ping()
    assert list(tmp_path.iterdir()) == []


def test_database_without_tables_names_the_remedy(backend, empty_url, tmp_path):
    if backend == "sqlite":
        (tmp_path / "mailpanel.sqlite").touch()
    database = Database(empty_url)
    with pytest.raises(DatabaseAway, match="run mailpanel init"):
        database.ping()
    database.dispose()


def test_file_of_another_kind_is_away(tmp_path):
    (tmp_path / "x.sqlite").write_bytes(b"something else entirely" * 100)
    with pytest.raises(DatabaseAway):
        Database(f"sqlite:///{tmp_path}/x.sqlite").ping()


def test_directory_missing_says_so_when_migrating(tmp_path):
    with pytest.raises(DeploymentError, match="run mailpanel init"):
        Database(f"sqlite:///{tmp_path}/no/x.sqlite").migrate()


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql+nothing://u:p4ss@h/d",
        "mysql://u:p4ss@h/d",
        "postgresql+psycopg2://u:p4ss@h/d",
        "postgresql://u:p4ss@h/d?colour=p4ss",
        "postgresql://u:p4ss@h:port/d",
    ],
)
def test_wrong_url_names_the_option_and_not_itself(url):
    with pytest.raises(DeploymentError, match=r"sqlalchemy\.url") as raised:
        Database(url)
    assert "p4ss" not in str(raised.value)


def test_files_are_closed_to_others_whatever_the_umask(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/x.sqlite")
    database.migrate()
    database.ping()
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("x.sqlite*")} == {0o600}
    database.dispose()


def test_path_with_blanks_and_percent_signs_works(tmp_path):
    (tmp_path / "a b%20").mkdir()
    database = Database(f"sqlite:///{tmp_path}/a b%2520/x.sqlite")
    database.migrate()
    assert (tmp_path / "a b%20" / "x.sqlite").stat().st_size > 0
    database.dispose()


def test_writing_stores_all_or_nothing(database):
    with pytest.raises(ZeroDivisionError):
        _store_and_fail(database)
    assert count(database) == 0
    with database.writing() as session:
        session.add(DesiredSetting(setting="a", revision=1))
    assert count(database) == 1


def test_reading_stores_nothing(database):
    with database.reading() as session:
        session.add(DesiredSetting(setting="a", revision=1))
        session.flush()
    assert count(database) == 0


def test_reading_sees_one_state(database):
    with database.reading() as session:
        assert session.scalars(select(DesiredSetting)).all() == []
        with database.writing() as writer:
            writer.add(DesiredSetting(setting="a", revision=1))
        assert session.scalars(select(DesiredSetting)).all() == []


def test_foreign_keys_hold(database):
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(HostSetting(host="nowhere", setting="a"))


def test_locked_by_another_writer_is_away(database, database_url, monkeypatch):
    monkeypatch.setattr(_sqlite, "BUSY_TIMEOUT", 0.1)
    monkeypatch.setattr(_postgresql, "LOCK_TIMEOUT", "-c lock_timeout=100ms")
    impatient = Database(database_url)
    with database.writing() as holder:
        holder.add(DesiredSetting(setting="a", revision=1))
        holder.flush()
        with pytest.raises(DatabaseAway, match="busy") as raised, impatient.writing() as session:
            session.add(DesiredSetting(setting="a", revision=1))
    assert not raised.value.in_commit
    impatient.dispose()


def test_breaking_in_the_commit_says_so(database, monkeypatch):
    def commit(self):
        raise OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(Session, "commit", commit)
    with pytest.raises(DatabaseAway) as raised, database.writing() as session:
        session.add(DesiredSetting(setting="a", revision=1))
    assert raised.value.in_commit


def test_breaking_before_the_commit_changed_nothing(database, monkeypatch):
    def flush(self):
        raise OperationalError("INSERT", None, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(Session, "flush", flush)
    with pytest.raises(DatabaseAway) as raised, database.writing():
        pass
    assert not raised.value.in_commit
