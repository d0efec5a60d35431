"""For load balancers and monitors: is the process there, can it do its work."""

from __future__ import annotations

from typing import Any

from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config, view_defaults

from mailpanel.renderers import problem

__all__ = ["HealthViews"]


@view_defaults(request_method="GET", permission=NO_PERMISSION_REQUIRED, renderer="json")
class HealthViews:
    """Anybody may ask; nothing is told but yes or no."""

    def __init__(self, _context: Any, request: Any) -> None:
        self.request = request

    @view_config(route_name="healthz")
    def healthz(self) -> Any:
        """Say that the process answers."""
        return {"status": "ok"}

    @view_config(route_name="readyz")
    def readyz(self) -> Any:
        """Say that the database answers and that a mail host was seen of late."""
        if not self.request.hosts.any_live():
            return problem(503, "No mail host has been seen of late.", "no-host")
        return {"status": "ok"}
