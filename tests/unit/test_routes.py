"""mailpanel.routes: every route there is."""

from __future__ import annotations

from typing import Any

from mailpanel import routes
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


class Config:
    """Takes down what is added to it."""

    def __init__(self) -> None:
        self.added: list[tuple[Any, ...]] = []

    def add_route(self, name: str, pattern: str, factory: Any = None) -> None:
        self.added.append((name, pattern, factory))


def test_the_routes():
    """A URL is a promise: this list only grows."""
    config = Config()
    routes.includeme(config)
    assert config.added == [
        ("settings", "/api/v1/settings/", Settings),
        ("setting", "/api/v1/settings/{setting}/", Setting),
        ("setting.status", "/api/v1/settings/{setting}/status/", Setting),
        ("setting.test", "/api/v1/settings/{setting}/test/", Setting),
        ("setting.tested", "/api/v1/settings/{setting}/test/{ticket}/", Setting),
        ("setting.history", "/api/v1/settings/{setting}/history/", Setting),
        (
            "setting.restore",
            "/api/v1/settings/{setting}/history/{revision}/restore/",
            Revision,
        ),
        ("hosts", "/api/v1/hosts/", Hosts),
        ("host", "/api/v1/hosts/{host}/", Host),
        ("host.put_back", "/api/v1/hosts/{host}/put-back/", Host),
        ("host.adopt", "/api/v1/hosts/{host}/adopt/", Host),
        ("host.flush", "/api/v1/hosts/{host}/flush/", Queue),
        ("clearing", "/api/v1/clearing/", Clearing),
        ("clearing.preview", "/api/v1/clearing/preview/", Clearing),
        ("clearing.run", "/api/v1/clearing/run/", Clearing),
        ("accounts", "/api/v1/accounts/", Accounts),
        ("account", "/api/v1/accounts/{username}/", Account),
        ("tokens", "/api/v1/tokens/", OwnTokens),
        ("token", "/api/v1/tokens/{token}/", OwnToken),
        ("auth", "/api/v1/auth/", OwnTokens),
        ("audit", "/api/v1/audit/", AuditLog),
        ("openapi", "/api/v1/openapi.json", None),
        ("healthz", "/healthz", None),
        ("readyz", "/readyz", None),
        ("panel.overview", "/", Settings),
        ("panel.log_in", "/login", None),
        ("panel.log_in_code", "/login/code", None),
        ("panel.log_out", "/logout", None),
        ("panel.setting", "/settings/{setting}/", Setting),
        ("panel.test", "/settings/{setting}/test/", Setting),
        ("panel.tested", "/settings/{setting}/test/{ticket}/", Setting),
        ("panel.again", "/settings/{setting}/again/", Setting),
        ("panel.put_back", "/settings/{setting}/put-back/", Setting),
        ("panel.adopt", "/settings/{setting}/adopt/", Setting),
        ("panel.flush", "/settings/{setting}/flush/", Setting),
        ("panel.reset", "/settings/{setting}/reset/", Setting),
        ("panel.history", "/settings/{setting}/history/", Setting),
        ("panel.restore", "/settings/{setting}/history/{revision}/restore/", Revision),
        ("panel.audit", "/audit/", AuditLog),
        ("panel.clearing", "/clearing/", Clearing),
        ("panel.clear", "/clearing/run/", Clearing),
        ("panel.hosts", "/hosts/", Hosts),
        ("panel.forget", "/hosts/{host}/forget/", Host),
        ("panel.account", "/account/", OwnAccount),
        ("panel.step_up", "/account/confirm/", OwnAccount),
        ("panel.second_factor", "/account/second-factor/", OwnAccount),
        ("panel.codes", "/account/second-factor/codes/", OwnAccount),
        ("panel.no_factor", "/account/second-factor/remove/", OwnAccount),
        ("panel.end", "/account/sessions/{number}/end/", OwnAccount),
        ("panel.accounts", "/accounts/", Accounts),
        ("panel.person", "/accounts/{username}/", Account),
        ("panel.person.password", "/accounts/{username}/password/", Account),
        ("panel.person.remove", "/accounts/{username}/remove/", Account),
        ("panel.tokens", "/tokens/", OwnAccount),
        ("panel.revoke", "/tokens/{token}/revoke/", PanelToken),
        ("panel.asset", "/static/{digest}/{name}", None),
    ]
