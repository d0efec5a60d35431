"""mailpanel serve: the web, on Waitress."""

from __future__ import annotations

import logging.config
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
import waitress.server

from mailpanel.app import THREADS, make_app
from mailpanel.cli import _refusals
from mailpanel.cli._base import config_option, config_path, ini_settings, tell_if_no_ini
from mailpanel.cli._services import become_database_user
from mailpanel.deployment import Deployment, load
from mailpanel.errors import DeploymentError
from mailpanel.services.database import Database
from mailpanel.system_log import AUDIT, is_the_journal, to_syslog

__all__ = ["command"]

# Bytes; Waitress' own 256 KiB of one header (Accept) cost a second to take apart.
LARGEST_HEADER = 32 * 1024
LARGEST_BODY = 16 * 1024 * 1024  # bytes; the views' own limits are lower and answer JSON


@click.command("serve")
@click.option(
    "--listen",
    default="127.0.0.1:8080",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen; an IPv6 address goes into brackets. Port 0 takes a free one.",
)
@config_option
def command(listen: str) -> None:
    """Serve the panel and the API until it is told to stop (SIGTERM, Ctrl-C).

    It speaks plain HTTP: put a reverse proxy with TLS before it, and name its
    address in mailpanel.trusted_proxy. Started as root it becomes mailpanel.user
    once it has its port.

    \b
    Example:
      mailpanel serve --listen 127.0.0.1:8080
    """
    tell_if_no_ini()
    settings = ini_settings()
    settings.pop("use", None)
    options = load(settings)
    _set_up_logging(config_path())
    if not is_the_journal():
        to_syslog(AUDIT)
    sockets = _bind(listen)
    # Application and server are complete before root is given up, since what they import
    # may be out of reach then; neither opens the database before its first request.
    application = make_app(settings)
    _refusals.install(behind_tls=bool(options.trusted_proxy))
    server = waitress.server.create_server(
        application,
        sockets=sockets,
        threads=THREADS,
        ident=None,
        max_request_header_size=LARGEST_HEADER,
        max_request_body_size=LARGEST_BODY,
        **_proxy_options(options),
    )
    become_database_user(options, Database(options.database_url))
    signal.signal(signal.SIGTERM, _stop)
    for each in sockets:
        click.echo(f"mailpanel: listening on http://{_shown(each)}", err=True)
    server.run()


def _proxy_options(options: Deployment) -> dict[str, Any]:
    """Return from whom Waitress takes another client's address; from all others it takes none."""
    if not options.trusted_proxy:
        return {"clear_untrusted_proxy_headers": True}
    return {
        "clear_untrusted_proxy_headers": True,
        "trusted_proxy": options.trusted_proxy,
        # Not the host: nothing asks for it, and many proxies hand on what a client made up.
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
    }


def _stop(_number: int, _frame: object) -> NoReturn:
    # Waitress ends its loop on it, and lets the requests at work finish.
    sys.exit(0)


def _bind(listen: str) -> list[socket.socket]:
    """Return a socket on each address that *listen* names."""
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter("write HOST:PORT, like 127.0.0.1:8080", param_hint="--listen")
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except OSError as error:
        raise DeploymentError(f"--listen: {host} is no address here ({error.strerror})") from None
    try:
        return [_bound(family, address) for family, _, _, _, address in found]
    except OSError as error:
        raise DeploymentError(
            f"--listen: {listen} cannot be used ({os.strerror(error.errno or 0)}); "
            "stop what listens there, or choose another port"
        ) from None


def _bound(family: int, address: tuple[Any, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    # Else a restart would have to wait for the connections of the one before.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(address)
    return listener


def _shown(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _set_up_logging(path: str | None) -> None:
    if path is not None and "[loggers]" in Path(path).read_text(encoding="utf-8").splitlines():
        logging.config.fileConfig(
            path,
            defaults={"here": str(Path(path).absolute().parent)},
            disable_existing_loggers=False,
        )
        return
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
