"""Probes: staged values tried against the real server, without root's rights.

Nothing a server says is repeated but an SMTP reply's code and text, shortened
and printable; what does not speak SMTP is only said not to.
"""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TypeGuard

import aiosmtplib

from mailpanel.addresses import is_never_a_server
from mailpanel.apply.certificates import told_tls
from mailpanel.apply.steps import Steps
from mailpanel.errors import ProbeFailed
from mailpanel.plan import SmtpLogin

__all__ = ["try_smtp_login"]

# Of one step, in seconds, and of the whole.
TIMEOUT = 15.0
LONGEST = 90.0
SHORTEST_SECRET = 3
# Replies to AUTH that say nothing about the account (RFC 4954, section 6).
NOT_LOOKED_AT = frozenset({500, 501, 502, 503, 504, 521, 530, 538})


async def try_smtp_login(probe: SmtpLogin, steps: Steps, patience: float | None = None) -> None:
    """Resolve, connect, greet, start TLS and log in as *probe* says; send nothing.

    Each is taken down in *steps*, and all of it takes *patience* seconds at
    most, by default :data:`LONGEST`. Raises
    :class:`ProbeFailed` with a sentence about the step that failed; ``temporary`` is false
    only where the server refused the account.
    """
    patience = LONGEST if patience is None else patience
    try:
        async with asyncio.timeout(patience):
            await _try(probe, steps)
    except TimeoutError:
        raise ProbeFailed(
            f"{probe.hostname}, port {probe.port}, is too slow: the log-in was not done within "
            f"{patience:.0f} s."
        ) from None


async def _try(probe: SmtpLogin, steps: Steps) -> None:
    with steps.step("resolve") as says:
        addresses = await _resolve(probe)
        says.append(", ".join(dict.fromkeys(address for _, address in addresses)))
    with steps.step("connect") as says:
        sock = await _open(probe, addresses)
        says.append(f"{sock.getpeername()[0]}, port {probe.port}")
    async with _connected(probe, sock, steps) as client:
        with steps.step("tls") as says:
            await _secure(probe, client)
            says.append(told_tls(client))
        with steps.step("auth") as says:
            if probe.username is not None and probe.password is not None:
                mechanism = await _log_in(probe, client, probe.username, probe.password)
                says.append(f"The relay accepts the account ({mechanism}).")
            else:
                await _ask_without_account(client)
                says.append("The relay wants no account.")


async def _resolve(probe: SmtpLogin) -> list[tuple[int, str]]:
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(
            loop.getaddrinfo(probe.hostname, probe.port, type=socket.SOCK_STREAM), TIMEOUT
        )
    except (OSError, UnicodeError, TimeoutError):
        raise ProbeFailed(
            f"The name {probe.hostname} cannot be resolved. Check its spelling, and this "
            "host's DNS."
        ) from None
    addresses = [(int(family), str(address[0])) for family, _, _, _, address in found]
    allowed = [each for each in addresses if not is_never_a_server(each[1].partition("%")[0])]
    if not allowed:
        raise ProbeFailed(
            f"{probe.hostname} resolves to an address that no server can have (link-local, "
            "multicast or reserved)."
        )
    return allowed


@asynccontextmanager
async def _connected(
    probe: SmtpLogin, sock: socket.socket, steps: Steps
) -> AsyncIterator[aiosmtplib.SMTP]:
    """Yield a client that has read the greeting on *sock*."""
    context = _context(probe) if probe.tls == "tls" else None
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
            raise ProbeFailed(f"The relay turns this host away ({_reply(error)}).") from None
        raise _no_greeting(probe, error) from None


async def _open(probe: SmtpLogin, addresses: list[tuple[int, str]]) -> socket.socket:
    loop = asyncio.get_running_loop()
    reason = "it does not answer"
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
            reason = "the connection is refused" if error.errno == 111 else reason
        else:
            return sock
    raise ProbeFailed(
        f"{probe.hostname}, port {probe.port}, cannot be reached: {reason}. Check name and port; "
        "some providers block outgoing port 25."
    )


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
            raise ProbeFailed(f"The relay refuses EHLO ({_reply(error)}).") from None
        raise _no_greeting(probe, error) from None
    offered = client.supports_extension("starttls")
    if probe.tls not in ("starttls", "may") or (probe.tls == "may" and not offered):
        return
    if not offered:
        raise ProbeFailed(
            f"{probe.hostname}, port {probe.port}, offers no STARTTLS, so the account would "
            "travel in clear. Use the provider's port for STARTTLS (587) or TLS (465)."
        )
    try:
        await client.starttls(server_hostname=probe.hostname, tls_context=_context(probe))
        await client.ehlo()
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _no_tls(probe, error) from None


async def _log_in(probe: SmtpLogin, client: aiosmtplib.SMTP, username: str, password: str) -> str:
    """Log in; return the mechanism by which that went well."""
    offered = {name.upper() for name in client.server_auth_methods}
    usable = [
        (name, method)
        for name, method in (
            ("PLAIN", client.auth_plain),
            ("LOGIN", partial(_auth_login, client)),
            ("CRAM-MD5", client.auth_crammd5),
        )
        if name in offered and name in probe.mechanisms
    ]
    if not usable:
        shown = ", ".join(sorted(offered)) or "none"
        raise ProbeFailed(
            f"The relay and this host have no way to log in in common: it offers {_line(shown)}, "
            f"Postfix here can use {', '.join(probe.mechanisms)}."
        )
    try:
        await usable[0][1](username, password)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise _not_logged_in(probe, error) from None
    return usable[0][0]


async def _ask_without_account(client: aiosmtplib.SMTP) -> None:
    """Say from whom, and take it back: a relay that wants an account says so then (RFC 4954, 6).

    Postfix bounces mail that is answered with 530.
    """
    try:
        reply = await client.execute_command(b"MAIL FROM:<>")
        await client.rset()
    except (aiosmtplib.SMTPException, OSError):
        raise ProbeFailed("The relay ends the connection when it is offered mail.") from None
    if reply.code == 530:
        raise ProbeFailed(
            f"The relay wants an account ({_line(f'{reply.code} {reply.message}')}). Send username "
            "and password too.",
            temporary=False,
        )


async def _auth_login(client: aiosmtplib.SMTP, username: str, password: str) -> None:
    """Log in by LOGIN as Cyrus does: the name has a line of its own, as some servers demand."""
    words = (b"AUTH LOGIN", *(base64.b64encode(text.encode()) for text in (username, password)))
    for word, expected in zip(words, (334, 334, 235), strict=True):
        reply = await client.execute_command(word)
        if reply.code != expected:
            raise aiosmtplib.SMTPAuthenticationError(reply.code, reply.message)


def _not_logged_in(probe: SmtpLogin, error: Exception) -> ProbeFailed:
    if not _is_refusal(error):
        return ProbeFailed("The relay broke the log-in off, or its answer is not SMTP.")
    said = _without_account(probe, error)
    if error.code < 500:
        return ProbeFailed(f"The relay cannot check the password at the moment ({said}).")
    if error.code in NOT_LOOKED_AT:
        return ProbeFailed(
            f"The relay does not take a log-in here ({said}). Check the port: 465 is for "
            "TLS from the start, 587 for STARTTLS."
        )
    return ProbeFailed(
        f"The relay accepts the connection but refuses the password ({said}). Check "
        "the account at your provider; some want an app password.",
        temporary=False,
    )


def _without_account(probe: SmtpLogin, error: aiosmtplib.SMTPResponseException) -> str:
    """Return the reply, or its code alone where the relay repeats what was sent to it."""
    secrets = (probe.username or "", probe.password or "")
    sent = [text.encode() for text in secrets] + [b"\0%b\0%b" % tuple(t.encode() for t in secrets)]
    echoes = [*secrets, *(base64.b64encode(each).decode() for each in sent)]
    # Shorter ones occur by chance, and give nothing away.
    if any(len(echo) > SHORTEST_SECRET and echo in error.message for echo in echoes[1:]):
        return str(error.code)
    return _reply(error)


def _is_refusal(error: BaseException) -> TypeGuard[aiosmtplib.SMTPResponseException]:
    """Say whether *error* is a proper SMTP reply that refuses, and so may be repeated."""
    return isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code < 600


def _no_greeting(probe: SmtpLogin, error: BaseException) -> ProbeFailed:
    if probe.tls == "tls":
        return _no_tls(probe, error)
    return ProbeFailed(
        f"{probe.hostname}, port {probe.port}, does not speak SMTP. Check the port: 465 is for TLS "
        "from the start, 587 for STARTTLS."
    )


def _no_tls(probe: SmtpLogin, error: BaseException) -> ProbeFailed:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ProbeFailed(
                f"The certificate of {probe.hostname} is not accepted: "
                f"{_line(cause.verify_message)}. Use the name that the certificate is for, or "
                f"set {probe.ca_option} to the CA that issued it."
            )
    return ProbeFailed(
        f"{probe.hostname}, port {probe.port}, does not speak TLS. Check the port: 465 is for TLS "
        "from the start, 587 for STARTTLS."
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reply(error: aiosmtplib.SMTPResponseException) -> str:
    return _line(f"{error.code} {error.message}")


def _line(text: str) -> str:
    """Return *text* on one line, printable, 200 characters at most."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:200].rstrip(".")
