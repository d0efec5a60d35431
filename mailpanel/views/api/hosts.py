"""The mail hosts."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from mailpanel import on_host
from mailpanel.bodies import Nothing, OnHost, body_of
from mailpanel.resources import Host, Hosts, Queue
from mailpanel.security import Permission

__all__ = ["adopt", "flush", "forget", "list_hosts", "put_back", "read"]


@view_config(
    route_name="hosts", request_method="GET", permission=Permission.READ_HOSTS, renderer="json"
)
def list_hosts(_context: Hosts, request: Any) -> dict[str, Any]:
    """Return all hosts that have ever checked in and were not forgotten."""
    return {"hosts": request.hosts.list()}


@view_config(
    route_name="host", request_method="GET", permission=Permission.READ_HOSTS, renderer="json"
)
def read(context: Host, _request: Any) -> dict[str, Any]:
    """Return one host."""
    return {"hosts": context.state}


@view_config(
    route_name="host", request_method="DELETE", permission=Permission.CHANGE_HOSTS, renderer="json"
)
def forget(context: Host, request: Any) -> None:
    """Forget a host that is gone; one that lives checks in again by itself."""
    request.hosts.forget(context.name, request.author)


@view_config(
    route_name="host.put_back",
    request_method="POST",
    permission=Permission.CHANGE_HOSTS,
    renderer="json",
)
def put_back(context: Host, request: Any) -> dict[str, Any]:
    """Apply a setting once more on one host, over what somebody edited there."""
    setting = body_of(OnHost, request.body)["setting"]
    answer = on_host.put_back(request, setting, context.name)
    return {"put_back": {"setting": setting, **answer}}


@view_config(
    route_name="host.adopt",
    request_method="POST",
    permission=Permission.CHANGE_HOSTS,
    renderer="json",
)
def adopt(context: Host, request: Any) -> dict[str, Any]:
    """Make what stands on one host the desired value of a setting."""
    setting = body_of(OnHost, request.body)["setting"]
    answer, state = on_host.adopted(request, setting, context.name)
    value = None if state is None else state.as_dict()
    return {"adopt": {"setting": setting, **answer, "settings": value}}


@view_config(
    route_name="host.flush",
    request_method="POST",
    permission=Permission.FLUSH_QUEUE,
    renderer="json",
)
def flush(context: Queue, request: Any) -> dict[str, Any]:
    """Let one host try the mail that waits for its relay, once it gets through to that."""
    body_of(Nothing, request.body)
    answer = on_host.flushed(request, context.relay, context.name)
    return {"flush": {"setting": context.relay, **answer}}
