"""The fields of a setting, as they are given to a command."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mailpanel.cli._base import read_secret
from mailpanel.jsonform import loads
from mailpanel.schema import Integer, IntegerOrNull
from mailpanel.settings import Setting

__all__ = ["given_fields", "with_fields"]

Command = TypeVar("Command", bound=Callable[..., Any])

INTEGER_OR_NULL = re.compile(r"null|-?[0-9]{1,18}")

field_options = (
    click.argument("pairs", metavar="[KEY=VALUE]...", nargs=-1),
    click.option("--password-stdin", is_flag=True, help="Read the password from standard input."),
    click.option(
        "--json", "json_file", metavar="FILE", help="Read the fields from FILE; - is stdin."
    ),
)


def with_fields(function: Command) -> Command:
    """Give a command the arguments that say the fields of a setting."""
    for option in reversed(field_options):
        function = option(function)
    return function


def given_fields(
    setting: Setting, pairs: tuple[str, ...], password_stdin: bool, json_file: str | None
) -> dict[str, Any]:
    """Return the fields that the command was given, from wherever."""
    if json_file is not None and pairs:
        raise click.UsageError("Give KEY=VALUE or --json, not both.")
    if json_file == "-" and password_stdin:
        raise click.UsageError("Standard input cannot be both --json and --password-stdin.")
    fields = _parsed(setting, pairs) if json_file is None else loads(_read(json_file))
    if password_stdin:
        fields[_secret_field(setting)] = read_secret()
    return fields


def _parsed(setting: Setting, pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields that *pairs* give; each is text but where the schema wants a number."""
    if pairs and setting.generates:
        raise click.UsageError(f"{setting.name} is generated; give no KEY=VALUE.")
    numbers = {
        node.name: "a whole number, or null"
        if isinstance(node.typ, IntegerOrNull)
        else "a whole number"
        for node in setting.schema().children
        if isinstance(node.typ, Integer)
    }
    fields: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            # Not quoted: it may be a mistyped password.
            raise click.UsageError("Each field is written KEY=VALUE.")
        if key == setting.secret_field:
            raise click.UsageError(
                f"{key}=… would show it to everybody on this machine; use --password-stdin."
            )
        if key in fields:
            raise click.UsageError(f"{key} is given twice.")
        if key in numbers and not INTEGER_OR_NULL.fullmatch(text):
            raise click.UsageError(f"{key}: write {numbers[key]}.")
        fields[key] = _number(text) if key in numbers else text
    return fields


def _number(text: str) -> int | None:
    return None if text == "null" else int(text)


def _read(json_file: str) -> bytes:
    if json_file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(json_file).read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{json_file}: {error.strerror}", param_hint="--json") from None


def _secret_field(setting: Setting) -> str:
    if setting.secret_field is None:
        raise click.UsageError(f"{setting.name} takes no password.")
    return setting.secret_field
