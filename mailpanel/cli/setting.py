"""mailpanel setting: set, show and reset the settings."""

from __future__ import annotations

import click

from mailpanel.cli._base import config_option, echo_json, echo_table
from mailpanel.cli._fields import given_fields, with_fields
from mailpanel.cli._history import COLUMNS, for_people
from mailpanel.cli._services import (
    local_author,
    open_changes,
    open_changes_and_hosts,
    open_database,
    open_errands,
)
from mailpanel.cli._trials import told
from mailpanel.errors import DatabaseAway
from mailpanel.services.changes import Changes, SettingState
from mailpanel.services.history import LARGEST_PAGE, PAGE, History
from mailpanel.services.hosts import Hosts
from mailpanel.settings import SETTINGS

__all__ = ["command"]

setting_argument = click.argument("name", metavar="SETTING", type=click.Choice(list(SETTINGS)))
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Save nothing; show what would change on each live host."
)
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
@with_fields
@wait_option
@probe_option
@dry_run_option
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
    dry_run: bool,
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
    fields = given_fields(SETTINGS[name], pairs, password_stdin, json_file)
    if dry_run:
        author, errands = local_author(), open_errands()
        ctx.exit(told(errands, errands.test(name, fields, author, kind="dry_run")))
    author, (changes, hosts) = local_author(), open_changes_and_hosts()
    stored = changes.set(name, fields, author, probe=not no_probe)
    ctx.exit(_done(changes, hosts, stored, wait))


@command.command("test")
@setting_argument
@with_fields
@click.option(
    "--message",
    "message_for",
    metavar="ACCOUNT",
    help="Send one message to ACCOUNT's recovery_email, too; the audit log says so.",
)
@config_option
@click.pass_context
def test(
    ctx: click.Context,
    *,
    name: str,
    pairs: tuple[str, ...],
    password_stdin: bool,
    json_file: str | None,
    message_for: str | None,
) -> None:
    """Let each live mail host try values of SETTING, step by step; save nothing.

    The fields are given as for set. Exit status 1 if a host refuses them, or no host
    answers.

    \b
    Example:
      mailpanel setting test postfix_relayhost server_hostname=relay.example.net \\
          server_port=587 username=relay-user --password-stdin < password.txt
      mailpanel setting test system_mailer --json mailer.json --message admin
    """
    fields = given_fields(SETTINGS[name], pairs, password_stdin, json_file)
    author, errands = local_author(), open_errands()
    ctx.exit(told(errands, errands.test(name, fields, author, message_for=message_for)))


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
@dry_run_option
@config_option
@click.pass_context
def reset(
    ctx: click.Context, *, name: str, wait: int | None, no_probe: bool, dry_run: bool
) -> None:
    """Bring back what was there before mailpanel; print nothing once it is.

    With --wait, exit status 1 if it failed or is not reset in time.

    \b
    Example:
      mailpanel setting reset postfix_relayhost --wait 30
    """
    if dry_run:
        author, errands = local_author(), open_errands()
        ctx.exit(told(errands, errands.dry_reset(name, author)))
    author, (changes, hosts) = local_author(), open_changes_and_hosts()
    stored = changes.reset(name, author, probe=not no_probe)
    ctx.exit(_done(changes, hosts, stored, wait))


@command.command("history")
@setting_argument
@click.option(
    "--limit",
    type=click.IntRange(1, LARGEST_PAGE),
    default=PAGE,
    show_default=True,
    metavar="N",
    help="How many revisions.",
)
@click.option("--before", type=click.IntRange(1), metavar="REVISION", help="Only older ones.")
@click.option("--json", "as_json", is_flag=True, help="For scripts: as the API has it.")
@config_option
def history(name: str, limit: int, before: int | None, as_json: bool) -> None:
    """List who changed SETTING, when, from where and how, the newest first.

    A change by the command on the host itself has no address. Of a password it is told
    only whether it was changed or kept.

    \b
    Example:
      mailpanel setting history postfix_relayhost --limit 10
    """
    entries, _ = History(open_database()).page(name, limit, before)
    if as_json:
        echo_json(entries)
    else:
        echo_table(COLUMNS, [for_people(entry) for entry in entries])


@command.command("restore")
@setting_argument
@click.argument("revision", type=click.IntRange(1))
@wait_option
@probe_option
@config_option
@click.pass_context
def restore(
    ctx: click.Context, *, name: str, revision: int, wait: int | None, no_probe: bool
) -> None:
    """Bring REVISION of SETTING back, as a new one; print what set or reset would.

    Its password comes along, if it is one of the last ten. What was generated cannot be
    brought back.

    \b
    Example:
      mailpanel setting history postfix_relayhost
      mailpanel setting restore postfix_relayhost 3 --wait 30
    """
    author, (changes, hosts) = local_author(), open_changes_and_hosts()
    stored = changes.restore(name, revision, author, probe=not no_probe)
    ctx.exit(_done(changes, hosts, stored, wait))


def _done(changes: Changes, hosts: Hosts, stored: SettingState | None, wait: int | None) -> int:
    """Print what has become of *stored*, nothing where it is reset; return the exit status."""
    if stored is None:
        return 0
    state = _waited(changes, stored, wait)
    if state is not None:
        echo_json({"settings": state.as_dict() if stored.is_set else state.as_deleting()})
    return _exit_status(stored, state, wait, hosts)


def _waited(changes: Changes, stored: SettingState, wait: int | None) -> SettingState | None:
    """Return what has become of *stored* after the wait, or *stored* where nobody can tell."""
    if wait is None:
        return stored
    try:
        return stored.reached(changes.wait(stored.name, stored.revision, wait))
    except DatabaseAway:
        # What was generated is shown now or never; the exit status tells of the rest.
        return stored


def _exit_status(
    stored: SettingState, state: SettingState | None, wait: int | None, hosts: Hosts
) -> int:
    """Return it for *stored*, which has become *state*; say why where the wait was in vain."""
    if wait is None or state is None or state.status == "applied":
        return 0
    if state.status == "failed":
        click.echo(f"mailpanel: {_when_again(hosts, state)}", err=True)
    else:
        click.echo(f"mailpanel: {_why_not(stored, state, wait, hosts)}", err=True)
    return 1


def _when_again(hosts: Hosts, state: SettingState) -> str:
    """Return whether and when what has failed is tried again by itself."""
    told = [each["settings"].get(state.name, {}) for each in hosts.list()]
    failed = [each for each in told if each.get("status") == "failed"]
    times = [each["next_attempt"] for each in failed if each["next_attempt"]]
    if not times:
        return "it is not tried again by itself; save it once more"
    return f"it is tried again at {min(times)}"


def _why_not(stored: SettingState, state: SettingState, wait: int, hosts: Hosts) -> str:
    if state.revision != stored.revision:
        return "a later change has taken its place meanwhile"
    if not hosts.any_live():
        return f"not applied within {wait} s: no mail host checks in; is mailpanel apply running?"
    return f"not applied within {wait} s; mailpanel status and the log of mailpanel apply say more"
