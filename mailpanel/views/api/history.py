"""The history of a setting, and its revisions once more."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from mailpanel.bodies import HistoryQuery, query_of, surplus_in
from mailpanel.errors import FieldError
from mailpanel.headers import change_query, etag, if_match
from mailpanel.paging import next_page
from mailpanel.resources import Revision, Setting
from mailpanel.security import Permission

__all__ = ["history", "restore"]

# What was meant as one would else be saved.
NO_DRY_RUN = FieldError("dry_run", "A restore has no dry run; leave this out.")


@view_config(
    route_name="setting.history",
    request_method="GET",
    permission=Permission.READ_SETTING,
    renderer="json",
)
def history(context: Setting, request: Any) -> dict[str, Any]:
    """Return a page of the revisions, the newest first."""
    query = query_of(HistoryQuery, request.query_string)
    entries, before = request.history.page(context.name, **query)
    return {"history": entries, "next": next_page(request, before)}


@view_config(
    route_name="setting.restore",
    request_method="POST",
    permission=Permission.CHANGE_SETTING,
    renderer="json",
)
def restore(context: Revision, request: Any) -> dict[str, Any] | None:
    """Bring a revision back as a new one; it answers as what it brings back would."""
    surplus = surplus_in(request.body)
    query = change_query(request.query_string)
    state = request.changes.restore(
        context.name,
        context.number,
        request.author,
        if_match(request.headers.get("If-Match")),
        query.probe,
        errors=[*surplus, *query.errors, *([NO_DRY_RUN] if query.dry_run else [])],
    )
    reached = request.settled(state) if state else None
    if reached is None:
        return None
    if not reached.is_set:
        return {"settings": reached.as_deleting()}
    request.response.headers["ETag"] = etag(reached.revision)
    return {"settings": reached.as_dict()}
