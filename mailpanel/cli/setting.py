"""mailpanel setting: set, show and reset the settings."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from mailpanel.cli._base import config_option, echo_json, read_secret
from mailpanel.cli._services import local_author, open_changes, open_changes_and_hosts
from mailpanel.errors import DatabaseAway
from mailpanel.jsonform import loads
from mailpanel.schema import Integer, IntegerOrNull
from mailpanel.services.changes import Changes, SettingState
from mailpanel.services.hosts import Hosts
from mailpanel.settings import SETTINGS, Setting

__all__ = ["command"]

INTEGER_OR_NULL = re.compile(r"null|-?[0-9]{1,18}")

setting_argument = click.argument("name", metavar="SETTING", type=click.Choice(list(SETTINGS)))
wait_option = click.option(
    "--wait",
    type=click.IntRange(min=0),
    metavar="N",
    help="Wait up to N seconds until it is applied or has failed.",
)
probe_option = click.option(
    "--no-probe", is_flag=True, help="Do not try the values first; the audit log says so."
)


@click.group("setting")
@config_option
def command() -> None:
    """Set, show and reset the settings.

    \b
    Example:
      mailpanel setting set postfix_relayhost \\
          server_hostname=relay.example.net server_port=587 --wait 30
      mailpanel setting get postfix_relayhost
    """


@command.command("set")
@setting_argument
@click.argument("pairs", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--json", "json_file", metavar="FILE", help="Read the fields from FILE; - is stdin.")
@wait_option
@probe_option
@config_option
@click.pass_context
def set_(
    ctx: click.Context,
    *,
    name: str,
    pairs: tuple[str, ...],
    password_stdin: bool,
    json_file: str | None,
    wait: int | None,
    no_probe: bool,
) -> None:
    """Set SETTING and print it as the API does.

    With --wait, exit status 1 if it failed or is not applied in time.

    A password is never given as KEY=VALUE: everybody on this machine can read a
    command's arguments. Left out, the stored one stays while the server does.

    A value that is generated takes no field and is printed once, here.

    \b
    Example:
      mailpanel setting set postfix_relayhost server_hostname=relay.example.net \\
          server_port=587 username=relay-user --password-stdin --wait 30 < password.txt
      mailpanel setting set junk_trash_clearing_interval junk_days=7 trash_days=null
      mailpanel setting set imap_master_password --wait 30
    """
    if json_file is not None and pairs:
        raise click.UsageError("Give KEY=VALUE or --json, not both.")
    if json_file == "-" and password_stdin:
        raise click.UsageError("Standard input cannot be both --json and --password-stdin.")
    setting = SETTINGS[name]
    fields = _parsed(setting, pairs) if json_file is None else loads(_read(json_file))
    if password_stdin:
        fields[_secret_field(setting)] = read_secret()
    author, (changes, hosts) = local_author(), open_changes_and_hosts()
    stored = changes.set(name, fields, author, probe=not no_probe)
    state = _waited(changes, stored, wait)
    if state is not None:
        echo_json({"settings": state.as_dict()})
    ctx.exit(_exit_status(stored, state, wait, hosts))


@command.command("get")
@setting_argument
@config_option
def get(name: str) -> None:
    """Print SETTING as the API does; nothing where it is not set.

    \b
    Example:
      mailpanel setting get postfix_relayhost
    """
    state = open_changes().get(name)
    if state is not None:
        echo_json({"settings": state.as_dict()})


@command.command("reset")
@setting_argument
@wait_option
@probe_option
@config_option
@click.pass_context
def reset(ctx: click.Context, name: str, wait: int | None, no_probe: bool) -> None:
    """Bring back what was there before mailpanel; print nothing once it is.

    With --wait, exit status 1 if it failed or is not reset in time.

    \b
    Example:
      mailpanel setting reset postfix_relayhost --wait 30
    """
    author, (changes, hosts) = local_author(), open_changes_and_hosts()
    stored = changes.reset(name, author, probe=not no_probe)
    if stored is None:
        return
    state = _waited(changes, stored, wait)
    if state is not None:
        echo_json({"settings": state.as_deleting()})
    ctx.exit(_exit_status(stored, state, wait, hosts))


def _waited(changes: Changes, stored: SettingState, wait: int | None) -> SettingState | None:
    """Return what has become of *stored* after the wait, or *stored* where nobody can tell."""
    if wait is None:
        return stored
    try:
        return stored.reached(changes.wait(stored.name, stored.revision, wait))
    except DatabaseAway:
        # What was generated is shown now or never; the exit status tells of the rest.
        return stored


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


def _exit_status(
    stored: SettingState, state: SettingState | None, wait: int | None, hosts: Hosts
) -> int:
    """Return it for *stored*, which has become *state*; say why where the wait was in vain."""
    if wait is None or state is None or state.status == "applied":
        return 0
    if state.status != "failed":
        click.echo(f"mailpanel: {_why_not(stored, state, wait, hosts)}", err=True)
    return 1


def _why_not(stored: SettingState, state: SettingState, wait: int, hosts: Hosts) -> str:
    if state.revision != stored.revision:
        return "a later change has taken its place meanwhile"
    if not hosts.any_live():
        return f"not applied within {wait} s: no mail host checks in; is mailpanel apply running?"
    return f"not applied within {wait} s; mailpanel status and the log of mailpanel apply say more"
