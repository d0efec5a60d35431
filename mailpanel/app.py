"""The application factory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator

from mailpanel import deployment
from mailpanel.security import Permission

__all__ = ["THREADS", "make_app"]

THREADS = 8
"""How many requests one process answers at the same time; ``serve`` starts as many."""


def make_app(settings: Mapping[str, str]) -> Any:
    """Return the WSGI application; nothing is connected to until a request needs it.

    *settings* are the ``[app:main]`` options of the ini, as text. Raises
    :class:`mailpanel.errors.DeploymentError` where one of them is wrong.
    """
    config = Configurator(settings=dict(settings))
    config.registry.deployment = deployment.load(settings)
    config.registry.threads = THREADS
    # Before all views: whatever names no permission is for a MasterAdmin only.
    config.set_default_permission(Permission.ADMINISTER)
    config.include("mailpanel.security")
    config.include("mailpanel.resources")
    config.include("mailpanel.collaborators")
    config.include("mailpanel.waits")
    config.include("mailpanel.renderers")
    config.include("mailpanel.assets")
    config.include("mailpanel.languages")
    config.include("mailpanel.pages")
    config.include("mailpanel.forms")
    config.include("mailpanel.csrf")
    config.include("mailpanel.checks")
    config.include("mailpanel.step_up")
    config.include("mailpanel.tweens")
    config.include("mailpanel.rate_limit")
    config.include("mailpanel.routes")
    config.scan("mailpanel.views")
    return config.make_wsgi_app()
