"""mailpanel.app: the factory, and what holds for whatever is added to it."""

from __future__ import annotations

import pytest
from pyramid.security import NO_PERMISSION_REQUIRED

import mailpanel
from mailpanel.errors import DeploymentError
from mailpanel.security import Permission

PUBLIC = {
    *("openapi", "auth", "healthz", "readyz"),
    *("panel.log_in", "panel.log_in_code", "panel.log_out", "panel.asset"),
}


def make(tmp_path, **options):
    """Return an application on an empty directory."""
    settings = {"mailpanel.state_directory": str(tmp_path), **options}
    return mailpanel.main({}, **settings)


def test_nothing_is_opened_or_made(tmp_path):
    """Neither a database nor a file: the service may start before ``mailpanel init``."""
    make(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_option_names_itself(tmp_path):
    """And stops the start."""
    with pytest.raises(DeploymentError, match=r"mailpanel\.chek_interval"):
        make(tmp_path, **{"mailpanel.chek_interval": "5"})


def test_every_view_asks_for_a_permission_that_exists(tmp_path):
    """Those that ask for none are public on purpose."""
    registry = make(tmp_path).registry
    views = [each["introspectable"] for each in registry.introspector.get_category("views")]
    routed = {view["route_name"]: view for view in views if view["route_name"]}
    public = {
        each["introspectable"]["route_name"]
        for each in registry.introspector.get_category("views")
        for related in each["related"]
        if related.category_name == "permissions" and related["value"] == NO_PERMISSION_REQUIRED
    }
    assert public & set(routed) == PUBLIC


def test_a_view_that_names_no_permission_is_for_administrators(tmp_path):
    """Secure by default."""
    registry = make(tmp_path).registry
    (default,) = registry.introspector.get_category("default permission")
    assert default["introspectable"]["value"] is Permission.ADMINISTER
