"""mailpanel status: what root itself knows of this host."""

from __future__ import annotations

import click

from mailpanel.cli._base import config_option, deployment, echo_json, echo_table
from mailpanel.errors import DeploymentError
from mailpanel.host.state import read_state

__all__ = ["command"]

COLUMNS = ("setting", "status", "revision", "since", "step", "owns", "error")


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="For scripts: the same as JSON.")
@config_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show what is live on this host, by root's own records, not by the database.

    OWNS names the parameters and files that mailpanel answers for. Run it as
    root. Exit status 1 if a setting failed.

    \b
    Example:
      mailpanel status
      mailpanel status --json | jq '.[] | select(.status == "failed")'
    """
    try:
        states = read_state(deployment())
    except PermissionError as error:
        raise DeploymentError(
            f"{error.filename}: only root can read this; run it as root"
        ) from None
    if as_json:
        echo_json(states)
    elif states:
        echo_table(COLUMNS, states)
    else:
        click.echo("mailpanel manages nothing on this host yet.")
    ctx.exit(1 if any(state["status"] == "failed" for state in states) else 0)
