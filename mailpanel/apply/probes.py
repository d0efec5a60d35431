"""Probes: staged values tried against the real server, without root's rights.

Nothing a server says is repeated but an SMTP reply's code and text, shortened
and printable; what does not speak SMTP is only said not to.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import aiosmtplib

from mailpanel.errors import ProbeFailed
from mailpanel.plan import SmtpLogin

__all__ = ["try_smtp_login"]

TIMEOUT = 15.0
# Cloud providers' metadata services that are not link-local already.
METADATA = frozenset(
    {ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")}
)


async def try_smtp_login(probe: SmtpLogin) -> None:
    """Resolve, connect, greet, start TLS and log in as *probe* says; send nothing.

    Raises :class:`ProbeFailed` with a sentence about the step that failed;
    ``temporary`` is false only where the server refused the account.
    """
    addresses = await _resolve(probe)
    async with _connected(probe, addresses) as client:
        await _secure(probe, client)
        if probe.username is not None and probe.password is not None:
            await _log_in(probe, client, probe.username, probe.password)


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
    allowed = [each for each in addresses if _allowed(each[1])]
    if not allowed:
        raise ProbeFailed(
            f"{probe.hostname} resolves to an address that no relay can have (link-local, "
            "multicast or reserved)."
        )
    return allowed


def _allowed(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    never = address.is_link_local or address.is_multicast or address.is_unspecified
    return not never and address not in METADATA


@asynccontextmanager
async def _connected(
    probe: SmtpLogin, addresses: list[tuple[int, str]]
) -> AsyncIterator[aiosmtplib.SMTP]:
    """Yield a client that has read the greeting, from the first address that answers."""
    sock = await _open(probe, addresses)
    client = aiosmtplib.SMTP(
        hostname=probe.hostname,
        sock=sock,
        local_hostname=_helo(probe.helo),
        timeout=TIMEOUT,
        use_tls=probe.tls == "tls",
        start_tls=False,
        tls_context=_context(probe) if probe.tls == "tls" else None,
    )
    try:
        try:
            await client.connect()
        except aiosmtplib.SMTPConnectResponseError as error:
            raise ProbeFailed(f"The relay turns this host away ({_reply(error)}).") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _no_greeting(probe, error) from None
        yield client
    finally:
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=2)
        client.close()
        sock.close()


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
    return name if name.isascii() and not any(char.isspace() for char in name) else "localhost"


def _context(probe: SmtpLogin) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if probe.verify:
        try:
            context.load_verify_locations(probe.ca_file, probe.ca_path or None)
        except OSError:
            raise ProbeFailed(f"The CA file {probe.ca_file} cannot be read.") from None
    else:
        context.check_hostname = False
        context.verify_mode = ssl.VerifyMode.CERT_NONE
    return context


async def _secure(probe: SmtpLogin, client: aiosmtplib.SMTP) -> None:
    """Say EHLO, and start TLS where the probe wants it."""
    try:
        await client.ehlo()
    except aiosmtplib.SMTPResponseException as error:
        raise ProbeFailed(f"The relay refuses EHLO ({_reply(error)}).") from None
    except (aiosmtplib.SMTPException, OSError) as error:
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


async def _log_in(probe: SmtpLogin, client: aiosmtplib.SMTP, username: str, password: str) -> None:
    offered = {name.upper() for name in client.server_auth_methods}
    usable = [
        (name, method)
        for name, method in (
            ("PLAIN", client.auth_plain),
            ("LOGIN", client.auth_login),
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
    except aiosmtplib.SMTPResponseException as error:
        raise _refused(error) from None
    except (aiosmtplib.SMTPException, OSError):
        raise ProbeFailed("The relay ended the connection during the log-in.") from None


def _refused(error: aiosmtplib.SMTPResponseException) -> ProbeFailed:
    if 400 <= error.code < 500:
        return ProbeFailed(f"The relay cannot check the password at the moment ({_reply(error)}).")
    return ProbeFailed(
        f"The relay accepts the connection but refuses the password ({_reply(error)}). Check "
        "the account at your provider; some want an app password.",
        temporary=False,
    )


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
                "set mailpanel.ca_file to the CA that issued it."
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
