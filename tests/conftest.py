"""What all tests may use."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from private_postgresql import PrivatePostgresql, Slate

from mailpanel.services.database import Database

# How long an example takes is the machine's affair, not the code's.
settings.register_profile(
    "any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture
def public_tmp() -> Iterator[Path]:
    """An empty directory that every user may pass through; pytest's own is closed to others."""
    directory = Path(tempfile.mkdtemp(prefix="mailpanel-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PrivatePostgresql]:
    """A PostgreSQL of this process's own."""
    with PrivatePostgresql() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of the database: what asks for it is tested on both."""
    return request.param


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path}/mailpanel.sqlite"
    server: PrivatePostgresql = request.getfixturevalue("postgresql")
    return server.url(server.create_database())


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "mailpanel.sqlite"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def slate(postgresql: PrivatePostgresql) -> Slate:
    """A PostgreSQL database with all tables, to be wiped."""
    return Slate(postgresql, _migrate)


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with all tables, and nothing in them."""
    if backend == "sqlite":
        file = shutil.copy(request.getfixturevalue("migrated"), tmp_path / "mailpanel.sqlite")
        return f"sqlite:///{file}"
    server: PrivatePostgresql = request.getfixturevalue("postgresql")
    return server.url(request.getfixturevalue("slate").wiped())


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with all tables, and nothing in them."""
    database = Database(database_url)
    yield database
    database.dispose()


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.dispose()
