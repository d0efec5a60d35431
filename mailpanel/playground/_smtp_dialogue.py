"""One connection to the strict relay, in aiosmtpd's terms."""

from __future__ import annotations

import asyncio
import collections
import ssl
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

__all__ = ["Dialogue", "Remembers"]

# RFC 4954, section 4.5.3: the longest line of an AUTH exchange.
LINE_LIMIT = 12_288


class Remembers(Protocol):
    """Whom a dialogue asks and tells: the relay that it is one of."""

    implicit_tls: bool

    def check_login(self, username: bytes, password: bytes, tls: str) -> bool:
        """Say whether the account is good, and remember the attempt."""

    def note_clear_login(self) -> None:
        """Remember an attempt to log in without TLS, to which nobody listened."""

    def note_message(self, session: Session, envelope: Envelope) -> None:
        """Remember a message."""


class _Session(Session):
    # A property in aiosmtpd, which sets it itself and then warns that it is deprecated.
    login_data: Any = None


class Dialogue(SMTP):
    """One connection, in aiosmtpd's terms."""

    line_length_limit = LINE_LIMIT
    command_size_limit = LINE_LIMIT

    def __init__(
        self,
        relay: Remembers,
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
            self._relay.note_clear_login()
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

    def __init__(self, relay: Remembers) -> None:
        self._relay = relay

    async def handle_DATA(  # noqa: N802 (aiosmtpd's naming)
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self._relay.note_message(session, envelope)
        return "250 2.0.0 taken"

    async def handle_exception(self, _error: Exception) -> str:
        # A client that turns away in the handshake is expected here, not an error.
        return "451 4.3.0 the dialogue broke"
