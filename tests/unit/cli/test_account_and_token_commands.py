"""mailpanel account and mailpanel token."""

from __future__ import annotations

import getpass
import json
import re

import pyotp

from mailpanel.services.audit import AuditLog, Author
from mailpanel.services.database import Database
from mailpanel.services.second_factors import SecondFactors
from mailpanel.vault import Vault


def accounts(must):
    return {each["username"]: each for each in json.loads(must("account", "list", "--json"))}


def test_a_second_factor_is_told_of_and_taken_away(must, run, tmp_path):
    """With a line in the audit log; nothing else of the account changes."""
    must("account", "add", "admin", "--perm-level", "MasterAdmin")
    assert must("account", "second-factor", "admin") == "none\n"
    assert "no second factor" in run("account", "second-factor", "admin", "--remove").output
    assert run("account", "second-factor", "nobody").exit_code == 1
    state = tmp_path / "state"
    database = Database(f"sqlite:///{state}/database/mailpanel.sqlite")
    factors = SecondFactors(database, Vault(state / "keys" / "web.key"))
    enrolment = factors.begin("admin", "mailpanel")
    code = pyotp.TOTP(enrolment.secret).now()
    factors.confirm("admin", enrolment.box, code, Author("admin", None, ""), 1)
    told = must("account", "second-factor", "admin")
    assert re.fullmatch(r"since 2.*Z; recovery codes left: 10\n", told)
    assert must("account", "second-factor", "admin", "--remove") == ""
    assert must("account", "second-factor", "admin") == "none\n"
    (entry,) = AuditLog(database).page(action="second_factor.remove")[0]
    assert (entry["author"], entry["detail"]) == (getpass.getuser(), {"account": "admin"})
    database.dispose()


def test_accounts_are_added_changed_and_removed(must):
    must("account", "add", "admin", "--perm-level", "MasterAdmin")
    arguments = ("account", "add", "bob", "--perm-level", "MailUser", "--password-stdin")
    must(*arguments, stdin="a long password\n")
    assert [each["has_password"] for each in accounts(must).values()] == [False, True]
    must("account", "disable", "bob")
    assert not accounts(must)["bob"]["enabled"]
    must("account", "enable", "bob")
    assert accounts(must)["bob"]["enabled"]
    must("account", "remove", "bob")
    assert "bob" not in must("account", "list")


def test_password_is_read_from_stdin_or_asked_for_twice(must, run):
    must("account", "add", "admin", "--perm-level", "MasterAdmin")
    must("account", "passwd", "admin", "--password-stdin", stdin="a long password")
    must("account", "passwd", "admin", stdin="a long password\na long password\n")
    assert "a long password" not in run("account", "passwd", "admin", stdin="short\nshort\n").output
    assert run("account", "passwd", "admin", "--password-stdin", stdin="short").exit_code == 2
    assert run("account", "passwd", "admin", "--password-stdin", stdin=b"\xff").exit_code == 2


def test_a_password_made_of_the_installations_words_is_refused(run, must, monkeypatch):
    must("account", "add", "admin", "--perm-level", "MasterAdmin")
    monkeypatch.setenv("MAILPANEL_PASSWORD_WORDS", "Northwind")
    refused = run("account", "passwd", "admin", "--password-stdin", stdin="northwind-2026")
    assert refused.exit_code == 2
    assert "names that are guessed here" in refused.output


def test_a_leaked_password_is_refused_and_a_file_that_is_none_named(
    run, must, monkeypatch, public_tmp
):
    must("account", "add", "admin", "--perm-level", "MasterAdmin")
    file = public_tmp / "leaked.txt"
    # The SHA-1 of "correct horse battery".
    file.write_text("98DECC62ECE399A22ED30D490EF333BE7FDE7385:1\n")
    monkeypatch.setenv("MAILPANEL_LEAKED_PASSWORDS", str(file))
    refused = run("account", "passwd", "admin", "--password-stdin", stdin="correct horse battery")
    assert refused.exit_code == 2
    assert "known from a leak" in refused.output
    file.write_text("no such file\n")
    refused = run("account", "passwd", "admin", "--password-stdin", stdin="another horse battery")
    assert refused.exit_code == 1
    assert f"leaked_passwords: {file}: its first line" in refused.output


def test_refusals_are_one_line(must, run):
    must("account", "add", "admin", "--perm-level", "MasterAdmin")
    for arguments, words in (
        (["account", "add", "admin", "--perm-level", "MailUser"], "already"),
        (["account", "remove", "admin"], "last enabled MasterAdmin"),
        (["account", "enable", "bob"], "no account bob; mailpanel account list"),
        (["account", "passwd", "bob"], "no account bob; mailpanel account list"),
        (["token", "create", "bob"], "no account bob; mailpanel account list"),
        (["token", "list", "bob"], "no account bob; mailpanel account list"),
        (["token", "revoke", "9"], "no token with ID 9; mailpanel token list"),
    ):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("mailpanel: ")
        assert result.stderr.count("\n") == 1
        assert words in result.stderr


def test_wrong_values_are_exit_status_2(must, run):
    must("account", "add", "admin", "--perm-level", "MasterAdmin")
    for arguments, words in (
        (["account", "add", "a b", "--perm-level", "MailUser"], "username: "),
        (["token", "create", "admin", "--network", "10.0.0.1/8"], "networks: "),
        (["token", "create", "admin", "--setting", "nonsense"], "settings: "),
    ):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"mailpanel: {words}")


def test_tokens_are_shown_once_listed_and_revoked(must):
    must("account", "add", "admin", "--perm-level", "MasterAdmin")
    scope = ("--name", "probe", "--read-only", "--setting", "postfix_relayhost")
    bounds = ("--network", "192.0.2.0/24", "--expires", "2999-01-31")
    token = must("token", "create", "admin", *scope, *bounds)
    (listed,) = json.loads(must("token", "list", "admin", "--json"))
    assert token.strip() not in must("token", "list")
    assert (listed["name"], listed["read_only"]) == ("probe", True)
    assert listed["settings"] == ["postfix_relayhost"]
    assert listed["networks"] == ["192.0.2.0/24"]
    assert listed["expires"] == "2999-01-31T00:00:00.000Z"
    must("token", "revoke", str(listed["id"]))
    assert json.loads(must("token", "list", "--json")) == []
