"""Probes: staged values tried against the real server, without root's rights.

Nothing a server says is repeated but an SMTP reply's code and text, shortened
and printable; what does not speak SMTP is only said not to.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TypeGuard

import aiosmtplib

from mailpanel.addresses import is_never_a_server
from mailpanel.apply.certificates import told_tls
from mailpanel.apply.own_ports import OwnPorts
from mailpanel.apply.sending import hand_over
from mailpanel.apply.steps import Steps
from mailpanel.errors import ProbeFailed
from mailpanel.letters import Letter, sender_of, test_letter
from mailpanel.plan import SmtpLogin
from mailpanel.relay_words import (
    certificate_failure,
    has_plugin,
    login_failure,
    printable,
    remark,
    reply_without,
    say,
)

__all__ = ["require_server", "try_smtp_login"]

_UNREACHABLE = {
    errno.ECONNREFUSED: "refused",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
}

# RFC 1870, section 4
_SIZE = re.compile(r"[0-9]{1,20}")
# Of one step, in seconds, and of the whole.
TIMEOUT = 15.0
LONGEST = 90.0


async def require_server(probe: SmtpLogin, own_ports: OwnPorts) -> None:
    """Raise :class:`ProbeFailed`, for good, where the name leads to where no server can be.

    What cannot be resolved here is none of it: whoever goes there may resolve otherwise.
    """
    try:
        addresses = await _resolve(probe)
    except ProbeFailed:
        return
    _require_possible(probe, addresses, own_ports)


async def try_smtp_login(
    probe: SmtpLogin,
    steps: Steps,
    patience: float | None = None,
    own_ports: OwnPorts | None = None,
    letter: Letter | None = None,
) -> None:
    """Resolve, connect, greet, start TLS and log in as *probe* says; send nothing but *letter*.

    Each is taken down in *steps*, and all of it takes *patience* seconds at
    most, by default :data:`LONGEST`. Raises
    :class:`ProbeFailed` with a sentence about the step that failed; ``temporary`` is false
    only where the server refused the account, or the letter for good.
    """
    patience = LONGEST if patience is None else patience
    try:
        async with asyncio.timeout(patience):
            await _try(probe, steps, own_ports or OwnPorts(), letter or _wanted_letter(probe))
    except TimeoutError:
        raise _say("slow", probe, limit=f"{patience:.0f}") from None


def _wanted_letter(probe: SmtpLogin) -> Letter | None:
    if not probe.message_to:
        return None
    return test_letter(sender_of(probe.username, probe.helo), probe.message_to, probe.helo)


async def _try(probe: SmtpLogin, steps: Steps, own_ports: OwnPorts, letter: Letter | None) -> None:
    with steps.step("resolve") as says:
        addresses = await _resolve(probe)
        _require_possible(probe, addresses, own_ports)
        says.append(", ".join(dict.fromkeys(address for _, address in addresses)))
    with steps.step("connect") as says:
        sock, address = await _open(probe, addresses)
        says.append(f"{address}, port {probe.port}")
    async with _connected(probe, sock, steps) as client:
        with steps.step("tls") as says:
            await _secure(probe, client)
            says.append(told_tls(client))
            if too_small := _too_small(probe, client):
                says.append(too_small)
        with steps.step("auth") as says:
            if probe.username is not None and probe.password is not None:
                says.append(await _log_in(probe, client, probe.username, probe.password))
            else:
                await _ask_without_account(probe, client)
                says.append("The relay wants no account.")
        if letter is not None:
            with steps.step("message") as says:
                says.append(await hand_over(client, probe, letter))


async def _resolve(probe: SmtpLogin) -> list[tuple[int, str]]:
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(
            loop.getaddrinfo(probe.hostname, probe.port, type=socket.SOCK_STREAM), TIMEOUT
        )
    except (OSError, UnicodeError, TimeoutError):
        raise _say("dns", probe) from None
    return [(int(family), str(address[0])) for family, _, _, _, address in found]


def _require_possible(
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


@asynccontextmanager
async def _connected(
    probe: SmtpLogin, sock: socket.socket, steps: Steps
) -> AsyncIterator[aiosmtplib.SMTP]:
    """Yield a client that has read the greeting on *sock*."""
    try:
        context = _context(probe) if probe.tls == "tls" else None
    except ProbeFailed:
        sock.close()
        raise
    client = aiosmtplib.SMTP(
        hostname=probe.hostname,
        # From here on the client's transport closes it.
        sock=sock,
        local_hostname=_helo(probe.helo),
        timeout=TIMEOUT,
        use_tls=context is not None,
        start_tls=False,
        tls_context=context,
    )
    transport = None
    try:
        with steps.step("greeting"):
            await _greet(probe, client)
        transport = client.transport
        yield client
    finally:
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=2)
        client.close()
        if isinstance(transport, asyncio.WriteTransport):
            # Not the polite end of TLS, with which a server may let one wait.
            transport.abort()


async def _greet(probe: SmtpLogin, client: aiosmtplib.SMTP) -> None:
    try:
        await client.connect()
    except (aiosmtplib.SMTPException, OSError) as error:
        if _is_refusal(error):
            raise _say("turned_away", probe, said=_reply(error)) from None
        raise _no_greeting(probe, error) from None


async def _open(probe: SmtpLogin, addresses: list[tuple[int, str]]) -> tuple[socket.socket, str]:
    """Return a connection, and the address that it leads to: it may be gone again already."""
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
    raise _say(reason, probe)


def _helo(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", name) else "localhost"


def _context(probe: SmtpLogin) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if probe.verify:
        try:
            context.load_verify_locations(probe.ca_file, probe.ca_path or None)
        except OSError:
            raise ProbeFailed(f"The file that {probe.ca_option} names cannot be read.") from None
    else:
        context.check_hostname = False
        context.verify_mode = ssl.VerifyMode.CERT_NONE
    return context


async def _secure(probe: SmtpLogin, client: aiosmtplib.SMTP) -> None:
    """Say EHLO, and start TLS where the probe wants it."""
    try:
        await client.ehlo()
    except (aiosmtplib.SMTPException, OSError) as error:
        if _is_refusal(error):
            raise _say("ehlo", probe, said=_reply(error)) from None
        raise _no_greeting(probe, error) from None
    offered = client.supports_extension("starttls")
    if probe.tls not in ("starttls", "may") or (probe.tls == "may" and not offered):
        return
    if not offered:
        raise _say("no_starttls", probe)
    try:
        await client.starttls(server_hostname=probe.hostname, tls_context=_context(probe))
        await client.ehlo()
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _no_tls(probe, error) from None


async def _log_in(probe: SmtpLogin, client: aiosmtplib.SMTP, username: str, password: str) -> str:
    """Log in by the mechanism that the daemon would choose; return what to say of it."""
    offered = {name.upper() for name in client.server_auth_methods}
    common = offered & set(probe.mechanisms)
    methods: dict[str, Callable[[str, str], Awaitable[object]]] = {
        "PLAIN": client.auth_plain,
        "LOGIN": partial(_auth_login, client),
        "CRAM-MD5": client.auth_crammd5,
    }
    if not common:
        raise _nothing_in_common(probe, offered)
    # Cyrus prefers what does not show the password, and has more of these than this client.
    if not probe.decides and common - methods.keys():
        return f"Postfix's own way to log in: {', '.join(sorted(common - methods.keys()))}."
    order = sorted(common & methods.keys(), key=lambda name: _order(name, probe.decides))
    try:
        await methods[order[0]](username, password)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise _not_logged_in(probe, error) from None
    return f"The relay accepts the account ({order[0]})."


def _order(mechanism: str, decides: bool) -> int:
    known = ["PLAIN", "LOGIN", "CRAM-MD5"]
    return known.index(mechanism) if decides or mechanism != "CRAM-MD5" else -1


def _nothing_in_common(probe: SmtpLogin, offered: set[str]) -> ProbeFailed:
    shown = printable(", ".join(sorted(offered)) or "none")
    if not probe.decides and has_plugin(offered):
        return _say("missing_plugin", probe, offered=shown)
    mechanisms = ", ".join(probe.mechanisms)
    key = "no_mechanism_mailer" if probe.decides else "no_mechanism"
    return _say(key, probe, offered=shown, mechanisms=mechanisms)


async def _ask_without_account(probe: SmtpLogin, client: aiosmtplib.SMTP) -> None:
    """Say from whom, and take it back: a relay that wants an account says so then (RFC 4954, 6).

    Postfix bounces mail that is answered with 530.
    """
    try:
        reply = await client.execute_command(b"MAIL FROM:<>")
        await client.rset()
    except (aiosmtplib.SMTPException, OSError):
        raise ProbeFailed("The relay ends the connection when it is offered mail.") from None
    if reply.code == 530:
        raise _say("wants_account", probe, said=printable(f"{reply.code} {reply.message}"))


async def _auth_login(client: aiosmtplib.SMTP, username: str, password: str) -> None:
    """Log in by LOGIN as Cyrus does: the name has a line of its own, as some servers demand."""
    words = (b"AUTH LOGIN", *(base64.b64encode(text.encode()) for text in (username, password)))
    for word, expected in zip(words, (334, 334, 235), strict=True):
        reply = await client.execute_command(word)
        if reply.code != expected:
            raise aiosmtplib.SMTPAuthenticationError(reply.code, reply.message)


def _not_logged_in(probe: SmtpLogin, error: Exception) -> ProbeFailed:
    if not _is_refusal(error):
        return _say("broken_off", probe)
    reply = f"{error.code} {error.message}"
    said = reply_without(reply, probe.username or "", probe.password or "")
    return _say(login_failure(error.code, said), probe, said=said)


def _is_refusal(error: BaseException) -> TypeGuard[aiosmtplib.SMTPResponseException]:
    """Say whether *error* is a proper SMTP reply that refuses, and so may be repeated."""
    return isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code < 600


def _no_greeting(probe: SmtpLogin, error: BaseException) -> ProbeFailed:
    if probe.tls == "tls":
        return _no_tls(probe, error)
    return _say("not_smtp", probe)


def _no_tls(probe: SmtpLogin, error: BaseException) -> ProbeFailed:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = printable(cause.verify_message)
            return _say(certificate_failure(reason), probe, said=reason)
    return _say("not_tls" if probe.tls == "tls" else "handshake", probe)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reply(error: aiosmtplib.SMTPResponseException) -> str:
    return printable(f"{error.code} {error.message}")


def _say(key: str, probe: SmtpLogin, **details: str) -> ProbeFailed:
    known = {"hostname": probe.hostname, "port": probe.port, "ca_option": probe.ca_option}
    return say(key, **known | details)


def _too_small(probe: SmtpLogin, client: aiosmtplib.SMTP) -> str | None:
    """Return what to say of a server that takes smaller messages alone than may come (RFC 1870)."""
    limit = client.esmtp_extensions.get("size", "")
    # 0 is no limit, here and there. Of more digits than any size has Python makes no number.
    if not _SIZE.fullmatch(limit) or not 0 < int(limit) < (probe.largest or int(limit) + 1):
        return None
    return remark("size", limit=int(limit), own=probe.largest)
