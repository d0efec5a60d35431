"""What the log is told of an exception that nobody has foreseen."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from typing import Any

from mailpanel.errors import MailpanelError

__all__ = ["log_fault"]

log = logging.getLogger(__name__)


def log_fault(error: Exception, request: Any) -> None:
    """Log where it happened.

    Not what the exception says, unless it is mailpanel's own: it could quote what
    somebody sent.
    """
    route = getattr(request.matched_route, "name", None)
    log.error("%s on route %s failed\n%s", request.method, route, "".join(_traceback(error)))


def _traceback(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        text = f": {error}" if isinstance(error, MailpanelError) else ""
        yield f"{type(error).__module__}.{type(error).__qualname__}{text}\n"
        yield from traceback.format_tb(error.__traceback__)
        error = error.__cause__ or error.__context__
