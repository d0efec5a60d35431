"""Tokens for passwords."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailpanel.errors import BadCredentials, Throttled
from mailpanel.services import passwords
from mailpanel.services.api_log_in import ApiLogIn
from mailpanel.services.codes import Codes
from mailpanel.services.proofs import BAD_PASSWORDS, Proofs, Visitor
from mailpanel.services.throttle import Throttle
from mailpanel.vault import Vault

PASSWORD = "correct horse battery"
HERE = Visitor("192.0.2.1")


@pytest.fixture
def proofs(database, clock):
    throttle = Throttle(database, clock, limit=BAD_PASSWORDS, purpose="log-in ")
    return Proofs(database, throttle, clock)


@pytest.fixture
def log_in(database, proofs, tokens, accounts, clock, tmp_path):
    accounts.add("admin", "MasterAdmin", PASSWORD)
    throttle = Throttle(database, clock, purpose="code ")
    codes = Codes(database, Vault(tmp_path / "web.key"), proofs, throttle, clock)
    return ApiLogIn(proofs, codes, tokens, clock).log_in


def test_the_right_password_is_a_token_for_half_a_day(log_in, authentication, clock):
    answer = log_in("admin", PASSWORD, HERE)
    token = answer.pop("auth_token")
    expected = {
        "username": "admin",
        "perm_level": "MasterAdmin",
        "expires": "2026-11-23T00:00:00.000Z",
    }
    assert answer == expected
    assert authentication.identity("admin", token, "192.0.2.1").token_id == 1
    clock.now += timedelta(hours=12)
    assert authentication.identity("admin", token, "192.0.2.1") is None


@pytest.mark.parametrize(
    "given",
    [
        ("admin", "wrong"),
        ("nobody", PASSWORD),
        ("api", PASSWORD),
        ("off", PASSWORD),
        ("panel", PASSWORD),
        ("\0", ""),
        ("", ""),
    ],
)
def test_whatever_is_wrong_is_one_refusal_after_one_verification(
    log_in, accounts, tokens, monkeypatch, given
):
    """Of Argon2, which is all that can be measured from outside."""
    accounts.add("api", "MasterAdmin")
    accounts.add("off", "MasterAdmin", PASSWORD, enabled=False)
    accounts.add("panel", "MasterAdmin", PASSWORD, api_access=False)
    verified = []
    verify = type(passwords._HASHER).verify

    def counted(hasher, *arguments):
        verified.append(arguments)
        return verify(hasher, *arguments)

    monkeypatch.setattr(type(passwords._HASHER), "verify", counted)
    with pytest.raises(BadCredentials) as raised:
        log_in(*given, HERE)
    assert str(raised.value).startswith("The username or the password is wrong")
    assert len(verified) == 1
    assert tokens.list() == []


def test_who_guesses_has_to_wait_here_as_at_the_panel(log_in, proofs, clock):
    for _ in range(BAD_PASSWORDS):
        with pytest.raises(BadCredentials):
            log_in("admin", "guessed", HERE)
    with pytest.raises(Throttled):
        log_in("admin", PASSWORD, HERE)
    with pytest.raises(Throttled):
        proofs.by_password("admin", PASSWORD, HERE)
    assert log_in("admin", PASSWORD, Visitor("198.51.100.1"))
    clock.forward(60)
    assert log_in("admin", PASSWORD, HERE)


def test_a_password_that_changes_meanwhile_opens_nothing(
    log_in, proofs, accounts, tokens, monkeypatch
):
    proven = proofs.by_password

    def slowly(*arguments):
        account = proven(*arguments)
        accounts.set_password("admin", "another horse battery")
        return account

    monkeypatch.setattr(proofs, "by_password", slowly)
    with pytest.raises(BadCredentials):
        log_in("admin", PASSWORD, HERE)
    assert tokens.list() == []


def test_both_outcomes_stand_in_the_audit_log(log_in, audit_log):
    log_in("admin", PASSWORD, HERE)
    with pytest.raises(BadCredentials):
        log_in("admin", "guessed", HERE)
    refused, made, _ = audit_log.page()[0]
    assert (refused["action"], refused["detail"]) == ("session.refused", {"account": "admin"})
    assert (made["action"], made["author"]) == ("token.create", "admin")
    assert refused["address"] == made["address"] == "192.0.2.1"
