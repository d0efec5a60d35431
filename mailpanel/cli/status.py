"""mailpanel status: what root itself knows of this host."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from mailpanel.cli._base import (
    config_option,
    deployment,
    echo_json,
    echo_table,
    tell_if_no_postfix,
)
from mailpanel.cli._relay import relay_in_words
from mailpanel.host.state import read_state
from mailpanel.layout import wrong_user

__all__ = ["command"]

COLUMNS = (
    *("setting", "status", "revision", "live", "relay", "since", "tried again", "step"),
    "error",
)


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="For scripts: the same as JSON.")
@config_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show what is live on this host, by root's own records, not by the database.

    REVISION is the one last tried, LIVE the one that the host runs with, SINCE in
    UTC, RELAY what is wrong with the live relay and what mail waits. With --json,
    owns names the parameters and files that mailpanel answers for. Run it as root.
    Exit status 1 if a setting failed.

    \b
    Example:
      mailpanel status
      mailpanel status --json | jq '.[] | select(.status == "failed")'
    """
    options = deployment()
    try:
        states = read_state(options)
    except PermissionError:
        raise wrong_user(Path(options.state_directory)) from None
    tell_if_no_postfix(options)
    if as_json:
        echo_json(states)
    elif states:
        echo_table(COLUMNS, [_for_people(state) for state in states])
    else:
        click.echo("mailpanel manages nothing on this host yet.")
    ctx.exit(1 if any(state["status"] == "failed" for state in states) else 0)


def _for_people(state: dict[str, Any]) -> dict[str, Any]:
    """Return *state* with its time as text; nothing stands where there is none."""
    again = _in_text(state["next_attempt"])
    if state["status"] == "failed":
        again = again or "no: save once more"
    told = {"since": _in_text(state["since"]), "tried again": again}
    return {**state, "live": state["live"] or None, "relay": relay_in_words(state), **told}


def _in_text(time: float) -> str | None:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time else None
