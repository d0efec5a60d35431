"""mailpanel hosts: the mail hosts, as the database knows them."""

from __future__ import annotations

from typing import Any

import click

from mailpanel.cli._base import config_option, deployment, echo_json, echo_table
from mailpanel.cli._services import open_database
from mailpanel.services.hosts import Hosts

__all__ = ["command"]

COLUMNS = ("host", "setting", "status", "revision", "drift", "problem", "last seen")


@click.command("hosts")
@click.option("--json", "as_json", is_flag=True, help="For scripts: the same as JSON.")
@config_option
def command(as_json: bool) -> None:
    """Show each mail host, what it made of each setting, and what was edited there by hand.

    DRIFT names the files that somebody edited since a setting was applied; with --json
    the difference is there, too, its secrets masked.

    \b
    Example:
      mailpanel hosts
      mailpanel hosts --json | jq '.[].settings[].drift'
    """
    options = deployment()
    database = open_database(options)
    hosts = Hosts(database, check_interval=options.check_interval).list()
    if as_json:
        echo_json(hosts)
    elif hosts:
        echo_table(COLUMNS, [row for host in hosts for row in _rows(host)])
    else:
        click.echo("No mail host has checked in yet; mailpanel apply does.")


def _rows(host: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each setting that *host* has told of, or one for the host alone."""
    rows = [
        {
            "host": host["name"],
            "setting": name,
            "status": told["status"],
            "revision": told["revision"],
            "drift": [each["path"] for each in told.get("drift", [])],
            "problem": told.get("problem"),
            "last seen": host["last_seen"],
        }
        for name, told in host["settings"].items()
    ]
    return rows or [{"host": host["name"], "last seen": host["last_seen"]}]
