"""mailpanel eject: leave plain files behind and go."""

from __future__ import annotations

from pathlib import Path

import click

from mailpanel.cli._base import config_option, deployment
from mailpanel.host.ejection import eject, left_behind, require_idle
from mailpanel.layout import wrong_user

__all__ = ["command"]


@click.command("eject")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
def command(yes: bool) -> None:
    """Leave this host: its mail configuration stays as it is, as plain files of your own.

    mailpanel forgets what it wrote and removes its keys, ledger and backups, so it
    cannot put anything back afterwards; to have that, reset each setting first.
    Stop mailpanel apply before, run it as root.

    \b
    Example:
      mailpanel setting reset postfix_relayhost --wait 30
      systemctl disable --now mailpanel-apply mailpanel-web
      mailpanel eject
    """
    options = deployment()
    try:
        require_idle(options)
        owned = left_behind(options)
    except PermissionError:
        raise wrong_user(Path(options.state_directory)) from None
    for setting, names in owned.items():
        click.echo(f"{setting} stays as it is:")
        for name in names:
            click.echo(f"  {name}")
    if not owned:
        click.echo("mailpanel manages nothing on this host.")
    if not yes:
        click.confirm(
            "Forget that mailpanel wrote this, and remove its keys?", abort=True, err=True
        )
    eject(options)
    click.echo(
        f"Done. What is left is the database ({options.database_directory}, or where "
        "sqlalchemy.url leads), the ini and the package; remove them when you like."
    )
