"""mailpanel to look at: web and apply beside a private Postfix and a strict relay.

Everything stands in a temporary directory and on loopback; the machine's own
Postfix is not touched.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mailpanel.playground.certificates import Authority
from mailpanel.playground.installation import Installation, InstallationError
from mailpanel.playground.postfix import PostfixError, PrivatePostfix, free_port
from mailpanel.playground.relay import Message, StrictRelay

__all__ = ["main"]

PORT = 8080
USERNAME = "relay-user"
PASSWORD = "secure-relay-user-password"  # noqa: S105 (the playground's own, shown to all)

WELCOME = """
mailpanel runs at {url}, API below {url}/api/v1/

  account  admin
  token    {token}
  Postfix  127.0.0.1:{postfix_port}, {config_directory}
  relay    localhost:{relay_port}, demands TLS and the account {username}
  logs     {log_directory}

Send all mail through the relay (it answers once that is live):

  curl -u admin:{token} -H 'Content-Type: application/json' -H 'Prefer: wait=30' \\
    -d '{value}' \\
    {url}/api/v1/settings/postfix_relayhost/

Hand Postfix a message; the relay says here what it got:

  python3 -c 'import smtplib; smtplib.SMTP("127.0.0.1", {postfix_port}).sendmail(
    "you@example.org", ["friend@example.net"], "Subject: hello\\n\\nHello.")'

Look at the setting, and put back what was there before:

  curl -u admin:{token} {url}/api/v1/settings/postfix_relayhost/
  curl -u admin:{token} -H 'Prefer: wait=30' -X DELETE {url}/api/v1/settings/postfix_relayhost/

Ctrl-C ends it all.
"""


def main() -> None:
    """Run until Ctrl-C or SIGTERM; exit 1, saying why, where it cannot."""
    parser = argparse.ArgumentParser(prog="mailpanel.playground", description=__doc__)
    parser.add_argument(
        "--port", type=int, help=f"the web's port; default {PORT}, or a free one where it is taken"
    )
    port = parser.parse_args().port or _port()
    if os.geteuid() != 0:
        sys.exit("Postfix needs root to start, even a private one: use sudo.")
    if shutil.which("postfix") is None:
        sys.exit("Postfix is not installed; script/run installs it.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _running(port) as installation:
            while True:
                time.sleep(1)
                installation.check()
    except KeyboardInterrupt:
        _say("Ended.")
    except (InstallationError, PostfixError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


def _port() -> int:
    try:
        with socket.socket() as probe:
            # As the server itself binds: a connection closed just now is no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", PORT))
    except OSError:
        return free_port()
    return PORT


@contextmanager
def _running(port: int) -> Iterator[Installation]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(_directory()))
        authority = Authority()
        relay = stack.enter_context(
            StrictRelay(
                authority.issue("localhost", "127.0.0.1"),
                accounts={USERNAME: PASSWORD},
                on_message=_tell,
            )
        )
        postfix = stack.enter_context(PrivatePostfix(_new(directory / "postfix")))
        options = {
            "mailpanel.host_name": "playground",
            "mailpanel.postfix_config_directory": str(postfix.config_directory),
            "mailpanel.ca_file": str(authority.write_bundle(directory / "ca.pem")),
            "mailpanel.check_interval": "5",
        }
        installation = Installation(_new(directory / "mailpanel"), options, port)
        stack.enter_context(installation)
        # First of all on the way out: a second Ctrl-C must not leave a Postfix behind.
        stack.callback(_ignore_signals)
        _welcome(installation, postfix, relay)
        yield installation


def _directory() -> tempfile.TemporaryDirectory[str]:
    # A short name, since unix sockets stand below it, that every user may enter.
    directory = tempfile.TemporaryDirectory(prefix="mp-", dir="/tmp")
    Path(directory.name).chmod(0o755)
    return directory


def _new(directory: Path) -> Path:
    directory.mkdir()
    directory.chmod(0o755)
    return directory


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _welcome(installation: Installation, postfix: PrivatePostfix, relay: StrictRelay) -> None:
    value = {
        "server_hostname": "localhost",
        "server_port": relay.port,
        "username": USERNAME,
        "password": PASSWORD,
    }
    _say(
        WELCOME.format(
            url=installation.url,
            token=installation.token,
            postfix_port=postfix.port,
            config_directory=postfix.config_directory,
            relay_port=relay.port,
            username=USERNAME,
            log_directory=installation.log_directory,
            value=json.dumps(value),
        )
    )


def _tell(message: Message) -> None:
    head = message.content.decode(errors="replace").partition("\r\n\r\n")[0]
    recipients = ", ".join(message.recipients)
    _say(
        f"relay: message from {message.sender} to {recipients} "
        f"as {message.username} over {message.tls}\n{textwrap.indent(head, '       ')}"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
