"""The audit log."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from mailpanel.bodies import AuditQuery, query_of
from mailpanel.paging import next_page
from mailpanel.resources import AuditLog
from mailpanel.security import Permission

__all__ = ["audit_log"]


@view_config(
    route_name="audit", request_method="GET", permission=Permission.READ_AUDIT, renderer="json"
)
def audit_log(_context: AuditLog, request: Any) -> dict[str, Any]:
    """Return a page of the log, the newest first."""
    entries, before = request.audit_log.page(**query_of(AuditQuery, request.query_string))
    return {"audit": entries, "next": next_page(request, before)}
