"""The services, as attributes of the request: all that they and the web share."""

from __future__ import annotations

from typing import Any

from mailpanel.seal import Sealer
from mailpanel.services.authentication import Authentication
from mailpanel.services.changes import Changes
from mailpanel.services.database import Database
from mailpanel.services.hosts import Hosts
from mailpanel.services.throttle import Throttle
from mailpanel.services.wake import make_waker
from mailpanel.settings import SETTINGS

__all__ = ["includeme"]


def _database(request: Any) -> Database:
    database: Database = request.registry.database
    return database


def _changes(request: Any) -> Changes:
    deployment = request.registry.deployment
    return Changes(
        request.database,
        sealer=Sealer(deployment.public_key_file),
        waker=make_waker(request.database, deployment.wake_socket),
        settings=SETTINGS,
        check_interval=deployment.check_interval,
    )


def _authentication(request: Any) -> Authentication:
    return Authentication(request.database)


def _throttle(request: Any) -> Throttle:
    return Throttle(request.database)


def _hosts(request: Any) -> Hosts:
    interval = request.registry.deployment.check_interval
    return Hosts(request.database, check_interval=interval)


def includeme(config: Any) -> None:
    """Open the database's pool, which connects nowhere yet, and name the services."""
    config.registry.database = Database(config.registry.deployment.database_url)
    for name, factory in {
        "database": _database,
        "changes": _changes,
        "authentication": _authentication,
        "throttle": _throttle,
        "hosts": _hosts,
    }.items():
        config.add_request_method(factory, name, reify=True)
