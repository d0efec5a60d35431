"""mailpanel.security and mailpanel.resources: what nobody has granted is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mailpanel.resources import Host, Hosts, Resource, Setting, Settings
from mailpanel.security import Permission, TokenPolicy
from mailpanel.services.authentication import Identity

ADMIN = Identity("admin", "MasterAdmin", 1, read_only=False, settings=None)
READER = Identity("admin", "MasterAdmin", 2, read_only=True, settings=None)
SCOPED = Identity("admin", "MasterAdmin", 3, read_only=False, settings=frozenset(["a"]))
SCOPED_READER = Identity("admin", "MasterAdmin", 4, read_only=True, settings=frozenset(["a"]))
USER = Identity("user", "MailUser", 5, read_only=False, settings=None)

ALL = set(Permission)
READS = {Permission.LIST_SETTINGS, Permission.READ_SETTING, Permission.READ_HOSTS}
SETTING = {Permission.READ_SETTING, Permission.CHANGE_SETTING}


class Policy(TokenPolicy):
    """One that knows already who calls."""

    def __init__(self, identity: Identity | None) -> None:
        super().__init__()
        self.known = identity

    def identity(self, request: Any) -> Identity | None:
        return self.known


def granted(identity: Identity | None, factory: type[Resource], name: str = "a") -> set[str]:
    """Return the permissions that *identity* has on a resource of *factory*."""
    request = SimpleNamespace(matchdict={"setting": name, "host": name})
    policy = Policy(identity)
    return {each for each in Permission if policy.permits(request, factory(request), each)}


@pytest.mark.parametrize("factory", [Resource, Settings, Setting, Hosts, Host])
def test_who_is_no_masteradmin_has_nothing(factory):
    """Nor has a stranger."""
    assert granted(None, factory) == granted(USER, factory) == set()


@pytest.mark.parametrize("factory", [Resource, Settings, Setting, Hosts, Host])
def test_a_masteradmin_has_everything(factory):
    """And a read-only token of theirs everything that changes nothing."""
    assert granted(ADMIN, factory) == ALL
    assert granted(READER, factory) == READS


def test_a_scoped_token_has_its_settings():
    """Those, and the list."""
    assert granted(SCOPED, Setting) == SETTING
    assert granted(SCOPED, Setting, "b") == set()
    assert granted(SCOPED_READER, Setting) == {Permission.READ_SETTING}
    assert granted(SCOPED, Settings) == {Permission.LIST_SETTINGS}


@pytest.mark.parametrize("factory", [Resource, Hosts, Host])
def test_a_scoped_token_has_nothing_else(factory):
    """Hosts belong to no setting."""
    assert granted(SCOPED, factory) == set()


def test_nothing_is_remembered():
    """There is no cookie to steal."""
    policy = TokenPolicy()
    assert policy.remember(None, "admin") == policy.forget(None) == []
    assert Policy(ADMIN).authenticated_userid(None) == "admin"
    assert Policy(None).authenticated_userid(None) is None
