"""What was cleared from Junk and Trash folders, what would be, and: clear now."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from mailpanel import jsonform, on_host
from mailpanel.bodies import ClearingQuery, Nothing, body_of, query_of
from mailpanel.paging import next_page
from mailpanel.resources import Clearing
from mailpanel.security import Permission

__all__ = ["list_runs", "preview", "run"]

INTERVAL = "junk_trash_clearing_interval"


@view_config(
    route_name="clearing",
    request_method="GET",
    permission=Permission.READ_CLEARING,
    renderer="json",
)
def list_runs(_context: Clearing, request: Any) -> dict[str, Any]:
    """Return a page of the runs, the newest first, and what was cleared on each of some days."""
    runs, before = request.clearings.page(**query_of(ClearingQuery, request.query_string))
    days = [
        {"day": day.isoformat(), "messages": messages}
        for day, messages in request.clearings.per_day()
    ]
    return {"clearing": {"runs": runs, "per_day": days}, "next": next_page(request, before)}


@view_config(
    route_name="clearing.preview",
    request_method="POST",
    permission=Permission.RUN_CLEARING,
    renderer="json",
)
def preview(_context: Clearing, request: Any) -> dict[str, Any]:
    """Let each mail host count what would go after so many days; nothing is saved or deleted."""
    given = jsonform.loads(request.body)
    ticket = request.errands.test(INTERVAL, given, request.author)
    return {"preview": on_host.told(ticket, request.answered(ticket))}


@view_config(
    route_name="clearing.run",
    request_method="POST",
    permission=Permission.RUN_CLEARING,
    renderer="json",
)
def run(_context: Clearing, request: Any) -> dict[str, Any]:
    """Let each mail host clear its folders now, by the days that are live on it."""
    body_of(Nothing, request.body)
    begun = on_host.cleared(request)
    request.response.status_int = 202
    return {"clearing": begun}
