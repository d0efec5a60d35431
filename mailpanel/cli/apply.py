"""mailpanel apply: the apply service."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from mailpanel.apply.service import run
from mailpanel.cli._base import config_option, deployment, tell_if_no_ini, tell_if_no_postfix
from mailpanel.errors import DeploymentError
from mailpanel.layout import require_owner
from mailpanel.system_log import ALERTS, is_the_journal, to_syslog

__all__ = ["command"]


@click.command("apply")
@click.option(
    "--once", is_flag=True, help="Converge once and end; exit status 1 if a setting failed."
)
@config_option
@click.pass_context
def command(ctx: click.Context, once: bool) -> None:
    """Make the desired settings live on this mail host, and each change to come.

    Run it as root on each mail host, under the service manager. Each change is
    checked and tried before it replaces what is live, and put back if it fails.
    One that failed for a reason that may pass is tried again by itself.

    \b
    Example:
      mailpanel apply --once
    """
    logging.basicConfig(format="mailpanel apply: %(message)s", level=logging.INFO)
    if not is_the_journal():
        to_syslog(ALERTS)
    tell_if_no_ini()
    options = deployment()
    require_owner(Path(options.state_directory))
    # Looked for before anything is made: what is to be used may be elsewhere.
    if not options.private_key_file.exists():
        raise DeploymentError(f"{options.private_key_file}: there is no key; run mailpanel init")
    tell_if_no_postfix(options)
    ctx.exit(run(options, once))
