"""mailpanel playground: everything on loopback, to look at."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from mailpanel.cli._base import config_option
from mailpanel.errors import DeploymentError
from mailpanel.settings import SETTINGS

if TYPE_CHECKING:
    from mailpanel.playground.relay import Message

__all__ = ["command"]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command("playground")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default="var/playground",
    show_default=True,
    metavar="DIR",
    help="Where it keeps everything; the next start goes on from there.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="The web's port; default the one of the last start, or 8080, or a free one.",
)
@config_option
def command(directory: Path, port: int | None) -> None:
    """Try mailpanel on a Postfix and a Dovecot of its own.

    It starts them with a strict relay, web and apply on loopback, with mailboxes
    that hold old mail, and prints the address, an account, and a call for each
    setting. The machine's own mail configuration is not touched, and no ini is
    read: it has one of its own. DIR/playground.json tells scripts where all is.
    Run it as root; Ctrl-C ends it all.

    \b
    Example:
      mailpanel playground --directory /tmp/playground --port 8090
    """
    if os.geteuid() != 0:
        raise DeploymentError("Postfix needs root to start, even a private one: use sudo")
    for program in ("postfix", "dovecot"):
        if shutil.which(program) is None:
            raise DeploymentError(f"{program} is not installed; script/run installs it")
    for number in SIGNALS:
        # nohup(1) is meant; that a shell has it ignore Ctrl-C in the background is not.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        _run(directory, port)
    except KeyboardInterrupt:
        _say("Ended.")


def _run(directory: Path, port: int | None) -> None:
    try:
        from mailpanel.playground import welcome
        from mailpanel.playground.whole import ERRORS, Place, Playground, PlaygroundError
    except ModuleNotFoundError as error:
        raise DeploymentError(
            f"the playground needs the package {error.name}: pip install 'mailpanel[playground]'"
        ) from None

    def tell(message: Message) -> None:
        _say(welcome.about_message(message))

    try:
        with Playground(Place(directory), port, say=_say, on_message=tell) as playground:
            _say(welcome.welcome(playground.record, SETTINGS))
            while True:
                time.sleep(1)
                playground.check()
    except ERRORS as error:
        raise PlaygroundError(str(error)) from None


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    # Once: a second Ctrl-C must not leave a Postfix behind.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(text: str) -> None:
    # A terminal that has gone keeps nobody from ending what was started.
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
