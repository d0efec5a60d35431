"""The real application on a real SQLite, anew for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from panel import Panel, prepare


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with keys, a migrated database, accounts and tokens."""
    directory = tmp_path_factory.mktemp("template")
    prepare(directory)
    return directory


@pytest.fixture
def panel(template: Path, tmp_path: Path) -> Iterator[Panel]:
    """A panel of this test's own."""
    yield from _panel(template, tmp_path / "state")


@pytest.fixture(scope="module")
def shared_panel(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    """A panel that all examples of a generated test share."""
    yield from _panel(template, tmp_path_factory.mktemp("shared") / "state")


def _panel(template: Path, directory: Path) -> Iterator[Panel]:
    shutil.copytree(template, directory)
    panel = Panel(directory)
    yield panel
    panel.database.dispose()
