"""The use cases of tokens."""

from __future__ import annotations

import pytest
from stored import stored

from mailpanel.errors import InvalidFields, NotFound


@pytest.fixture
def admin(accounts):
    accounts.add("admin", "MasterAdmin")
    accounts.add("other", "MasterAdmin")
    return "admin"


def test_token_is_not_in_the_database(tokens, admin, database):
    token = tokens.create(admin)
    assert token.startswith("mp_")
    assert len(token) == 46
    assert admin.encode() in stored(database)
    assert token.encode() not in stored(database)


def test_list_shows_one_account_or_all(tokens, admin):
    tokens.create("admin", "first", networks=["192.0.2.0/24"])
    tokens.create("other", "second")
    assert [token["name"] for token in tokens.list()] == ["first", "second"]
    (shown,) = tokens.list("admin")
    assert shown["networks"] == ["192.0.2.0/24"]
    assert shown["settings"] is None


def test_wrong_scope_names_all_fields(tokens, admin, clock):
    with pytest.raises(InvalidFields) as raised:
        tokens.create(
            admin, "n" * 256, settings=["nonsense"], networks=["192.0.2.1/24"], expires=clock()
        )
    fields = [error.field for error in raised.value.errors]
    assert fields == ["name", "settings", "networks", "expires"]
    with pytest.raises(NotFound):
        tokens.create("nobody")
