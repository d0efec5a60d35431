"""mailpanel.routes: every route there is."""

from __future__ import annotations

from typing import Any

from mailpanel import routes
from mailpanel.resources import Host, Hosts, Setting, Settings


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
        ("hosts", "/api/v1/hosts/", Hosts),
        ("host", "/api/v1/hosts/{host}/", Host),
        ("openapi", "/api/v1/openapi.json", None),
        ("healthz", "/healthz", None),
        ("readyz", "/readyz", None),
    ]
