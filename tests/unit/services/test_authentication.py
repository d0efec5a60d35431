"""Whose token it is: what opens, and what does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailpanel.errors import DatabaseAway, NotFound
from mailpanel.services.authentication import Identity


@pytest.fixture
def admin(accounts):
    accounts.add("admin", "MasterAdmin")
    accounts.add("other", "MasterAdmin")
    return "admin"


def test_token_opens_with_its_name_or_none(authentication, tokens, admin):
    token = tokens.create(admin)
    expected = Identity("admin", "MasterAdmin", 1, read_only=False, settings=None)
    assert authentication.identity("admin", token, "192.0.2.1") == expected
    assert authentication.identity(None, token, "192.0.2.1") == expected


@pytest.mark.parametrize("username", ["other", "nobody", "", "Admin"])
def test_another_name_does_not_open(authentication, tokens, admin, username):
    assert authentication.identity(username, tokens.create(admin), "192.0.2.1") is None


@pytest.mark.parametrize("token", ["", "mp_", "mp_\ud800", "x" * 10_000])
def test_another_token_does_not_open(authentication, tokens, admin, token):
    tokens.create(admin)
    assert authentication.identity("admin", token, "192.0.2.1") is None


def test_scope_comes_with_the_identity(authentication, tokens, admin):
    token = tokens.create(admin, "n", True, ["postfix_relayhost"])
    identity = authentication.identity("admin", token, "192.0.2.1")
    assert identity.read_only
    assert identity.settings == frozenset({"postfix_relayhost"})


def test_disabled_account_does_not_open(authentication, tokens, accounts, admin):
    token = tokens.create(admin)
    accounts.set_enabled("admin", False)
    assert authentication.identity("admin", token, "192.0.2.1") is None
    accounts.set_enabled("admin", True)
    assert authentication.identity("admin", token, "192.0.2.1") is None, "nor ever again"


def test_account_without_api_access_does_not_open(authentication, tokens, accounts, admin):
    token = tokens.create(admin)
    accounts.change("admin", {"api_access": False})
    assert authentication.identity("admin", token, "192.0.2.1") is None
    accounts.change("admin", {"api_access": True})
    assert authentication.identity("admin", token, "192.0.2.1") is not None


def test_removed_account_takes_its_tokens_along(authentication, tokens, accounts, admin):
    token = tokens.create(admin)
    accounts.remove("admin")
    assert authentication.identity(None, token, "192.0.2.1") is None
    assert tokens.list() == []


def test_expires(authentication, tokens, admin, clock):
    token = tokens.create(admin, expires=clock() + timedelta(hours=1))
    clock.forward(3599)
    assert authentication.identity("admin", token, "192.0.2.1") is not None
    clock.forward(1)
    assert authentication.identity("admin", token, "192.0.2.1") is None


@pytest.mark.parametrize(
    ("address", "opens"),
    [
        ("192.0.2.77", True),
        ("::ffff:192.0.2.77", True),
        ("2001:db8::1", True),
        ("198.51.100.1", False),
        ("2001:db9::1", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_opens_from_its_networks_alone(authentication, tokens, admin, address, opens):
    token = tokens.create(admin, networks=["192.0.2.0/24", "2001:db8::/32"])
    assert (authentication.identity("admin", token, address) is not None) == opens


def test_last_use_is_kept_to_the_minute(authentication, tokens, admin, clock):
    token = tokens.create(admin)
    shown = []
    for seconds in (0, 59, 1):
        clock.forward(seconds)
        authentication.identity("admin", token, "192.0.2.1")
        shown.append(tokens.list()[0]["last_used"])
    first = "2026-11-22T12:00:00.000Z"
    assert shown == [first, first, "2026-11-22T12:01:00.000Z"]


def test_opens_where_the_last_use_cannot_be_noted(
    authentication, tokens, admin, database, monkeypatch
):
    """A database that another one is writing to must not shut everybody out."""
    token = tokens.create(admin)

    def away():
        raise DatabaseAway("busy")

    monkeypatch.setattr(database, "writing", away)
    assert authentication.identity("admin", token, "192.0.2.1") is not None


def test_revoked_token_does_not_open_and_its_number_is_not_given_again(
    authentication, tokens, admin
):
    token = tokens.create(admin)
    tokens.revoke(1)
    assert authentication.identity("admin", token, "192.0.2.1") is None
    tokens.create(admin)
    assert [each["id"] for each in tokens.list()] == [2]
    with pytest.raises(NotFound):
        tokens.revoke(1)
