"""A strict SMTP relay on loopback: TLS and an account, or nothing.

It behaves as a provider's relay does (RFC 3207, RFC 4954, RFC 8314) and remembers
all that a test wants to know: each message with the account and the TLS it came
under, each attempt to log in, and each password that came in clear.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import Envelope, LoginPassword, Session

from mailpanel.playground._listening import Service
from mailpanel.playground._smtp_dialogue import Dialogue
from mailpanel.playground.certificates import Certificate

__all__ = ["Login", "Message", "StrictRelay"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message that the relay took over.

    ``username`` is the account it came under and ``tls`` the protocol's version
    (``TLSv1.3``), each ``None`` where there was none. ``server_name`` is the name
    that the client asked for in the handshake (SNI).
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    username: str | None
    tls: str | None
    server_name: str | None


@dataclass(frozen=True, slots=True)
class Login:
    """An attempt to log in; ``username`` is ``None`` where none was listened to."""

    username: str | None
    accepted: bool
    tls: str | None


class StrictRelay:
    """An SMTP server in a thread of its own; a context manager.

    It demands TLS (STARTTLS, or from the start with *implicit_tls*) and then an
    account of *accounts*, names to passwords. An *open* one asks for neither and
    offers neither, as some appliance in the cellar does. With *port* 0 the first
    start chooses one, and further starts keep it. *on_message* is called in the
    relay's thread for each message.
    """

    def __init__(
        self,
        certificate: Certificate | None = None,
        *,
        accounts: Mapping[str, str] | None = None,
        address: str = "127.0.0.1",
        port: int = 0,
        implicit_tls: bool = False,
        on_message: Callable[[Message], None] | None = None,
    ) -> None:
        self.address = address
        self.port = port
        self.implicit_tls = implicit_tls
        self.accounts = dict(accounts or {})
        self._on_message = on_message
        self._context = None if certificate is None else self._make_context(certificate)
        self._server_names: weakref.WeakKeyDictionary[Any, str | None] = weakref.WeakKeyDictionary()
        self._starttls_stripped = False
        self._news = threading.Condition()
        self._messages: list[Message] = []
        self._logins: list[Login] = []
        self._service: Service | None = None

    def __enter__(self) -> StrictRelay:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def open(self) -> bool:
        """Whether it takes mail from anybody, without TLS: it has no certificate."""
        return self._context is None

    @property
    def messages(self) -> list[Message]:
        """The messages taken so far, oldest first."""
        with self._news:
            return list(self._messages)

    @property
    def logins(self) -> list[Login]:
        """The attempts to log in so far, oldest first."""
        with self._news:
            return list(self._logins)

    def start(self) -> None:
        """Listen; raises :class:`OSError` where the address is taken."""
        context = self._context if self.implicit_tls else None
        self._service = Service(self._dialogue, self.address, self.port, context)
        self.port = self._service.port

    def stop(self) -> None:
        """Close every connection and the port; what was remembered stays."""
        if self._service is not None:
            self._service.stop()
            self._service = None

    def present(self, certificate: Certificate) -> None:
        """Show *certificate* to all who connect from now on."""
        if self._context is None or self._service is None:
            raise RuntimeError("only a running relay with TLS can change its certificate")
        context = self._context
        # In the relay's own thread there is no handshake half-way through.
        self._service.call(lambda: certificate.load_into(context))

    def strip_starttls(self, stripped: bool = True) -> None:
        """Play the man in the middle who hides STARTTLS and offers AUTH in clear."""
        self._starttls_stripped = stripped

    def forget(self) -> None:
        """Forget the messages and log-ins so far."""
        with self._news:
            self._messages.clear()
            self._logins.clear()

    def wait_for(self, count: int, timeout: float = 60.0) -> list[Message]:
        """Return the messages once there are *count*; else raises :class:`TimeoutError`."""
        deadline = time.monotonic() + timeout
        with self._news:
            while len(self._messages) < count:
                if not self._news.wait(deadline - time.monotonic()):
                    raise TimeoutError(
                        f"the relay has {len(self._messages)} of {count} messages "
                        f"after {timeout} s; log-ins: {self._logins[-5:]}"
                    )
            return list(self._messages)

    def _make_context(self, certificate: Certificate) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        # A resumed session shows no certificate, so a changed one would go unseen.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        context.sni_callback = self._note_server_name
        certificate.load_into(context)
        return context

    def _note_server_name(self, tls: Any, name: str | None, _context: ssl.SSLContext) -> None:
        self._server_names[tls] = name

    def _dialogue(self, loop: asyncio.AbstractEventLoop) -> Dialogue:
        if self.open:
            return Dialogue(self, loop, None, demands_tls=False)
        if self.implicit_tls:
            return Dialogue(self, loop, None, demands_tls=True)
        offered = None if self._starttls_stripped else self._context
        return Dialogue(self, loop, offered, demands_tls=True)

    # What follows is called by the dialogues, in the relay's thread.

    def check_login(self, username: bytes, password: bytes, tls: str) -> bool:
        """Say whether the account is good, and remember the attempt."""
        name = _text(username)
        expected = self.accounts.get(name)
        accepted = expected is not None and hmac.compare_digest(expected.encode(), password)
        self._note_login(Login(name, accepted, tls))
        return accepted

    def note_clear_login(self) -> None:
        """Remember an attempt to log in without TLS, to which nobody listened."""
        self._note_login(Login(None, accepted=False, tls=None))

    def _note_login(self, login: Login) -> None:
        with self._news:
            self._logins.append(login)

    def note_message(self, session: Session, envelope: Envelope) -> None:
        """Remember a message."""
        tls = session.ssl["ssl_object"] if session.ssl else None
        account: LoginPassword | None = session.auth_data
        content = envelope.content or b""
        message = Message(
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            content=content if isinstance(content, bytes) else content.encode(),
            username=_text(account.login) if account else None,
            tls=tls.version() if tls else None,
            server_name=self._server_names.get(tls) if tls else None,
        )
        with self._news:
            self._messages.append(message)
            self._news.notify_all()
        if self._on_message is not None:
            self._on_message(message)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
