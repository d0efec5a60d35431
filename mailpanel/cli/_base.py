"""What the commands share: where the options come from, and JSON on stdout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from mailpanel.deployment import DEFAULT_CONFIG, Deployment, load, place_of
from mailpanel.ini import read_ini

__all__ = [
    "ask_for_secret",
    "config_option",
    "config_path",
    "deployment",
    "echo_json",
    "echo_table",
    "ini_settings",
    "read_secret",
    "tell_if_no_ini",
    "tell_if_no_postfix",
]

_KEY = "mailpanel.config"


def _remember(ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
    # The one nearest to the command counts; a context's meta is shared with its children.
    if value is not None:
        ctx.meta[_KEY] = value


config_option = click.option(
    "--config",
    metavar="FILE",
    expose_value=False,
    callback=_remember,
    help=f"The ini file; default $MAILPANEL_CONFIG, else {DEFAULT_CONFIG}.",
)


def config_path() -> str | None:
    """Return the ini to read; ``None`` where none is named and there is none by default."""
    named = click.get_current_context().meta.get(_KEY) or os.environ.get("MAILPANEL_CONFIG")
    if named:
        return str(named)
    return DEFAULT_CONFIG if Path(DEFAULT_CONFIG).exists() else None


def ini_settings() -> dict[str, str]:
    """Return ``[app:main]`` of the ini; raises :class:`DeploymentError`.

    As root only a file that nobody else can have changed is read.
    """
    path = config_path()
    return {} if path is None else read_ini(path, trusted=os.geteuid() == 0)


def deployment() -> Deployment:
    """Return the deployment options; raises :class:`DeploymentError`."""
    return load(ini_settings())


def tell_if_no_ini() -> None:
    """Say on stderr that no ini counts: who has put it elsewhere would wonder about the rest."""
    if config_path() is None:
        click.echo(
            f"mailpanel: no {DEFAULT_CONFIG}: the defaults and the environment count", err=True
        )


def tell_if_no_postfix(options: Deployment) -> None:
    """Say on stderr where the directory of main.cf is missing; Postfix may come later."""
    directory = Path(options.postfix_config_directory)
    if not directory.is_dir():
        name = place_of("mailpanel.postfix_config_directory")
        click.echo(f"mailpanel: {name}: there is no directory {directory} (yet)", err=True)


def echo_json(document: Any) -> None:
    """Print *document* as JSON on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def echo_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print *rows* on stdout, a line each, aligned under the names of *columns*."""
    lines = [[column.upper() for column in columns]]
    lines += [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    return str(value)


def ask_for_secret(prompt: str) -> str:
    """Return what somebody types twice at *prompt*, on stderr; it is not shown."""
    secret: str = click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True)
    return secret


def read_secret() -> str:
    """Return standard input up to its end, without the one newline that may close it.

    At a terminal it is asked for, twice, and not shown. Arguments and environment can be read
    by others; this cannot.
    """
    if sys.stdin.isatty():
        return ask_for_secret("Password")
    try:
        return sys.stdin.buffer.read().decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise click.UsageError("What stands on standard input is not UTF-8.") from None
