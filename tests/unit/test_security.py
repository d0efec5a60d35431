"""mailpanel.security and mailpanel.resources: what nobody has granted is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mailpanel import security
from mailpanel.resources import (
    Accounts,
    AuditLog,
    Host,
    Hosts,
    OwnTokens,
    Resource,
    Setting,
    Settings,
)
from mailpanel.security import Permission
from mailpanel.services.authentication import Identity

ADMIN = Identity("admin", "MasterAdmin", 1, read_only=False, settings=None)
READER = Identity("admin", "MasterAdmin", 2, read_only=True, settings=None)
SCOPED = Identity("admin", "MasterAdmin", 3, read_only=False, settings=frozenset(["a"]))
SCOPED_READER = Identity("admin", "MasterAdmin", 4, read_only=True, settings=frozenset(["a"]))
USER = Identity("user", "MailUser", 5, read_only=False, settings=None)

ALL = set(Permission)
READS = {
    Permission.LIST_SETTINGS,
    Permission.READ_SETTING,
    Permission.READ_HOSTS,
    Permission.READ_CLEARING,
    Permission.READ_ACCOUNTS,
    Permission.READ_AUDIT,
    Permission.READ_TOKENS,
    Permission.END_TOKEN,
}
OWN_TOKENS = {Permission.READ_TOKENS, Permission.CHANGE_TOKENS, Permission.END_TOKEN}
SETTING = {Permission.READ_SETTING, Permission.CHANGE_SETTING}


class Policy(security.Policy):
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


@pytest.mark.parametrize("factory", [Resource, Settings, Setting, Hosts, Host, Accounts, AuditLog])
def test_who_is_no_masteradmin_has_nothing(factory):
    """Nor has a stranger."""
    assert granted(None, factory) == granted(USER, factory) == set()


@pytest.mark.parametrize("factory", [Resource, Settings, Setting, Hosts, Host, Accounts, AuditLog])
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


@pytest.mark.parametrize("factory", [Resource, Hosts, Host, Accounts, AuditLog])
def test_a_scoped_token_has_nothing_else(factory):
    """Hosts, accounts and the audit log belong to no setting."""
    assert granted(SCOPED, factory) == set()


@pytest.mark.parametrize("identity", [ADMIN, USER, SCOPED])
def test_everybody_with_a_token_has_their_own_tokens(identity):
    """Whatever the level; how wide a token may be the service knows."""
    assert granted(identity, OwnTokens) == OWN_TOKENS
    assert granted(None, OwnTokens) == set()


@pytest.mark.parametrize("identity", [READER, SCOPED_READER])
def test_a_read_only_token_revokes_none_but_itself(identity):
    """That takes something from it alone."""
    assert granted(identity, OwnTokens) == OWN_TOKENS - {Permission.CHANGE_TOKENS}


def test_who_is_logged_in_to_the_panel_has_no_token_in_use():
    """So there is nothing to be within, or to end."""
    person = Identity("admin", "MasterAdmin", None)
    assert granted(person, OwnTokens) == set()


def test_nothing_is_remembered():
    """There is no cookie to steal."""
    policy = security.Policy()
    assert policy.remember(None, "admin") == policy.forget(None) == []
    assert Policy(ADMIN).authenticated_userid(None) == "admin"
    assert Policy(None).authenticated_userid(None) is None
