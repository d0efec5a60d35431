"""The mail hosts."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from mailpanel import on_host
from mailpanel.errors import Conflict, InvalidFields, PreconditionFailed
from mailpanel.resources import Host, Hosts, Setting
from mailpanel.routes import see_other
from mailpanel.security import Permission
from mailpanel.views.panel.settings import SettingPages

__all__ = ["ForgetViews", "adopt", "flush", "list_hosts", "put_back"]


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
        self.request.hosts.forget(self.context.name, self.request.author)
        self.request.sessions.keep(
            self.request.panel_session, flash=f"{self.context.name} is forgotten."
        )
        return see_other(self.request.route_path("panel.hosts"))


@view_config(route_name="panel.put_back", request_method="POST", permission=Permission.CHANGE_HOSTS)
def put_back(context: Setting, request: Any) -> Any:
    """Apply the setting once more on one host, over what somebody edited there."""
    host = request.POST.get("host", "")
    answer = on_host.put_back(request, context.name, host)
    if not answer["done"]:
        said = f"{host} has not answered yet. It is put back there when it does."
    elif answer["ok"]:
        said = f"Put back: on {host} it is as mailpanel has it again."
    else:
        said = f"It could not be put back on {host}. {answer['error']}"
    said = " ".join([said, *(step["says"] for step in answer["steps"])])
    return SettingPages(context, request).back(said)


@view_config(route_name="panel.adopt", request_method="POST", permission=Permission.CHANGE_HOSTS)
def adopt(context: Setting, request: Any) -> Any:
    """Make what stands on one host the desired value."""
    host = request.POST.get("host", "")
    try:
        _, state = on_host.adopted(request, context.name, host)
    except (Conflict, InvalidFields, PreconditionFailed) as error:
        said = f"Nothing was adopted from {host}. {error}"
    else:
        said = f"{host} has not answered yet. Nothing was adopted; try again in a minute."
        if state is not None:
            said = f"Adopted from {host}: {context.setting.in_words(state.value)}"
    return SettingPages(context, request).back(said)


@view_config(route_name="panel.flush", request_method="POST", permission=Permission.FLUSH_QUEUE)
def flush(context: Setting, request: Any) -> Any:
    """Let one host try the mail that waits for its relay."""
    host = request.POST.get("host", "")
    answer = on_host.flushed(request, context.name, host)
    if not answer["done"]:
        said = f"{host} has not answered yet. It tries the mail when it does."
    elif answer["ok"]:
        said = f"{host} tries all mail that waits, now. What is left stands here in half a minute."
    else:
        said = f"Nothing was sent from {host}. {answer['error']}"
    return SettingPages(context, request).back(said)
