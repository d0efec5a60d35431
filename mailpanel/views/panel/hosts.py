"""The mail hosts."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from mailpanel import on_host
from mailpanel.errors import Conflict, InvalidFields, PreconditionFailed
from mailpanel.heard import heard
from mailpanel.resources import Host, Hosts, Setting
from mailpanel.security import Permission
from mailpanel.views.panel._cards import status_in_words
from mailpanel.views.panel._flash import lead
from mailpanel.views.panel.settings import SettingPages
from mailpanel.words import _, sentences

__all__ = ["ForgetViews", "adopt", "flush", "list_hosts", "put_back"]


@view_config(
    route_name="panel.hosts",
    request_method="GET",
    permission=Permission.READ_HOSTS,
    renderer="hosts.pt",
)
def list_hosts(_context: Hosts, request: Any) -> dict[str, Any]:
    """Return all hosts that have ever checked in and were not forgotten."""
    shown = {"status_of": status_in_words, "heard": heard}
    return {"title": _("Hosts"), "hosts": request.hosts.list(), **shown}


@view_defaults(route_name="panel.forget", permission=Permission.CHANGE_HOSTS, renderer="forget.pt")
class ForgetViews:
    """Forget a host that is gone for good, after a question."""

    def __init__(self, context: Host, request: Any) -> None:
        self.context = context
        self.request = request

    @view_config(request_method="GET")
    def ask(self) -> dict[str, Any]:
        """Return what would be true then."""
        return {"title": _("Forget ${name}", name=self.context.name), "host": self.context.state}

    @view_config(request_method="POST")
    def forget(self) -> Any:
        """Forget it."""
        self.request.hosts.forget(self.context.name, self.request.author)
        said = _("${name} is forgotten.", name=self.context.name)
        return lead(self.request, said, "panel.hosts")


@view_config(route_name="panel.put_back", request_method="POST", permission=Permission.CHANGE_HOSTS)
def put_back(context: Setting, request: Any) -> Any:
    """Apply the setting once more on one host, over what somebody edited there."""
    host = request.POST.get("host", "")
    answer = on_host.put_back(request, context.name, host)
    if not answer["done"]:
        said: str = _("${host} has not answered yet. It is put back there when it does.", host=host)
    elif answer["ok"]:
        said = _("Put back: on ${host} it is as mailpanel has it again.", host=host)
    else:
        said = sentences(
            _("It could not be put back on ${host}.", host=host), heard(answer["error"])
        )
    said = sentences(said, *(step["says"] for step in answer["steps"]))
    return SettingPages(context, request).back(said)


@view_config(route_name="panel.adopt", request_method="POST", permission=Permission.CHANGE_HOSTS)
def adopt(context: Setting, request: Any) -> Any:
    """Make what stands on one host the desired value."""
    host = request.POST.get("host", "")
    try:
        _answer, state = on_host.adopted(request, context.name, host)
    except (Conflict, InvalidFields, PreconditionFailed) as error:
        said: str = sentences(_("Nothing was adopted from ${host}.", host=host), str(error))
    else:
        said = _(
            "${host} has not answered yet. Nothing was adopted; try again in a minute.", host=host
        )
        if state is not None:
            words = context.setting.in_words(state.value)
            said = _("Adopted from ${host}: ${words}", host=host, words=words)
    return SettingPages(context, request).back(said)


@view_config(route_name="panel.flush", request_method="POST", permission=Permission.FLUSH_QUEUE)
def flush(context: Setting, request: Any) -> Any:
    """Let one host try the mail that waits for its relay."""
    host = request.POST.get("host", "")
    answer = on_host.flushed(request, context.name, host)
    if not answer["done"]:
        said: str = _("${host} has not answered yet. It tries the mail when it does.", host=host)
    elif answer["ok"]:
        said = _(
            "${host} tries all mail that waits, now. What is left stands here in half a minute.",
            host=host,
        )
    else:
        said = sentences(_("Nothing was sent from ${host}.", host=host), heard(answer["error"]))
    return SettingPages(context, request).back(said)
