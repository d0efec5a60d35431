"""Answers in pages: where the next one is."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

__all__ = ["next_page"]


def next_page(request: Any, before: int | None) -> str | None:
    """Return the path and query of the page below *before*, as the request's own otherwise.

    ``None`` where *before* is. No host is named: a proxy may have another name for it.
    """
    if before is None:
        return None
    # As the query was read before; WebOb would stumble over what is not UTF-8.
    query = {**dict(parse_qsl(request.query_string)), "before": before}
    return f"{request.path}?{urlencode(query)}"
