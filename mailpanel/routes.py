"""Every route, in one place; ``tests/unit/test_routes.py`` pins them."""

from __future__ import annotations

from typing import Any

from pyramid.interfaces import IRoutesMapper
from pyramid.response import Response

from mailpanel.resources import (
    Account,
    Accounts,
    AuditLog,
    Clearing,
    Host,
    Hosts,
    OwnAccount,
    OwnToken,
    OwnTokens,
    PanelToken,
    Queue,
    Revision,
    Setting,
    Settings,
)

__all__ = ["allowed_methods", "includeme", "see_other", "with_slash"]

API = "/api/v1"


def allowed_methods(request: Any) -> list[str]:
    """Return the methods that the route of *request* has views for, in alphabetical order."""
    methods: set[str] = set()
    for view in request.registry.introspector.get_category("views"):
        if view["introspectable"]["route_name"] == request.matched_route.name:
            methods.add(view["introspectable"]["request_methods"])
    # Pyramid answers HEAD wherever it answers GET.
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


class _Redirect(Response):
    """A redirect whose ``Location`` stays as it is.

    WebOb would make it absolute with the Host that the client, or a proxy before
    us, named. RFC 9110, 10.2.2 takes a path, and a path cannot lead elsewhere.
    """

    @staticmethod
    def _make_location_absolute(_environ: Any, value: str) -> str:
        return value


def with_slash(request: Any) -> Response | None:
    """Return the redirect to the URL with a slash behind it, or ``None`` where there is no such.

    308, so that a POST stays a POST with its body (RFC 9110, 15.4.9).
    """
    routes = request.registry.getUtility(IRoutesMapper).get_routes()
    if all(route.match(f"{request.path_info}/") is None for route in routes):
        return None
    query = f"?{request.query_string}" if request.query_string else ""
    response = _Redirect(status=308, headerlist=[("Location", f"{request.path}/{query}")])
    response.content_length = 0
    return response


def see_other(path: str) -> Response:
    """Return the redirect that follows a form: to *path*, by GET (RFC 9110, 15.4.4)."""
    response = _Redirect(status=303, headerlist=[("Location", path)])
    response.content_length = 0
    return response


def includeme(config: Any) -> None:
    """Add the routes; the order is the order in which they are tried."""
    _add_api(config)
    config.add_route("healthz", "/healthz")
    config.add_route("readyz", "/readyz")
    _add_panel(config)


def _add_api(config: Any) -> None:
    config.add_route("settings", f"{API}/settings/", factory=Settings)
    config.add_route("setting", f"{API}/settings/{{setting}}/", factory=Setting)
    config.add_route("setting.status", f"{API}/settings/{{setting}}/status/", factory=Setting)
    config.add_route("setting.test", f"{API}/settings/{{setting}}/test/", factory=Setting)
    config.add_route(
        "setting.tested", f"{API}/settings/{{setting}}/test/{{ticket}}/", factory=Setting
    )
    config.add_route("setting.history", f"{API}/settings/{{setting}}/history/", factory=Setting)
    config.add_route(
        "setting.restore",
        f"{API}/settings/{{setting}}/history/{{revision}}/restore/",
        factory=Revision,
    )
    config.add_route("hosts", f"{API}/hosts/", factory=Hosts)
    config.add_route("host", f"{API}/hosts/{{host}}/", factory=Host)
    config.add_route("host.put_back", f"{API}/hosts/{{host}}/put-back/", factory=Host)
    config.add_route("host.adopt", f"{API}/hosts/{{host}}/adopt/", factory=Host)
    config.add_route("host.flush", f"{API}/hosts/{{host}}/flush/", factory=Queue)
    config.add_route("clearing", f"{API}/clearing/", factory=Clearing)
    config.add_route("clearing.preview", f"{API}/clearing/preview/", factory=Clearing)
    config.add_route("clearing.run", f"{API}/clearing/run/", factory=Clearing)
    config.add_route("accounts", f"{API}/accounts/", factory=Accounts)
    config.add_route("account", f"{API}/accounts/{{username}}/", factory=Account)
    config.add_route("tokens", f"{API}/tokens/", factory=OwnTokens)
    config.add_route("token", f"{API}/tokens/{{token}}/", factory=OwnToken)
    config.add_route("auth", f"{API}/auth/", factory=OwnTokens)
    config.add_route("audit", f"{API}/audit/", factory=AuditLog)
    config.add_route("openapi", f"{API}/openapi.json")


def _add_panel(config: Any) -> None:
    config.add_route("panel.overview", "/", factory=Settings)
    config.add_route("panel.log_in", "/login")
    config.add_route("panel.log_in_code", "/login/code")
    config.add_route("panel.log_out", "/logout")
    config.add_route("panel.setting", "/settings/{setting}/", factory=Setting)
    config.add_route("panel.test", "/settings/{setting}/test/", factory=Setting)
    config.add_route("panel.tested", "/settings/{setting}/test/{ticket}/", factory=Setting)
    config.add_route("panel.again", "/settings/{setting}/again/", factory=Setting)
    config.add_route("panel.put_back", "/settings/{setting}/put-back/", factory=Setting)
    config.add_route("panel.adopt", "/settings/{setting}/adopt/", factory=Setting)
    config.add_route("panel.flush", "/settings/{setting}/flush/", factory=Setting)
    config.add_route("panel.reset", "/settings/{setting}/reset/", factory=Setting)
    config.add_route("panel.history", "/settings/{setting}/history/", factory=Setting)
    config.add_route(
        "panel.restore", "/settings/{setting}/history/{revision}/restore/", factory=Revision
    )
    config.add_route("panel.audit", "/audit/", factory=AuditLog)
    config.add_route("panel.clearing", "/clearing/", factory=Clearing)
    config.add_route("panel.clear", "/clearing/run/", factory=Clearing)
    config.add_route("panel.hosts", "/hosts/", factory=Hosts)
    config.add_route("panel.forget", "/hosts/{host}/forget/", factory=Host)
    config.add_route("panel.account", "/account/", factory=OwnAccount)
    config.add_route("panel.step_up", "/account/confirm/", factory=OwnAccount)
    config.add_route("panel.second_factor", "/account/second-factor/", factory=OwnAccount)
    config.add_route("panel.codes", "/account/second-factor/codes/", factory=OwnAccount)
    config.add_route("panel.no_factor", "/account/second-factor/remove/", factory=OwnAccount)
    config.add_route("panel.end", "/account/sessions/{number}/end/", factory=OwnAccount)
    config.add_route("panel.accounts", "/accounts/", factory=Accounts)
    config.add_route("panel.person", "/accounts/{username}/", factory=Account)
    config.add_route("panel.person.password", "/accounts/{username}/password/", factory=Account)
    config.add_route("panel.person.remove", "/accounts/{username}/remove/", factory=Account)
    config.add_route("panel.tokens", "/tokens/", factory=OwnAccount)
    config.add_route("panel.revoke", "/tokens/{token}/revoke/", factory=PanelToken)
    config.add_route("panel.asset", "/static/{digest}/{name}")
