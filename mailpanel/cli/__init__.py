"""The ``mailpanel`` command."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from mailpanel import __version__
from mailpanel.cli._base import config_option
from mailpanel.cli._lazy import LazyGroup
from mailpanel.errors import DatabaseAway, InvalidFields, MailpanelError, MalformedJson

if TYPE_CHECKING:
    from mailpanel.services.broken_rows import BrokenRow

__all__ = ["COMMANDS", "main"]

# The order is that of a first day: set up, run, let people in, change a setting, look.
COMMANDS = {
    "init": ("mailpanel.cli.init", "Make user, directories, keys and database."),
    "serve": ("mailpanel.cli.serve", "Serve the panel and the API."),
    "apply": ("mailpanel.cli.apply", "Make the settings live on this mail host."),
    "account": ("mailpanel.cli.account", "Manage who may log in or call the API."),
    "token": ("mailpanel.cli.token", "Manage the tokens that API clients use."),
    "setting": ("mailpanel.cli.setting", "Set, show and reset the settings."),
    "status": ("mailpanel.cli.status", "Show what is live on this host."),
    "clear": ("mailpanel.cli.clear", "Clear Junk and Trash folders now, or see what would go."),
    "hosts": ("mailpanel.cli.hosts", "Show all mail hosts, and what was edited there."),
    "keys": ("mailpanel.cli.keys", "Carry the keys to another host, or make new ones."),
    "eject": ("mailpanel.cli.eject", "Leave plain files behind and go."),
    "playground": ("mailpanel.cli.playground", "Try it all, with daemons of its own."),
    "openapi": ("mailpanel.cli.openapi", "Print the OpenAPI description of the API."),
}


class _Main(LazyGroup):
    """Answers what mailpanel raises with one line, and exit status 2 for wrong input, else 1.

    Of several wrong fields each has a line of its own.
    """

    def invoke(self, ctx: click.Context) -> Any:
        # What goes wrong is told below, once; a command that serves sets up its own log.
        logging.getLogger("mailpanel").addHandler(logging.NullHandler())
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            lines = list(_told(error, ctx))
            if not lines:
                raise
            for line in lines:
                click.echo(f"mailpanel: {line}", err=True)
            return ctx.exit(2 if isinstance(error, InvalidFields | MalformedJson) else 1)


def _told(error: Exception, ctx: click.Context) -> Iterator[str]:
    """Yield what is told of *error*, line by line; nothing where it says all by itself."""
    if isinstance(error, DatabaseAway):
        yield f"{error} ({error.reason})" if error.reason else str(error)
    elif isinstance(error, InvalidFields):
        yield from (f"{each.field}: {each.detail}" for each in error.errors)
    elif isinstance(error, MailpanelError):
        yield str(error)
    elif isinstance(error, OSError):
        # click ends quietly where the reader of a pipe has gone.
        if error.errno != errno.EPIPE:
            yield f"{error.filename or ''}: {error.strerror}"
    elif row := _broken_row(ctx):
        yield str(row)


def _broken_row(ctx: click.Context) -> BrokenRow | None:
    # SQLAlchemy is half of a command's start, and not every command needs it.
    from mailpanel.cli._services import broken_row

    return broken_row(ctx)


@click.group(cls=_Main, lazy=COMMANDS)
@click.version_option(__version__, prog_name="mailpanel")
@config_option
def main() -> None:
    """Change mail server settings: tested first, all or nothing.

    \b
    A first day on a mail host, as root:
      mailpanel init
      mailpanel account add admin --perm-level MasterAdmin
      mailpanel token create admin
      mailpanel serve &
      mailpanel apply &
      mailpanel setting set postfix_relayhost \\
          server_hostname=relay.example.net server_port=587 --wait 30

    Exit status: 0 done, 1 failed, 2 wrong usage or a wrong value: nothing was done.
    """
