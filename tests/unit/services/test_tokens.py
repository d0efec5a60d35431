"""Tokens: what opens, and what does not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from stored import stored

from mailpanel.errors import DatabaseAway, InvalidFields, NotFound
from mailpanel.services.tokens import Identity


@pytest.fixture
def admin(accounts):
    accounts.add("admin", "MasterAdmin")
    accounts.add("other", "MasterAdmin")
    return "admin"


def test_token_opens_with_its_name_or_none(tokens, admin):
    token = tokens.create(admin)
    expected = Identity("admin", "MasterAdmin", 1, read_only=False, settings=None)
    assert tokens.authenticate("admin", token, "192.0.2.1") == expected
    assert tokens.authenticate(None, token, "192.0.2.1") == expected


@pytest.mark.parametrize("username", ["other", "nobody", "", "Admin"])
def test_another_name_does_not_open(tokens, admin, username):
    assert tokens.authenticate(username, tokens.create(admin), "192.0.2.1") is None


@pytest.mark.parametrize("token", ["", "mp_", "mp_\ud800", "x" * 10_000])
def test_another_token_does_not_open(tokens, admin, token):
    tokens.create(admin)
    assert tokens.authenticate("admin", token, "192.0.2.1") is None


def test_token_is_not_in_the_database(tokens, admin, database):
    token = tokens.create(admin)
    assert token.startswith("mp_")
    assert len(token) == 46
    assert admin.encode() in stored(database)
    assert token.encode() not in stored(database)


def test_scope_comes_with_the_identity(tokens, admin):
    token = tokens.create(admin, "n", True, ["postfix_relayhost"])
    identity = tokens.authenticate("admin", token, "192.0.2.1")
    assert identity.read_only
    assert identity.settings == frozenset({"postfix_relayhost"})


def test_disabled_account_does_not_open(tokens, accounts, admin):
    token = tokens.create(admin)
    accounts.set_enabled("admin", False)
    assert tokens.authenticate("admin", token, "192.0.2.1") is None
    accounts.set_enabled("admin", True)
    assert tokens.authenticate("admin", token, "192.0.2.1") is not None


def test_removed_account_takes_its_tokens_along(tokens, accounts, admin):
    token = tokens.create(admin)
    accounts.remove("admin")
    assert tokens.authenticate(None, token, "192.0.2.1") is None
    assert tokens.list() == []


def test_expires(tokens, admin, clock):
    token = tokens.create(admin, expires=clock() + timedelta(hours=1))
    clock.forward(3599)
    assert tokens.authenticate("admin", token, "192.0.2.1") is not None
    clock.forward(1)
    assert tokens.authenticate("admin", token, "192.0.2.1") is None


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
def test_opens_from_its_networks_alone(tokens, admin, address, opens):
    token = tokens.create(admin, networks=["192.0.2.0/24", "2001:db8::/32"])
    assert (tokens.authenticate("admin", token, address) is not None) == opens


def test_last_use_is_kept_to_the_minute(tokens, admin, clock):
    token = tokens.create(admin)
    shown = []
    for seconds in (0, 59, 1):
        clock.forward(seconds)
        tokens.authenticate("admin", token, "192.0.2.1")
        shown.append(tokens.list()[0]["last_used"])
    first = "2026-11-22T12:00:00.000Z"
    assert shown == [first, first, "2026-11-22T12:01:00.000Z"]


def test_opens_where_the_last_use_cannot_be_noted(tokens, admin, database, monkeypatch):
    """A database that another one is writing to must not shut everybody out."""
    token = tokens.create(admin)

    def away():
        raise DatabaseAway("busy")

    monkeypatch.setattr(database, "writing", away)
    assert tokens.authenticate("admin", token, "192.0.2.1") is not None


def test_list_shows_one_account_or_all(tokens, admin):
    tokens.create("admin", "first", networks=["192.0.2.0/24"])
    tokens.create("other", "second")
    assert [token["name"] for token in tokens.list()] == ["first", "second"]
    (shown,) = tokens.list("admin")
    assert shown["networks"] == ["192.0.2.0/24"]
    assert shown["settings"] is None


def test_revoked_token_does_not_open_and_its_number_is_not_given_again(tokens, admin):
    token = tokens.create(admin)
    tokens.revoke(1)
    assert tokens.authenticate("admin", token, "192.0.2.1") is None
    tokens.create(admin)
    assert [each["id"] for each in tokens.list()] == [2]
    with pytest.raises(NotFound):
        tokens.revoke(1)


def test_wrong_scope_names_all_fields(tokens, admin, clock):
    with pytest.raises(InvalidFields) as raised:
        tokens.create(
            admin, "n" * 256, settings=["nonsense"], networks=["192.0.2.1/24"], expires=clock()
        )
    fields = [error.field for error in raised.value.errors]
    assert fields == ["name", "settings", "networks", "expires"]
    with pytest.raises(NotFound):
        tokens.create("nobody")
