"""The use cases of accounts."""

from __future__ import annotations

from importlib import resources

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from mailpanel.errors import Conflict, InvalidFields, NotFound
from mailpanel.models import Account, AuditEntry
from mailpanel.services.accounts import Accounts
from mailpanel.services.passwords import SHORTEST


def test_account_without_password_has_no_panel_login(accounts):
    accounts.add("admin", "MasterAdmin")
    assert accounts.list() == [
        {
            "username": "admin",
            "perm_level": "MasterAdmin",
            "enabled": True,
            "api_access": True,
            "has_password": False,
            "recovery_email": None,
            "language": None,
            "created": "2026-11-22T12:00:00.000Z",
        }
    ]


def test_password_is_kept_as_argon2id_only(accounts, database):
    accounts.add("admin", "MasterAdmin", "twelve chars")
    accounts.set_password("admin", "another password")
    with database.reading() as session:
        stored = session.scalars(select(Account.password_hash)).one()
    assert stored.startswith("$argon2id$")
    assert PasswordHasher().verify(stored, "another password")


@pytest.mark.parametrize(
    ("name", "level", "password", "fields"),
    [
        ("", "MasterAdmin", None, ["username"]),
        ("a:b", "MasterAdmin", None, ["username"]),
        ("a\n", "MasterAdmin", None, ["username"]),
        ("ä", "MasterAdmin", None, ["username"]),
        ("a" * 65, "MasterAdmin", None, ["username"]),
        ("a", "masteradmin", None, ["perm_level"]),
        ("a", "MailUser", "eleven char", ["password"]),
        ("a", "MailUser", "twelve chars\ud800", ["password"]),
        ("a", "MailUser", "PassWord1234", ["password"]),
        ("", "", "", ["username", "perm_level", "password"]),
    ],
)
def test_wrong_fields_are_all_named(accounts, name, level, password, fields):
    with pytest.raises(InvalidFields) as raised:
        accounts.add(name, level, password)
    assert [error.field for error in raised.value.errors] == fields
    assert accounts.list() == []


@pytest.mark.parametrize(
    "password",
    ["password1234", "Qwertyuiop123", "111111111111", "CorrectHorseBatteryStaple"],
)
def test_common_password_is_refused_with_the_remedy(accounts, password):
    """Whatever its case: these are the first that are guessed."""
    accounts.add("admin", "MasterAdmin")
    with pytest.raises(InvalidFields, match="choose another"):
        accounts.set_password("admin", password)
    assert not accounts.list()[0]["has_password"]


@pytest.mark.parametrize(
    "password",
    ["Mailpanel/smtp", "postfix-dovecot", "MASTERADMIN-1234", "alice-smith-1", "Northwind-2026"],
)
def test_a_password_made_of_the_houses_own_words_is_refused(database, clock, password):
    """The product's, the account's own name, and what the installation names (ASVS 6.2.11)."""
    accounts = Accounts(database, clock, words=("northwind", "mx"))
    with pytest.raises(InvalidFields, match="names that are guessed here"):
        accounts.add("Alice-Smith", "MasterAdmin", password)
    accounts.add("Alice-Smith", "MasterAdmin")
    with pytest.raises(InvalidFields, match="at least 8 other characters"):
        accounts.set_password("Alice-Smith", password)
    accounts.set_password("Alice-Smith", f"{password} horse battery")


def test_a_word_of_two_letters_is_no_word(database, clock):
    """Else little would be left of any password."""
    accounts = Accounts(database, clock, words=("a", "mx"))
    accounts.add("b", "MasterAdmin", "mxmxmxmxaaaa")


def test_comments_in_the_list_are_no_passwords(accounts):
    comments, _ = common_passwords()
    for number, comment in enumerate(comments):
        accounts.add(f"admin{number}", "MasterAdmin", comment)


def test_the_list_has_more_than_the_3000_that_are_used_most_and_meet_the_rule():
    """ASVS 6.2.4; each as it is compared, and none that its length refuses already."""
    _, passwords = common_passwords()
    assert len(passwords) == len(set(passwords)) > 3_000
    assert [each for each in passwords if len(each) < SHORTEST or each != each.casefold()] == []
    assert {"123qweasdzxc", "administrator", "unbelievable", "rollercoaster"} <= set(passwords)


def common_passwords():
    """Return the list's comments, and its passwords."""
    file = resources.files("mailpanel.services") / "common_passwords.txt"
    lines = file.read_text(encoding="utf-8").splitlines()
    comments = [line for line in lines if line.startswith("# ")]
    return comments, lines[len(comments) :]


def test_taken_name_is_a_conflict(accounts):
    accounts.add("admin", "MasterAdmin")
    with pytest.raises(Conflict):
        accounts.add("admin", "MailUser")


def test_last_enabled_master_admin_stays(accounts):
    accounts.add("admin", "MasterAdmin")
    accounts.add("second", "MasterAdmin")
    accounts.add("user", "MailUser")
    accounts.set_enabled("second", False)
    with pytest.raises(Conflict):
        accounts.set_enabled("admin", False)
    with pytest.raises(Conflict):
        accounts.remove("admin")
    accounts.set_enabled("second", True)
    accounts.remove("admin")
    accounts.remove("user")
    assert [account["username"] for account in accounts.list()] == ["second"]


def test_disabled_master_admin_can_go(accounts):
    accounts.add("admin", "MasterAdmin")
    accounts.add("second", "MasterAdmin")
    accounts.set_enabled("second", False)
    accounts.set_enabled("second", False)
    accounts.remove("second")


def test_unknown_account_is_not_found(accounts):
    for call in (accounts.remove, lambda name: accounts.set_enabled(name, True)):
        with pytest.raises(NotFound):
            call("nobody")
    with pytest.raises(NotFound):
        accounts.set_password("nobody", "twelve chars")


def test_every_change_is_audited(accounts, database, author):
    accounts.add("admin", "MasterAdmin", author=author)
    accounts.add("second", "MasterAdmin", author=author)
    accounts.set_password("second", "twelve chars", author)
    accounts.set_enabled("second", False, author)
    accounts.remove("second", author)
    with database.reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.action.removeprefix("account.") for entry in entries] == [
        "add",
        "add",
        "passwd",
        "disable",
        "remove",
    ]
    assert {entry.author for entry in entries} == {"admin"}
    assert entries[2].detail == {"account": "second", "password": "changed"}
    assert entries[3].detail == {"account": "second", "enabled": False}


def test_what_is_not_named_of_an_account_stays(accounts):
    more = {"recovery_email": "a@example.org", "language": "pt-BR", "enabled": False}
    added = accounts.add("user", "MailUser", "twelve chars", **more)
    changed = accounts.change("user", {"language": None, "perm_level": "DomainAdmin"})
    assert changed == {**added, "language": None, "perm_level": "DomainAdmin"}
    assert accounts.change("user", {}) == accounts.get("user") == changed


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("recovery_email", ""),
        ("recovery_email", "alice"),
        ("recovery_email", "a b@example.org"),
        ("recovery_email", "a@example.org\nBcc: b@example.org"),
        ("recovery_email", "a@-example.org"),
        ("recovery_email", "a@exa_mple.org"),
        ("recovery_email", f"a@{'e' * 63}.{'e' * 63}.{'e' * 63}.{'e' * 63}"),
        ("recovery_email", f"{'a' * 65}@example.org"),
        ("language", ""),
        ("language", "german"),
        ("language", "DE"),
        ("language", "de_DE"),
        ("language", "de\n"),
    ],
)
def test_wrong_address_or_language_changes_nothing(accounts, field, wrong):
    accounts.add("user", "MailUser", recovery_email="a@example.org", language="de")
    before = accounts.get("user")
    with pytest.raises(InvalidFields) as raised:
        accounts.change("user", {field: wrong, "enabled": False})
    assert [error.field for error in raised.value.errors] == [field]
    assert accounts.get("user") == before


@pytest.mark.parametrize(
    "fields",
    [{"perm_level": "DomainAdmin"}, {"enabled": False}, {"api_access": False}],
)
def test_last_master_admin_is_not_locked_out(accounts, fields):
    """Without a password the API is the only way in."""
    accounts.add("admin", "MasterAdmin")
    accounts.add("no-way-in", "MasterAdmin", api_access=False)
    before = accounts.list()
    with pytest.raises(Conflict, match="add or enable another one first"):
        accounts.change("admin", fields)
    assert accounts.list() == before


def test_last_master_admin_with_a_password_may_do_without_the_api(accounts):
    accounts.add("admin", "MasterAdmin", "twelve chars")
    assert not accounts.change("admin", {"api_access": False})["api_access"]


class TestTokensOfAnAccount:
    """They go as soon as they might be in the wrong hands."""

    @pytest.mark.parametrize(
        ("fields", "left"),
        [
            ({"enabled": False}, 0),
            ({"password": "another password"}, 0),
            ({"enabled": True}, 2),
            ({"api_access": False, "perm_level": "DomainAdmin", "language": "de"}, 2),
        ],
    )
    def test_are_revoked_with_the_account_or_its_password(self, accounts, tokens, fields, left):
        accounts.add("user", "MailUser", "twelve chars")
        accounts.add("other", "MailUser", "twelve chars")
        for name in ("user", "user", "other"):
            tokens.create(name)
        accounts.change("user", fields)
        assert len(tokens.list("user")) == left
        assert len(tokens.list("other")) == 1

    def test_stay_with_an_accounts_first_password(self, accounts, tokens):
        """It lets nobody in who was not before."""
        accounts.add("user", "MailUser")
        tokens.create("user")
        accounts.set_password("user", "twelve chars")
        assert len(tokens.list("user")) == 1
        accounts.set_password("user", "another password")
        assert tokens.list("user") == []

    def test_that_are_revoked_stand_in_the_audit_log(self, accounts, tokens, audit_log):
        accounts.add("user", "MailUser", "twelve chars")
        for _ in range(3):
            tokens.create("user")
        accounts.set_enabled("user", False)
        (entry, *_), _ = audit_log.page()
        assert entry["detail"] == {"account": "user", "enabled": False, "tokens_revoked": 3}
