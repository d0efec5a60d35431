"""What Waitress answers by itself, as to a request that is none: with our headers too."""

from __future__ import annotations

from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from mailpanel import protection

__all__ = ["install"]


class Refusal(ErrorTask):
    """An answer to what never becomes a request of the application's."""

    secure = False

    def execute(self) -> None:
        """Answer with our headers too."""
        headers = protection.headers(is_page=False) | {"Cache-Control": "no-store"}
        if self.secure:
            headers |= protection.transport_security()
        self.response_headers.extend(headers.items())
        super().execute()


def install(*, behind_tls: bool) -> None:
    """Have every server of this process answer so.

    Where *behind_tls*, the proxy that alone is believed speaks TLS to the client: of what
    cannot be read the scheme is not known.
    """

    class Ours(Refusal):
        secure = behind_tls

    channel: Any = HTTPChannel
    channel.error_task_class = Ours
