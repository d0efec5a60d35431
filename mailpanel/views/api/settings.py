"""The settings calls: what the product is for."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from mailpanel import jsonform, on_host
from mailpanel.headers import asks_for_message, change_query, etag, if_match
from mailpanel.resources import Setting, Settings
from mailpanel.security import Permission

__all__ = ["SettingViews", "list_settings", "status"]

Answer = dict[str, Any] | None


@view_config(
    route_name="settings",
    request_method="GET",
    permission=Permission.LIST_SETTINGS,
    renderer="json",
)
def list_settings(context: Settings, request: Any) -> Answer:
    """Return all settings that are set and that the caller may see."""
    return {"settings": [state.as_dict() for state in request.changes.list(context.names)]}


@view_config(
    route_name="setting.status",
    request_method="GET",
    permission=Permission.READ_SETTING,
    renderer="json",
)
def status(context: Setting, request: Any) -> Answer:
    """Return what each host made of the setting."""
    return {"status": request.changes.status(context.name)}


@view_config(
    route_name="setting.test",
    request_method="POST",
    permission=Permission.CHANGE_SETTING,
    renderer="json",
)
def test(context: Setting, request: Any) -> Answer:
    """Let each mail host try values that are not saved; they are not saved."""
    given = jsonform.loads(request.body)
    wanted, errors = asks_for_message(request.query_string)
    message_for = request.author.username if wanted else None
    ticket = request.errands.test(
        context.name, given, request.author, errors=errors, message_for=message_for
    )
    return {"test": on_host.told(ticket, request.answered(ticket))}


@view_config(
    route_name="setting.tested",
    request_method="GET",
    permission=Permission.CHANGE_SETTING,
    renderer="json",
)
def tested(context: Setting, request: Any) -> Answer:
    """Return what the hosts have answered so far to a test."""
    ticket = request.matchdict["ticket"]
    return {"test": on_host.told(ticket, request.errands.found(context.name, ticket))}


@view_defaults(route_name="setting", renderer="json")
class SettingViews:
    """One setting; an answer of ``None`` is 204."""

    def __init__(self, context: Setting, request: Any) -> None:
        self.name = context.name
        self.request = request
        self.changes = request.changes
        self.errands = request.errands
        self.query = change_query(request.query_string)

    @view_config(request_method="GET", permission=Permission.READ_SETTING)
    def read(self) -> Answer:
        """Return the desired value."""
        return self._answer(self.changes.get(self.name))

    @view_config(request_method="POST", permission=Permission.CHANGE_SETTING)
    def change(self) -> Answer:
        """Set or update; with ``dry_run`` only show what would change."""
        given = jsonform.loads(self.request.body)
        if self.query.dry_run:
            asked = {"kind": "dry_run", "errors": self.query.errors}
            ticket = self.errands.test(self.name, given, self.request.author, **asked)
            return {"dry_run": on_host.told(ticket, self.request.answered(ticket))}
        state = self.changes.set(self.name, given, self.request.author, **self._conditions())
        return self._answer(self.request.settled(state) or state)

    @view_config(request_method="DELETE", permission=Permission.CHANGE_SETTING)
    def reset(self) -> Answer:
        """Reset to what was there before mailpanel; with ``dry_run`` only show what it changes."""
        if self.query.dry_run:
            errors = self.query.errors
            ticket = self.errands.dry_reset(self.name, self.request.author, errors=errors)
            return {"dry_run": on_host.told(ticket, self.request.answered(ticket))}
        state = self.changes.reset(self.name, self.request.author, **self._conditions())
        reached = self.request.settled(state) if state else None
        return {"settings": reached.as_deleting()} if reached else None

    def _conditions(self) -> dict[str, Any]:
        """Return what headers and query say of a change, and what is wrong with the query."""
        match = if_match(self.request.headers.get("If-Match"))
        return {"if_match": match, "probe": self.query.probe, "errors": self.query.errors}

    def _answer(self, state: Any) -> Answer:
        if state is None:
            return None
        if state.is_set:
            self.request.response.headers["ETag"] = etag(state.revision)
        return {"settings": state.as_dict()}
