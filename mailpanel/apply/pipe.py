"""The executor's end of the pipe: blocking, with a time limit."""

from __future__ import annotations

import select
import socket
import time

from mailpanel.apply.messages import HEADER, LONGEST, Message, decode, encode
from mailpanel.errors import ProtocolError

__all__ = ["Pipe"]

# A courier that has read nothing for this long is given up, and started anew.
SEND_TIMEOUT = 30.0


class Pipe:
    """Messages over a connected stream socket."""

    def __init__(self, end: socket.socket) -> None:
        end.settimeout(SEND_TIMEOUT)
        self._end = end
        self._buffer = b""
        self._gone = False

    def send(self, message: Message) -> None:
        """Send *message*; raises :class:`EOFError` where nobody listens at the other end."""
        if self._gone:
            raise EOFError("The courier has gone.")
        try:
            self._end.sendall(encode(message))
        except OSError:
            # Half a message may have gone out: nothing can follow it.
            self._gone = True
            raise EOFError("The courier has gone.") from None

    def receive(self, timeout: float | None) -> Message | None:
        """Return the next message, or ``None`` after *timeout* seconds without one.

        Raises :class:`EOFError` at the end, :class:`ProtocolError` for anything
        that is no message.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (body := self._take()) is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._end], [], [], left)[0]:
                return None
            self._read()
        return decode(body)

    def _read(self) -> None:
        try:
            chunk = self._end.recv(65536)
        except OSError:
            chunk = b""
        if not chunk:
            raise EOFError("The courier has gone.")
        self._buffer += chunk

    def _take(self) -> bytes | None:
        """Return the body of the first whole message in the buffer, or ``None``."""
        if len(self._buffer) < HEADER.size:
            return None
        (length,) = HEADER.unpack_from(self._buffer)
        if length > LONGEST:
            raise ProtocolError("A message is too long.")
        end = HEADER.size + length
        if len(self._buffer) < end:
            return None
        body, self._buffer = self._buffer[HEADER.size : end], self._buffer[end:]
        return body
