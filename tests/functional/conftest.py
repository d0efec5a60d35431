"""The real application on a real database of either kind, anew for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from panel import Panel, prepare
from private_postgresql import PrivatePostgresql, Slate


class Template(Protocol):
    """Keys, a migrated database, accounts and tokens, made once."""

    def panel(self, directory: Path) -> Panel:
        """Return a panel on a copy of them, its state in *directory*."""


class SqliteTemplate:
    """A state directory to be copied with its database."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        prepare(directory, _file_url(directory))

    def panel(self, directory: Path) -> Panel:
        shutil.copytree(self._directory, directory)
        return Panel(directory, _file_url(directory), _file(directory).unlink)


class PostgresqlTemplate:
    """A state directory to be copied, and a database to be wiped."""

    def __init__(self, directory: Path, server: PrivatePostgresql) -> None:
        self._directory = directory
        self._server = server
        self._slate = Slate(server, lambda url: prepare(directory, url))
        self._slate.wiped()

    def panel(self, directory: Path) -> Panel:
        name = self._slate.wiped()
        shutil.copytree(self._directory, directory)
        return Panel(directory, self._server.url(name), self._slate.close)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return SqliteTemplate(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def postgresql_template(
    tmp_path_factory: pytest.TempPathFactory, postgresql: PrivatePostgresql
) -> Template:
    return PostgresqlTemplate(tmp_path_factory.mktemp("template"), postgresql)


@pytest.fixture(scope="session")
def template(backend: str, request: pytest.FixtureRequest) -> Template:
    """What each panel is a copy of; both stay while the tests go from one to the other."""
    return request.getfixturevalue(f"{backend}_template")


@pytest.fixture
def panel(template: Template, tmp_path: Path) -> Iterator[Panel]:
    """A panel of this test's own."""
    yield from _until_disposed(template.panel(tmp_path / "state"))


@pytest.fixture(scope="module")
def shared_panel(template: Template, tmp_path_factory: Any) -> Iterator[Panel]:
    """A panel that all examples of a generated test share."""
    yield from _until_disposed(template.panel(tmp_path_factory.mktemp("shared") / "state"))


def _until_disposed(panel: Panel) -> Iterator[Panel]:
    yield panel
    panel.database.dispose()


def _file(directory: Path) -> Path:
    return directory / "database" / "mailpanel.sqlite"


def _file_url(directory: Path) -> str:
    return f"sqlite:///{_file(directory)}"
