"""The help teaches, and is there at once."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

import click
import pytest

from mailpanel.cli import COMMANDS

HEAVY = ("sqlalchemy", "alembic", "pyramid", "colander", "waitress", "argon2", "nacl", "webob")


def leaves(command, path):
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from leaves(child, [*path, name])
    else:
        yield command, path


def all_leaves():
    for name, (module, _) in COMMANDS.items():
        try:
            command = import_module(module).command
        except ModuleNotFoundError as error:  # pragma: no cover
            pytest.fail(f"{name}: {error}")
        yield from leaves(command, [name])


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_list_of_commands_imports_nothing_heavy(arguments):
    code = (
        "import json, sys\n"
        "from mailpanel.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stderr)}
    assert loaded.isdisjoint(HEAVY)


def test_every_command_shows_an_example_and_takes_config():
    for command, path in all_leaves():
        assert "Example:" in command.help, path
        assert f"mailpanel {' '.join(path)}" in command.help, path
        assert "--config" in {name for each in command.params for name in each.opts}, path


def test_line_in_the_list_is_no_longer_than_a_terminal_has_room():
    assert all(len(line) < 60 and line.endswith(".") for _, line in COMMANDS.values())
