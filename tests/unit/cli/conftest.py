"""The command in this process, on an installation of the test's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailpanel.cli import main

Run = Callable[..., Result]


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run the command where `mailpanel init` has not yet been."""
    # This process stays who it is: what comes after it may need root.
    monkeypatch.setenv("MAILPANEL_USER", "nobody")
    for module in ("_services", "init"):
        monkeypatch.setattr(f"mailpanel.cli.{module}.become_user", lambda _options: None)
    monkeypatch.setenv("MAILPANEL_STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("MAILPANEL_RUN_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.delenv("MAILPANEL_CONFIG", raising=False)
    umask = os.umask(0o022)
    yield lambda *arguments, stdin="": CliRunner().invoke(main, arguments, input=stdin)
    os.umask(umask)


@pytest.fixture
def run(bare: Run) -> Run:
    """Run the command where `mailpanel init` has been."""
    assert bare("init").exit_code == 0
    return bare


@pytest.fixture
def must(run: Run) -> Callable[..., str]:
    """Run the command, which must succeed, and return what it printed."""

    def must(*arguments: str, stdin: str = "") -> str:
        result = run(*arguments, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    return must
