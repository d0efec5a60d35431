"""Probes: staged values tried against the real server, without root's rights.

Nothing a server says is repeated but an SMTP reply's code and text, shortened
and printable; what does not speak SMTP is only said not to.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import aiosmtplib

from mailpanel.apply.certificates import told_tls
from mailpanel.apply.logging_in import ask_without_account, log_in
from mailpanel.apply.own_ports import OwnPorts
from mailpanel.apply.probe_words import failed, is_refusal, reply_of
from mailpanel.apply.reaching import open_connection, require_possible, resolve
from mailpanel.apply.sending import hand_over
from mailpanel.apply.steps import Steps
from mailpanel.errors import ProbeFailed
from mailpanel.letters import Letter, sender_of, test_letter
from mailpanel.plan import SmtpLogin
from mailpanel.relay_words import NO_ACCOUNT, certificate_failure, printable, remark
from mailpanel.words import grouped

__all__ = ["require_server", "try_smtp_login"]

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
        addresses = await resolve(probe)
    except ProbeFailed:
        return
    require_possible(probe, addresses, own_ports)


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
        raise failed("slow", probe, limit=f"{patience:.0f}") from None


def _wanted_letter(probe: SmtpLogin) -> Letter | None:
    if not probe.message_to:
        return None
    return test_letter(sender_of(probe.username, probe.helo), probe.message_to, probe.helo)


async def _try(probe: SmtpLogin, steps: Steps, own_ports: OwnPorts, letter: Letter | None) -> None:
    with steps.step("resolve") as says:
        addresses = await resolve(probe)
        require_possible(probe, addresses, own_ports)
        says.append(", ".join(dict.fromkeys(address for _, address in addresses)))
    with steps.step("connect") as says:
        sock, address = await open_connection(probe, addresses)
        says.append(f"{address}, port {probe.port}")
    async with _connected(probe, sock, steps) as client:
        with steps.step("tls") as says:
            await _secure(probe, client)
            says.append(told_tls(client))
            if too_small := _too_small(probe, client):
                says.append(too_small)
        with steps.step("auth") as says:
            if probe.username is not None and probe.password is not None:
                says.append(await log_in(probe, client, probe.username, probe.password))
            else:
                await ask_without_account(probe, client)
                says.append(NO_ACCOUNT)
        if letter is not None:
            with steps.step("message") as says:
                says.append(await hand_over(client, probe, letter))


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
        if is_refusal(error):
            raise failed("turned_away", probe, said=reply_of(error)) from None
        raise _no_greeting(probe, error) from None


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
        if is_refusal(error):
            raise failed("ehlo", probe, said=reply_of(error)) from None
        raise _no_greeting(probe, error) from None
    offered = client.supports_extension("starttls")
    if probe.tls not in ("starttls", "may") or (probe.tls == "may" and not offered):
        return
    if not offered:
        raise failed("no_starttls", probe)
    try:
        await client.starttls(server_hostname=probe.hostname, tls_context=_context(probe))
        await client.ehlo()
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _no_tls(probe, error) from None


def _no_greeting(probe: SmtpLogin, error: BaseException) -> ProbeFailed:
    if probe.tls == "tls":
        return _no_tls(probe, error)
    return failed("not_smtp", probe)


def _no_tls(probe: SmtpLogin, error: BaseException) -> ProbeFailed:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = printable(cause.verify_message)
            return failed(certificate_failure(reason), probe, said=reason)
    return failed("not_tls" if probe.tls == "tls" else "handshake", probe)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _too_small(probe: SmtpLogin, client: aiosmtplib.SMTP) -> str | None:
    """Return what to say of a server that takes smaller messages alone than may come (RFC 1870)."""
    limit = client.esmtp_extensions.get("size", "")
    # 0 is no limit, here and there. Of more digits than any size has Python makes no number.
    if not _SIZE.fullmatch(limit) or not 0 < int(limit) < (probe.largest or int(limit) + 1):
        return None
    return remark("size", limit=grouped(int(limit)), own=grouped(probe.largest))
