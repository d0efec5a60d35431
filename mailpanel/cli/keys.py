"""mailpanel keys: carry the keys to another mail host, or make new ones."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedRWPair

import click

from mailpanel.cli._base import config_option, deployment
from mailpanel.cli._services import local_author, open_database
from mailpanel.deployment import Deployment
from mailpanel.errors import DeploymentError, MailpanelError, SealError
from mailpanel.layout import wrong_user
from mailpanel.seal import Opener, Sealer, key_id_of, rotate_keys
from mailpanel.services.audit import Author
from mailpanel.services.resealing import put_resealed, sealed_secrets

__all__ = ["command"]


@click.group("keys")
@config_option
def command() -> None:
    """Carry the keys to another mail host, or make new ones.

    What the panel seals with the public key only a mail host with the private one can
    open. All mail hosts need the same.
    """


@command.command("export")
@config_option
def export() -> None:
    """Print the private keys, for a further mail host. Run it as root.

    Whoever has them opens every stored password: never to a terminal or a file.

    \b
    Example:
      mailpanel keys export | ssh root@mx2 mailpanel init --key-stdin
    """
    if sys.stdout.isatty():
        raise click.UsageError("Not to a terminal: give it to mailpanel init --key-stdin.")
    path = deployment().private_key_file
    try:
        Opener(path)
        text = path.read_bytes()
    except PermissionError:
        raise wrong_user(path) from None
    sys.stdout.buffer.write(text)


@command.command("rotate")
@config_option
def rotate() -> None:
    """Make a new key pair and seal with it what is stored. Run it as root on one mail host.

    The key before it stays, and still opens what a backup brings back, until the next
    rotation. Then carry the keys to the other mail hosts: until then these refuse what
    is saved, and say why. No service has to be restarted.

    \b
    Example:
      mailpanel keys rotate
      mailpanel keys export | ssh root@mx2 mailpanel init --key-stdin
    """
    options = deployment()
    private, public = options.private_key_file, options.public_key_file
    if not os.access(private, os.R_OK):
        raise wrong_user(private) if private.exists() else DeploymentError(f"{private}: no key yet")
    with _database_user(options, local_author()) as stream:
        boxes = json.loads(stream.readline())
        rotate_keys(private, public, {key_id_of(each) for each in boxes})
        resealed, lost = _resealed(boxes, Opener(private), Sealer(public))
        stream.write(json.dumps(resealed).encode() + b"\n")
        stream.flush()
    click.echo(f"made new keys, and sealed {len(resealed)} stored passwords with them")
    if lost:
        click.echo(f"{lost} could not be opened with any key: type those anew", err=True)


def _resealed(boxes: list[str], opener: Opener, sealer: Sealer) -> tuple[dict[str, str], int]:
    """Return *boxes* with the new one of each, and how many do not open."""
    found = {}
    for each in boxes:
        with suppress(SealError):
            found[each] = sealer.put(opener.content(each))
    return found, len(boxes) - len(found)


@contextmanager
def _database_user(options: Deployment, author: Author) -> Iterator[BufferedRWPair]:
    """Yield a stream from and to a process that is the database's user.

    It says which boxes there are, and puts those that it is told in their place. What reads what
    others can write there never has the private key, nor is it root, which has it.
    """
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        os._exit(_serve(options, author, theirs))
    theirs.close()
    try:
        # Where there is no answer that process has said what is wrong with the database.
        with ours, ours.makefile("rwb") as stream, suppress(ValueError):
            yield stream
    finally:
        _, status = os.waitpid(pid, 0)
    if status:
        click.get_current_context().exit(1)


def _serve(options: Deployment, author: Author, end: socket.socket) -> int:
    try:
        database = open_database(options)
        with end, end.makefile("rwb") as stream:
            stream.write(json.dumps(sealed_secrets(database)).encode() + b"\n")
            stream.flush()
            if answer := stream.readline():
                put_resealed(database, json.loads(answer), author)
    except MailpanelError as error:
        click.echo(f"mailpanel: {error}", err=True)
        return 1
    return 0
