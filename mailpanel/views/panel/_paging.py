"""Long lists, a page at a time, the newest first."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["before", "older"]

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def before(request: Any) -> int | None:
    """Return the number below which the page begins; ``None`` for the first."""
    given = request.GET.get("before", "")
    return int(given) if _NUMBER.fullmatch(given) else None


def older(request: Any, last: int | None) -> str | None:
    """Return the URL of the next page, which begins below *last*; ``None`` where there is none."""
    return None if last is None else f"{request.path}?before={last}"
