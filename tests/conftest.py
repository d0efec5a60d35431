"""What all tests may use."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def public_tmp() -> Iterator[Path]:
    """An empty directory that every user may pass through; pytest's own is closed to others."""
    directory = Path(tempfile.mkdtemp(prefix="mailpanel-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)
