"""mailpanel clear: Junk and Trash folders cleared now, or what would go."""

from __future__ import annotations

import time
from typing import Any

import click

from mailpanel.cli._base import config_option, deployment, echo_json, echo_table
from mailpanel.cli._fields import given_fields
from mailpanel.cli._services import local_author, open_database
from mailpanel.cli._trials import told
from mailpanel.errors import NotFound
from mailpanel.seal import Sealer
from mailpanel.services.changes import Changes
from mailpanel.services.clearing import Clearings
from mailpanel.services.errands import Errands
from mailpanel.services.wake import make_waker
from mailpanel.settings import SETTINGS

__all__ = ["command"]

INTERVAL = "junk_trash_clearing_interval"
# How long a host that is busy is waited for, and how often a run is looked at, in seconds.
ERRAND_WAIT, LOOK = 60, 1.0
COLUMNS = ("started", "host", "for", "status", "messages", "bytes", "error")


@click.group("clear", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="For scripts: the same as JSON.")
@config_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show the last runs that cleared Junk and Trash folders; or clear them now.

    FOR is the day that a run was for by mailpanel.clearing_time, or the account that
    asked for it. What each folder lost is there with --json.

    \b
    Example:
      mailpanel clear
      mailpanel clear run --wait
    """
    if ctx.invoked_subcommand is None:
        _, clearings, _ = _opened()
        runs = clearings.runs()
        if as_json:
            echo_json(runs)
        elif runs:
            echo_table(COLUMNS, [_for_people(each) for each in runs])
        else:
            click.echo("Nothing was ever cleared.")


@command.command("run")
@click.option("--wait", is_flag=True, help="Wait until each run has ended.")
@config_option
@click.pass_context
def run(ctx: click.Context, wait: bool) -> None:
    """Clear Junk and Trash folders now, on each live mail host.

    Each goes by the days that are live on it, and by no other. Hosts that share a mail
    store clear it once. Exit status 1 if no run was begun, or one has failed.

    \b
    Example:
      mailpanel clear run --wait
    """
    author = local_author()
    errands, clearings, _ = _opened()
    ticket = clearings.ask(author)
    for answer in errands.wait(ticket, ERRAND_WAIT):
        said = answer["error"] if answer["done"] else "It did not answer in time."
        click.echo(f"{answer['host']}: {said or 'It is begun.'}")
    runs = clearings.of(ticket)
    while wait and any(each["status"] == "running" for each in runs):
        time.sleep(LOOK)
        runs = clearings.of(ticket)
    for each in runs if wait else ():
        click.echo(f"{each['host']}: {' '.join(filter(None, (each['error'], each['says'])))}")
    failed = any(each["status"] == "failed" for each in runs)
    ctx.exit(0 if runs and not failed else 1)


@command.command("preview")
@click.argument("pairs", metavar="[KEY=VALUE]...", nargs=-1)
@config_option
@click.pass_context
def preview(ctx: click.Context, pairs: tuple[str, ...]) -> None:
    """Count what would go from Junk and Trash folders; delete nothing.

    By the days that are set, or by those that are given, as for mailpanel setting set.
    Exit status 1 if a host refuses them, or no host answers.

    \b
    Example:
      mailpanel clear preview
      mailpanel clear preview junk_days=7 trash_days=14
    """
    author = local_author()
    fields = given_fields(SETTINGS[INTERVAL], pairs, False, None) if pairs else None
    errands, _, changes = _opened()
    if fields is None:
        state = changes.get(INTERVAL)
        if state is None or state.value is None:
            raise NotFound("No interval is set; give junk_days=7 trash_days=14, or others.")
        fields = dict(state.value)
    ctx.exit(told(errands, errands.test(INTERVAL, fields, author)))


def _opened() -> tuple[Errands, Clearings, Changes]:
    """Return the use cases; this process is the unprivileged user from here on."""
    options = deployment()
    database = open_database(options)
    sealer = Sealer(options.public_key_file)
    waker = make_waker(database, options.wake_socket)
    interval = options.check_interval
    errands = Errands(database, sealer, waker, check_interval=interval)
    changes = Changes(database, sealer, waker, check_interval=interval)
    return errands, Clearings(database, errands, interval), changes


def _for_people(run: dict[str, Any]) -> dict[str, Any]:
    return {**run, "for": run["day"] or run["asked_by"]}
