"""The use cases of tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from stored import stored

from mailpanel.errors import InvalidFields, NotFound
from mailpanel.models import Token


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


def test_expired_tokens_go_when_the_account_makes_another(tokens, admin, database, clock):
    """They open nothing, and log-ins by password would heap them up."""
    for name in ("admin", "admin", "other"):
        tokens.create(name, expires=clock() + timedelta(seconds=1))
    tokens.create(admin, expires=clock() + timedelta(hours=1))
    clock.forward(1)
    tokens.create(admin)
    assert [each["id"] for each in tokens.list("admin")] == [4, 5]
    assert len(tokens.list("other")) == 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Token)) == 3


class TestWithin:
    """What a token can make, see and revoke."""

    SCOPE = {  # noqa: RUF012 (nothing changes it)
        "settings": ["postfix_relayhost", "system_mailer"],
        "networks": ["192.0.2.0/24", "2001:db8::/32"],
    }

    @pytest.fixture
    def narrow(self, tokens, admin, clock):
        tokens.create(admin, "wide")
        scope = {**self.SCOPE, "expires": clock() + timedelta(hours=1)}
        return tokens.issue(admin, "narrow", True, **scope).shown["id"]

    def test_one_as_wide_or_narrower_is_made(self, tokens, narrow, clock):
        expires = clock() + timedelta(hours=1)
        tokens.create("admin", "same", True, expires=expires, within=narrow, **self.SCOPE)
        less = {"settings": ["system_mailer"], "networks": ["192.0.2.7", "2001:db8:1::/48"]}
        expires -= timedelta(minutes=1)
        tokens.create("admin", "less", True, expires=expires, within=narrow, **less)
        assert [each["name"] for each in tokens.list("admin")] == ["wide", "narrow", "same", "less"]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"read_only": False}, "read_only"),
            ({"settings": None}, "settings"),
            ({"settings": ["system_mailer", "imap_master_password"]}, "settings"),
            ({"networks": None}, "networks"),
            ({"networks": ["192.0.2.0/24", "198.51.100.0/24"]}, "networks"),
            ({"networks": ["192.0.0.0/16"]}, "networks"),
            ({"networks": ["::/0"]}, "networks"),
            ({"networks": ["::ffff:192.0.2.0/120"]}, "networks"),
            ({"expires": None}, "expires"),
            ({"expires": timedelta(minutes=61)}, "expires"),
        ],
    )
    def test_a_wider_one_is_refused_with_the_field(self, tokens, narrow, clock, change, field):
        scope = {**self.SCOPE, "read_only": True, "expires": timedelta(hours=1), **change}
        if scope["expires"] is not None:
            scope["expires"] += clock()
        with pytest.raises(InvalidFields) as raised:
            tokens.create("admin", within=narrow, **scope)
        assert [error.field for error in raised.value.errors] == [field]
        assert len(tokens.list("admin")) == 2

    def test_only_those_for_its_settings_are_seen_and_revoked(self, tokens, narrow):
        inside = tokens.issue("admin", settings=["system_mailer"]).shown["id"]
        beside = tokens.issue("admin", settings=["system_mailer", "imap_master_password"])
        seen = [each["id"] for each in tokens.list("admin", within=narrow)]
        assert seen == [narrow, inside]
        for number in (1, beside.shown["id"]):
            with pytest.raises(NotFound):
                tokens.revoke(number, account="admin", within=narrow)
        tokens.revoke(inside, account="admin", within=narrow)

    def test_those_of_others_are_never_reached(self, tokens, admin):
        mine, theirs = (tokens.issue(name).shown["id"] for name in ("admin", "other"))
        with pytest.raises(NotFound):
            tokens.revoke(theirs, account="admin", within=mine)
        tokens.revoke(mine, account="admin", within=mine)

    def test_one_that_was_revoked_makes_none(self, tokens, narrow):
        tokens.revoke(narrow)
        with pytest.raises(NotFound):
            tokens.create("admin", within=narrow)
        with pytest.raises(NotFound):
            tokens.list("admin", within=narrow)


def test_a_number_beyond_the_databases_is_not_found(tokens, admin):
    with pytest.raises(NotFound):
        tokens.revoke(2**31)


def test_nobody_is_given_a_token_for_a_password_that_is_no_longer_right(tokens, accounts):
    """It was changed, or the account disabled, while the old one was looked at."""
    accounts.add("user", "MailUser", "twelve chars")
    with pytest.raises(NotFound):
        tokens.create("user", proven="$argon2id$of-another")
    assert tokens.list("user") == []
