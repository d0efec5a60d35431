"""The settings calls: what the product is for."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from mailpanel import jsonform
from mailpanel.headers import etag, if_match, probe
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


@view_defaults(route_name="setting", renderer="json")
class SettingViews:
    """One setting; an answer of ``None`` is 204."""

    def __init__(self, context: Setting, request: Any) -> None:
        self.name = context.name
        self.request = request
        self.changes = request.changes

    @view_config(request_method="GET", permission=Permission.READ_SETTING)
    def read(self) -> Answer:
        """Return the desired value."""
        return self._answer(self.changes.get(self.name))

    @view_config(request_method="POST", permission=Permission.CHANGE_SETTING)
    def change(self) -> Answer:
        """Set or update."""
        given = jsonform.loads(self.request.body)
        state = self.changes.set(self.name, given, self.request.author, **self._conditions())
        return self._answer(self.request.settled(state) or state)

    @view_config(request_method="DELETE", permission=Permission.CHANGE_SETTING)
    def reset(self) -> Answer:
        """Reset to what was there before mailpanel."""
        state = self.changes.reset(self.name, self.request.author, **self._conditions())
        reached = self.request.settled(state) if state else None
        return {"settings": reached.as_deleting()} if reached else None

    def _conditions(self) -> dict[str, Any]:
        """Return what headers and query say of a change, and what is wrong with the query."""
        tried, errors = probe(self.request.query_string)
        match = if_match(self.request.headers.get("If-Match"))
        return {"if_match": match, "probe": tried, "errors": errors}

    def _answer(self, state: Any) -> Answer:
        if state is None:
            return None
        if state.is_set:
            self.request.response.headers["ETag"] = etag(state.revision)
        return {"settings": state.as_dict()}
