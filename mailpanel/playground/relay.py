"""A strict SMTP relay on loopback: TLS and an account, or nothing.

It behaves as a provider's relay does (RFC 3207, RFC 4954, RFC 8314) and remembers
all that a test wants to know: each message with the account and the TLS it came
under, each attempt to log in, and each password that came in clear.
"""

from __future__ import annotations

import asyncio
import collections
import hmac
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mailpanel.playground.certificates import Certificate

__all__ = ["Login", "Message", "StrictRelay"]

# RFC 4954, section 4.5.3: the longest line of an AUTH exchange.
LINE_LIMIT = 12_288
START_TIMEOUT = 10.0


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
        self._service: _Service | None = None

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
        self._service = _Service(self._dialogue, self.address, self.port, context)
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

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Message]:
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

    def _dialogue(self, loop: asyncio.AbstractEventLoop) -> _Dialogue:
        if self.open:
            return _Dialogue(self, loop, None, demands_tls=False)
        if self.implicit_tls:
            return _Dialogue(self, loop, None, demands_tls=True)
        offered = None if self._starttls_stripped else self._context
        return _Dialogue(self, loop, offered, demands_tls=True)

    # What follows is called by the dialogues, in the relay's thread.

    def check_login(self, username: bytes, password: bytes, tls: str) -> bool:
        """Say whether the account is good, and remember the attempt."""
        name = _text(username)
        expected = self.accounts.get(name)
        accepted = expected is not None and hmac.compare_digest(expected.encode(), password)
        self.note_login(Login(name, accepted, tls))
        return accepted

    def note_login(self, login: Login) -> None:
        """Remember an attempt to log in."""
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


class _Session(Session):
    # A property in aiosmtpd, which sets it itself and then warns that it is deprecated.
    login_data: Any = None


class _Dialogue(SMTP):
    """One connection, in aiosmtpd's terms."""

    line_length_limit = LINE_LIMIT
    command_size_limit = LINE_LIMIT

    def __init__(
        self,
        relay: StrictRelay,
        loop: asyncio.AbstractEventLoop,
        offered: ssl.SSLContext | None,
        *,
        demands_tls: bool,
    ) -> None:
        # aiosmtpd keeps these in the class, where two relays would share them.
        self.command_size_limits = collections.defaultdict(lambda: LINE_LIMIT)
        self._relay = relay
        self._demands_tls = demands_tls
        super().__init__(
            _Handler(relay),
            hostname="relay.test",
            ident="strict relay",
            tls_context=offered,
            require_starttls=offered is not None,
            # True: AUTH is offered after STARTTLS only. False where TLS is there from
            # the start, and where STARTTLS is stripped: a thief does offer AUTH.
            auth_require_tls=offered is not None or not demands_tls,
            authenticator=self._authenticate_account,
            loop=loop,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._relay.implicit_tls and self.session is not None:
            self.session.ssl = {"ssl_object": transport.get_extra_info("ssl_object")}

    def _create_session(self) -> Session:
        return _Session(self.loop)

    def abort(self) -> None:
        """Drop the connection, without the courtesies of TLS."""
        for transport in (self.transport, self._original_transport):
            if isinstance(transport, asyncio.Transport) and not transport.is_closing():
                transport.abort()

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802 (aiosmtpd's naming)
        if self._tls_version() is None:
            self._relay.note_login(Login(None, accepted=False, tls=None))
            await self.push("538 5.7.11 Encryption required")
            return
        await super().smtp_AUTH(arg)

    async def check_auth_needed(self, caller_method: str) -> bool:
        if not self._demands_tls or (self.session and self.session.authenticated):
            return False
        await self.push("530 5.7.0 Authentication required")
        return True

    def _tls_version(self) -> str | None:
        if self.session is None or not self.session.ssl:
            return None
        version: str | None = self.session.ssl["ssl_object"].version()
        return version

    def _authenticate_account(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        account: LoginPassword = data
        tls = self._tls_version() or ""
        accepted = self._relay.check_login(account.login, account.password, tls)
        return AuthResult(success=accepted, handled=False, auth_data=account)


class _Handler:
    """What aiosmtpd asks about each message."""

    def __init__(self, relay: StrictRelay) -> None:
        self._relay = relay

    async def handle_DATA(  # noqa: N802 (aiosmtpd's naming)
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self._relay.note_message(session, envelope)
        return "250 2.0.0 taken"

    async def handle_exception(self, _error: Exception) -> str:
        # A client that turns away in the handshake is expected here, not an error.
        return "451 4.3.0 the dialogue broke"


class _Service:
    """A listening socket with an event loop in a thread of its own."""

    def __init__(
        self,
        dialogue: Callable[[asyncio.AbstractEventLoop], _Dialogue],
        address: str,
        port: int,
        context: ssl.SSLContext | None,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._dialogues: weakref.WeakSet[_Dialogue] = weakref.WeakSet()

        def answer() -> _Dialogue:
            begun = dialogue(self._loop)
            self._dialogues.add(begun)
            return begun

        try:
            self._server = self._run(
                self._loop.create_server(answer, address, port, ssl=context, reuse_address=True)
            )
        except BaseException:
            self._end()
            raise
        self.port: int = self._server.sockets[0].getsockname()[1]

    def call(self, function: Callable[[], None]) -> None:
        """Run *function* in the thread and wait for it."""

        async def run() -> None:
            function()

        self._run(run())

    def stop(self) -> None:
        """Close the port and every connection, and end the thread."""
        self._run(self._close())
        self._end()

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(START_TIMEOUT)

    async def _close(self) -> None:
        self._server.close()
        for dialogue in list(self._dialogues):
            dialogue.abort()
        tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task(self._loop)}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_TIMEOUT)
        self._loop.close()
