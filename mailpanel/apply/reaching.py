"""The way to a server that is to be probed: its addresses, and a connection to one of them."""

from __future__ import annotations

import asyncio
import errno
import socket

from mailpanel.addresses import is_never_a_server
from mailpanel.apply.own_ports import OwnPorts
from mailpanel.apply.probe_words import failed
from mailpanel.errors import ProbeFailed
from mailpanel.plan import SmtpLogin

__all__ = ["open_connection", "require_possible", "resolve"]

_UNREACHABLE = {
    errno.ECONNREFUSED: "refused",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
}

# Of one step, in seconds.
TIMEOUT = 15.0


async def resolve(probe: SmtpLogin) -> list[tuple[int, str]]:
    """Return the addresses of the server of *probe*, each behind its family.

    Raises :class:`ProbeFailed` where there are none.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(
            loop.getaddrinfo(probe.hostname, probe.port, type=socket.SOCK_STREAM), TIMEOUT
        )
    except (OSError, UnicodeError, TimeoutError):
        raise failed("dns", probe) from None
    return [(int(family), str(address[0])) for family, _, _, _, address in found]


def require_possible(
    probe: SmtpLogin, addresses: list[tuple[int, str]], own_ports: OwnPorts
) -> None:
    """Raise :class:`ProbeFailed`, for good, unless *probe* may go to each of *addresses*.

    A single one is enough to refuse: Postfix takes them in an order of its own.
    """
    named = [address.partition("%")[0] for _, address in addresses]
    if any(map(is_never_a_server, named)):
        raise ProbeFailed(
            f"{probe.hostname} resolves to an address that no server can have (link-local, "
            "multicast or reserved).",
            temporary=False,
        )
    if not own_ports.allow(probe.hostname, named, probe.port):
        raise ProbeFailed(
            f"{probe.hostname} is this host itself, and too many of its ports were tried today. "
            "Name it in mailpanel.relay_allow, or restart mailpanel apply.",
            temporary=False,
        )


async def open_connection(
    probe: SmtpLogin, addresses: list[tuple[int, str]]
) -> tuple[socket.socket, str]:
    """Return a connection, and the address that it leads to: it may be gone again already.

    Raises :class:`ProbeFailed` where there is none to any of *addresses*.
    """
    loop = asyncio.get_running_loop()
    reason = "port_25" if probe.port == 25 else "timeout"
    for family, address in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            # To the address that was resolved and allowed, not to the name again.
            await asyncio.wait_for(loop.sock_connect(sock, (address, probe.port)), TIMEOUT)
        except TimeoutError:
            sock.close()
        except OSError as error:
            sock.close()
            reason = _UNREACHABLE.get(error.errno or 0, reason)
        else:
            return sock, address
    raise failed(reason, probe)
