"""What a command says on stderr before it goes on all the same."""

from __future__ import annotations

import pytest


@pytest.fixture
def no_ini(monkeypatch, tmp_path):
    """Return what is said where there is no ini."""
    default = str(tmp_path / "none.ini")
    monkeypatch.setattr("mailpanel.cli._base.DEFAULT_CONFIG", default)
    return f"mailpanel: no {default}: the defaults and the environment count\n"


@pytest.mark.parametrize(
    "arguments", [["init"], ["apply", "--once"], ["serve", "--listen", "nonsense"]]
)
def test_defaults_alone_are_told(bare, arguments, no_ini):
    assert bare(*arguments).stderr.startswith(no_ini)
    assert no_ini not in bare(*arguments, "--config", "/nowhere.ini").stderr


@pytest.mark.parametrize("arguments", [["init"], ["status"]])
def test_missing_postfix_is_told_with_the_name_of_the_option(bare, arguments, monkeypatch):
    monkeypatch.setenv("MAILPANEL_POSTFIX_CONFIG_DIRECTORY", "/nowhere")
    result = bare(*arguments)
    assert result.exit_code == 0
    told = "mailpanel: MAILPANEL_POSTFIX_CONFIG_DIRECTORY: there is no directory /nowhere (yet)\n"
    assert told in result.stderr
