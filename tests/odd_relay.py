"""A relay with a peculiarity: the words, the mechanisms or the certificates of some provider's.

Beside it stands :class:`mailpanel.playground.relay.StrictRelay`, which does all by the book.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from mailpanel.playground.certificates import Certificate

__all__ = ["OddRelay", "self_signed"]

CHALLENGE = b"<1896.697170952@relay.test>"
NONCE = "OA6MG9tEQGm2hh"


class OddRelay:
    """An SMTP server for the one account *username* with *password*; a context manager.

    ``replies`` maps the beginning of a command, or ``greeting``, to what is answered in place
    of the usual. ``mechanisms`` are those it offers, ``says`` further lines of EHLO. With
    *sni* that certificate is shown to who asks for its name, and *certificate* to others.
    ``messages`` holds the contents taken, ``logins`` whether each log-in was accepted. While
    ``answering`` is cleared a message is taken, and nobody told so.
    """

    def __init__(
        self,
        certificate: Certificate | None,
        *,
        address: str,
        port: int = 0,
        username: str = "",
        password: str = "",
        mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN"),
        replies: Mapping[str, str] | None = None,
        says: tuple[str, ...] = (),
        implicit_tls: bool = False,
        sni: Certificate | None = None,
        newest_tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ) -> None:
        self.username, self.password = username, password
        self.mechanisms, self.says = mechanisms, says
        self.replies = dict(replies or {})
        self.implicit_tls = implicit_tls
        self.messages: list[bytes] = []
        self.logins: list[bool] = []
        self.answering = threading.Event()
        self.answering.set()
        self.context = None if certificate is None else _context(certificate, sni, newest_tls)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), family=family)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> OddRelay:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # close alone does not wake a thread that accepts.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(60)
        dialogue = _Dialogue(self, connection)
        # Whoever turns away in the midst of it is expected here.
        with closing(dialogue), suppress(OSError, ValueError):
            dialogue.run()


def self_signed(name: str) -> Certificate:
    """Return a certificate for *name* that nobody but itself has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    leaf = trustme.LeafCert(key.private_bytes(*form), certificate.public_bytes(Encoding.PEM), [])
    return Certificate(leaf, (name,))


def _context(
    certificate: Certificate, sni: Certificate | None, newest: ssl.TLSVersion
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    context.num_tickets = 0
    certificate.load_into(context)
    if sni is not None:
        named = _context(sni, None, newest)

        def choose(tls: Any, name: str | None, _: ssl.SSLContext) -> None:
            if name in sni.names:
                tls.context = named

        context.sni_callback = choose
    return context


class _Dialogue:
    """One connection."""

    def __init__(self, relay: OddRelay, connection: socket.socket) -> None:
        self._relay = relay
        self._connection = connection
        self._stream = connection.makefile("rb")
        self._logged_in = not relay.username

    def run(self) -> None:
        if self._relay.implicit_tls:
            self._start_tls()
        self._say(self._relay.replies.get("greeting", "220 relay.test ESMTP"))
        while line := self._stream.readline():
            command = line.decode().strip()
            odd = [key for key in self._relay.replies if command.upper().startswith(key)]
            if odd:
                self._say(self._relay.replies[odd[0]])
            elif not self._obey(command):
                return

    def _obey(self, command: str) -> bool:
        """Answer *command* as others do; say whether to go on."""
        verb, _, rest = command.partition(" ")
        match verb.upper():
            case "EHLO" | "HELO":
                self._greet()
            case "STARTTLS" if self._relay.context is not None:
                self._say("220 go")
                self._start_tls()
            case "AUTH":
                self._logged_in = self._log_in(*rest.split(" ", 1))
                self._relay.logins.append(self._logged_in)
                self._say("235 welcome" if self._logged_in else "535 5.7.8 wrong")
            case "MAIL" | "RCPT" | "RSET":
                self._say("250 2.1.0 fine" if self._logged_in else "530 5.7.0 log in first")
            case "DATA":
                self._say("354 go on")
                lines = iter(self._stream.readline, b".\r\n")
                self._relay.messages.append(b"".join(lines))
                self._relay.answering.wait(60)
                self._say("250 2.0.0 taken")
            case "QUIT":
                self._say("221 bye")
                return False
            case _:
                self._say("502 5.5.1 what")
        return True

    def _start_tls(self) -> None:
        self._stream.close()
        assert self._relay.context is not None
        self._connection = self._relay.context.wrap_socket(self._connection, server_side=True)
        self._stream = self._connection.makefile("rb")

    def close(self) -> None:
        self._stream.close()
        self._connection.close()

    def _greet(self) -> None:
        lines = ["relay.test", *self._relay.says]
        if isinstance(self._connection, ssl.SSLSocket) or self._relay.context is None:
            if self._relay.username:
                lines.append(f"AUTH {' '.join(self._relay.mechanisms)}")
        else:
            lines.append("STARTTLS")
        for each in lines[:-1]:
            self._say(f"250-{each}")
        self._say(f"250 {lines[-1]}")

    def _log_in(self, mechanism: str, initial: str = "") -> bool:
        name, password = self._relay.username, self._relay.password
        match mechanism.upper():
            case "PLAIN":
                said = base64.b64decode(initial) if initial else self._ask(b"")
                return said.split(b"\0")[1:] == [name.encode(), password.encode()]
            case "LOGIN":
                return [self._ask(b"Username:"), self._ask(b"Password:")] == [
                    name.encode(),
                    password.encode(),
                ]
            case "CRAM-MD5":
                proof = hmac.new(password.encode(), CHALLENGE, "md5").hexdigest()
                return self._ask(CHALLENGE) == f"{name} {proof}".encode()
            case "DIGEST-MD5":
                return self._digest(name, password)
        return False

    def _digest(self, name: str, password: str) -> bool:
        """DIGEST-MD5 (RFC 2831)."""
        realm = "relay.test"
        challenge = f'realm="{realm}",nonce="{NONCE}",qop="auth",algorithm=md5-sess,charset=utf-8'
        said = self._ask(challenge.encode()).decode()
        given = {key: quoted or bare for key, quoted, bare in _PAIR.findall(said)}
        secret = _md5(f"{name}:{realm}:{password}".encode()).digest()
        start = secret + f":{NONCE}:{given['cnonce']}".encode()
        middle = f"{NONCE}:{given['nc']}:{given['cnonce']}:auth"

        def proof(method: str) -> str:
            ends = _hex(start), _hex(f"{method}:{given['digest-uri']}".encode())
            return _hex(f"{ends[0]}:{middle}:{ends[1]}".encode())

        if given["response"] != proof("AUTHENTICATE"):
            return False
        self._ask(f"rspauth={proof('')}".encode())
        return True

    def _ask(self, challenge: bytes) -> bytes:
        self._say(f"334 {base64.b64encode(challenge).decode()}")
        return base64.b64decode(self._stream.readline())

    def _say(self, line: str) -> None:
        self._connection.sendall(f"{line}\r\n".encode())


# As the mechanism has it.
_md5 = partial(hashlib.md5, usedforsecurity=False)
_PAIR = re.compile(r'([a-z-]+)=(?:"([^"]*)"|([^,]*))')


def _hex(content: bytes) -> str:
    return _md5(content).hexdigest()
