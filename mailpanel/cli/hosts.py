"""mailpanel hosts: the mail hosts, as the database knows them."""

from __future__ import annotations

from typing import Any

import click

from mailpanel.cli._base import config_option, deployment, echo_json, echo_table
from mailpanel.cli._flush import flush
from mailpanel.cli._relay import relay_in_words
from mailpanel.cli._services import (
    local_author,
    open_database,
    open_errands,
    open_errands_and_adoption,
)
from mailpanel.errors import HostError
from mailpanel.services.errands import only
from mailpanel.services.hosts import Hosts
from mailpanel.settings import SETTINGS

__all__ = ["command"]

COLUMNS = (
    *("host", "setting", "status", "revision", "live", "tried again", "has", "drift", "problem"),
    "relay",
    "last seen",
)

# A host that is busy takes as long, in seconds.
ERRAND_WAIT = 60


def on_host(command: Any) -> Any:
    """Let *command* take a host and a setting."""
    setting = click.argument("name", metavar="SETTING", type=click.Choice(list(SETTINGS)))
    return click.argument("host")(setting(command))


@click.group("hosts", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="For scripts: the same as JSON.")
@config_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show each mail host, what it made of each setting, and what was edited there by hand.

    LIVE is the revision that the host runs with, HAS what stands there without mailpanel.
    DRIFT names the files that somebody edited since a setting was applied; with --json
    the difference is there, too, its secrets masked. RELAY says what is wrong with the
    live relay, and what mail waits.

    \b
    Example:
      mailpanel hosts
      mailpanel hosts --json | jq '.[].settings[].drift'
    """
    if ctx.invoked_subcommand is None:
        _show(as_json)


@command.command("adopt")
@on_host
@config_option
def adopt(host: str, name: str) -> None:
    """Take what stands on HOST as the new desired value of SETTING, for all hosts; print it.

    That is what the host has of its own, or what somebody edited there since mailpanel
    applied the setting. An account comes along with its password, which only mail hosts
    can open.

    \b
    Example:
      mailpanel hosts adopt mail1.example.net postfix_relayhost
    """
    author, (errands, adoption) = local_author(), open_errands_and_adoption()
    ticket = errands.adopt(name, host, author)
    errands.wait(ticket, ERRAND_WAIT)
    state = adoption.store(ticket, author)
    if state is None:
        raise HostError(f"{host} has not answered; nothing was adopted. Does mailpanel apply run?")
    echo_json({"settings": state.as_dict()})


@command.command("put-back")
@on_host
@config_option
def put_back(host: str, name: str) -> None:
    """Apply SETTING once more on HOST, over what somebody edited there.

    \b
    Example:
      mailpanel hosts put-back mail1.example.net postfix_relayhost
    """
    author, errands = local_author(), open_errands()
    answer = only(errands.wait(errands.put_back(name, host, author), ERRAND_WAIT))
    if not answer["done"]:
        raise HostError(f"{host} has not answered yet. It is put back there when it does.")
    for step in answer["steps"]:
        click.echo(step["says"])
    if not answer["ok"]:
        raise HostError(answer["error"])


def _show(as_json: bool) -> None:
    options = deployment()
    database = open_database(options)
    hosts = Hosts(database, check_interval=options.check_interval).list()
    if as_json:
        echo_json(hosts)
    elif hosts:
        echo_table(COLUMNS, [row for host in hosts for row in _rows(host)])
    else:
        click.echo("No mail host has checked in yet; mailpanel apply does.")


command.add_command(flush)


def _rows(host: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each setting that *host* has told of, or one for the host alone."""
    rows = [
        {
            "host": host["name"],
            "setting": name,
            "status": told["status"],
            "revision": told["revision"],
            "live": told["live_revision"],
            "tried again": _again(told),
            "has": _has(name, told["present"]),
            "drift": [each["path"] for each in told.get("drift", [])],
            "problem": told.get("fight") or told.get("overridden") or told.get("problem"),
            "relay": relay_in_words(told),
            "last seen": host["last_seen"],
        }
        for name, told in host["settings"].items()
    ]
    return rows or [{"host": host["name"], "last seen": host["last_seen"]}]


def _again(told: dict[str, Any]) -> str | None:
    if told["status"] != "failed":
        return None
    return str(told["next_attempt"] or "no: save once more")


def _has(name: str, present: dict[str, Any] | None) -> str | None:
    """Return in words what stands on a host without mailpanel."""
    known = present is not None and name in SETTINGS
    return SETTINGS[name].present_in_words(present) if known and present else None
