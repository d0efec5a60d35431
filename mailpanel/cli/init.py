"""mailpanel init: user, directories, keys and database."""

from __future__ import annotations

import base64
import binascii
import grp
import os
import pwd
import subprocess
import sys
from pathlib import Path

import click

from mailpanel.cli._base import config_option, deployment
from mailpanel.deployment import Deployment
from mailpanel.errors import DeploymentError
from mailpanel.layout import prepare_run, prepare_state
from mailpanel.privileges import become_user, require_reachable
from mailpanel.seal import make_keys
from mailpanel.services.database import Database
from mailpanel.services.migration import Migration

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

    \b
    Example:
      mailpanel init
      ssh mx1 mailpanel keys export | mailpanel init --key-stdin
    """
    options = deployment()
    database, migration = Database(options.database_url), Migration()
    if os.geteuid() == 0 and _make_user(options.user):
        click.echo(f"made the system user {options.user}")
    for directory in prepare_state(options) + prepare_run(options):
        click.echo(f"made {directory}")
    if key_stdin:
        _take_key(sys.stdin.buffer.read(), options)
    if make_keys(options.private_key_file, options.public_key_file):
        click.echo(f"made the key pair in {options.private_key_file.parent}")
    become_user(options)
    if database.file is not None:
        require_reachable(database.file)
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


def _take_key(text: bytes, options: Deployment) -> None:
    """Make *text* the private key; refuse where another one opens what is stored."""
    key = _decoded(text)
    file: Path = options.private_key_file
    if key is None:
        raise DeploymentError("--key-stdin: what stands on standard input is no private key")
    if file.exists():
        if _decoded(file.read_bytes()) != key:
            raise DeploymentError(
                f"{file}: there is another key already, and what was sealed for it would be "
                "lost; move it away first if that is meant"
            )
        return
    # Made anew from the private key: first gone, so that the two never differ.
    options.public_key_file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(base64.b64encode(key) + b"\n")
        stream.flush()
        os.fsync(descriptor)
    click.echo(f"took the key over to {file}")


def _decoded(text: bytes) -> bytes | None:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        return None
    return key if len(key) == 32 else None
