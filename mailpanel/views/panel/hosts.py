"""The mail hosts."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from mailpanel.resources import Host, Hosts
from mailpanel.routes import see_other
from mailpanel.security import Permission

__all__ = ["ForgetViews", "list_hosts"]


@view_config(
    route_name="panel.hosts",
    request_method="GET",
    permission=Permission.READ_HOSTS,
    renderer="hosts.pt",
)
def list_hosts(_context: Hosts, request: Any) -> dict[str, Any]:
    """Return all hosts that have ever checked in and were not forgotten."""
    return {"title": "Hosts", "hosts": request.hosts.list()}


@view_defaults(route_name="panel.forget", permission=Permission.CHANGE_HOSTS, renderer="forget.pt")
class ForgetViews:
    """Forget a host that is gone for good, after a question."""

    def __init__(self, context: Host, request: Any) -> None:
        self.context = context
        self.request = request

    @view_config(request_method="GET")
    def ask(self) -> dict[str, Any]:
        """Return what would be true then."""
        return {"title": f"Forget {self.context.name}", "host": self.context.state}

    @view_config(request_method="POST")
    def forget(self) -> Any:
        """Forget it."""
        self.request.hosts.forget(self.context.name)
        self.request.sessions.keep(
            self.request.panel_session, flash=f"{self.context.name} is forgotten."
        )
        return see_other(self.request.route_path("panel.hosts"))
