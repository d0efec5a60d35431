"""mailpanel init: user, directories, keys and database."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
import sys

import click

from mailpanel.cli._base import config_option, deployment, tell_if_no_ini, tell_if_no_postfix
from mailpanel.cli._services import become_database_user
from mailpanel.deployment import Deployment
from mailpanel.errors import DeploymentError
from mailpanel.layout import owner_of_user_files, prepare_run, prepare_state
from mailpanel.seal import make_keys, take_key
from mailpanel.services.database import Database
from mailpanel.services.migration import Migration
from mailpanel.vault import make_web_key

__all__ = ["command"]


@click.command("init")
@click.option(
    "--key-stdin",
    is_flag=True,
    help="Read the private key of another mail host, so that this one opens the same secrets.",
)
@config_option
def command(key_stdin: bool) -> None:
    """Make user, directories, keys and database.

    Run it as root on each mail host, once, and after each update; it is safe to
    repeat, and says what it has made. Run as anyone else, everything belongs to
    them, which is enough to try mailpanel out.

    The private key stands in keys/seal.key in the state directory, by default
    /var/lib/mailpanel; only root can read it. The web keeps second factors with
    keys/web.key, which its own user alone can read.

    \b
    Example:
      mailpanel init
      mailpanel init --key-stdin < seal.key
    """
    tell_if_no_ini()
    options = deployment()
    tell_if_no_postfix(options)
    database, migration = Database(options.database_url), Migration()
    click.get_current_context().call_on_close(database.dispose)
    if os.geteuid() == 0 and _make_user(options.user):
        click.echo(f"made the system user {options.user}")
    for directory in prepare_state(options) + prepare_run(options):
        click.echo(f"made {directory}")
    if key_stdin:
        _take_key(options)
    if make_keys(options.private_key_file, options.public_key_file):
        click.echo(f"made the key pair in {options.private_key_file.parent}")
    user = owner_of_user_files(options)
    if make_web_key(options.web_key_file, (user.uid, user.gid)):
        click.echo(f"made the web's own key, {options.web_key_file}")
    become_database_user(options, database)
    database.migrate(migration)
    click.echo("the database is ready")


def _make_user(name: str) -> bool:
    """Make the system user *name* where there is none; say whether it was made."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        pass
    else:
        return False
    options = ["--system", "--no-create-home", "--home-dir", "/nonexistent"]
    options += ["--shell", "/usr/sbin/nologin"]
    options += ["--gid", name] if _is_group(name) else ["--user-group"]
    try:
        subprocess.run(["useradd", *options, "--", name], check=True, capture_output=True)
    except FileNotFoundError:
        raise DeploymentError(
            f"mailpanel.user: there is no useradd here; make the system user {name} by hand"
        ) from None
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode("utf-8", "replace").strip().replace("\n", "; ")
        raise DeploymentError(f"mailpanel.user: the user cannot be made: {reason}") from None
    return True


def _is_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _take_key(options: Deployment) -> None:
    private, public = options.private_key_file, options.public_key_file
    if take_key(sys.stdin.buffer.read(), private, public):
        click.echo(f"took the key over to {private}")
