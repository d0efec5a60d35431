"""What the log is told of an exception that nobody has foreseen."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from typing import Any

from mailpanel.errors import MailpanelError

__all__ = ["explained", "log_fault"]

log = logging.getLogger(__name__)

MASTER = "MasterAdmin"


def log_fault(error: Exception, request: Any) -> None:
    """Log where it happened.

    Not what the exception says, unless it is mailpanel's own: it could quote what
    somebody sent.
    """
    route = getattr(request.matched_route, "name", None)
    log.error("%s on route %s failed\n%s", request.method, route, "".join(_traceback(error)))


def explained(request: Any) -> str | None:
    """Return which row of the database explains a fault, and what to do; ``None`` where none does.

    The log is told in any case, and the answer to a MasterAdmin alone may tell it.
    """
    try:
        broken = request.broken_rows.first()
        administers = request.identity is not None and request.identity.perm_level == MASTER
    except Exception:  # noqa: BLE001 (the fault that is explained may meet this, too)
        return None
    return str(broken) if broken is not None and administers else None


def _traceback(error: BaseException | None) -> Iterator[str]:
    # An exception may be its own cause, by way of others.
    told: set[int] = set()
    while error is not None and id(error) not in told:
        told.add(id(error))
        text = f": {error}" if isinstance(error, MailpanelError) else ""
        yield f"{type(error).__module__}.{type(error).__qualname__}{text}\n"
        yield from traceback.format_tb(error.__traceback__)
        error = error.__cause__ or error.__context__
