"""Tokens for passwords."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from mailpanel.errors import BadCredentials, Throttled
from mailpanel.services import passwords
from mailpanel.services.api_log_in import ApiLogIn
from mailpanel.services.codes import Codes
from mailpanel.services.proofs import BAD_PASSWORDS, Proofs, Visitor
from mailpanel.services.second_factors import SecondFactors
from mailpanel.services.throttle import Throttle
from mailpanel.vault import Vault, make_web_key

PASSWORD = "correct horse battery"
HERE = Visitor("192.0.2.1")


@pytest.fixture
def proofs(database, clock):
    throttle = Throttle(database, clock, limit=BAD_PASSWORDS, purpose="log-in ")
    return Proofs(database, throttle, clock)


@pytest.fixture
def vault(tmp_path):
    make_web_key(tmp_path / "web.key", None)
    return Vault(tmp_path / "web.key")


@pytest.fixture
def codes(database, vault, proofs, clock):
    return Codes(database, vault, proofs, Throttle(database, clock, purpose="code "), clock)


@pytest.fixture
def log_in(codes, proofs, tokens, accounts, clock):
    accounts.add("admin", "MasterAdmin", PASSWORD)
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


class TestSecondFactor:
    @pytest.fixture
    def secret(self, database, vault, log_in, clock, author):
        """That of the admin's app."""
        factors = SecondFactors(database, vault, clock)
        enrolment = factors.begin("admin", "mailpanel")
        code = pyotp.TOTP(enrolment.secret).at(clock())
        self.recovery = factors.confirm("admin", enrolment.box, code, author, 1)
        clock.forward(60)
        return enrolment.secret

    def test_the_code_is_needed_and_counts_once(self, log_in, secret, clock):
        """What is missing is told to who knows the password alone."""
        code = pyotp.TOTP(secret).at(clock())
        with pytest.raises(BadCredentials, match="send its present code as otp"):
            log_in("admin", PASSWORD, HERE)
        with pytest.raises(BadCredentials, match="username or the password is wrong"):
            log_in("admin", "guessed", HERE, code)
        assert log_in("admin", PASSWORD, HERE, code)["auth_token"]
        with pytest.raises(BadCredentials, match="used before"):
            log_in("admin", PASSWORD, HERE, code)
        assert log_in("admin", PASSWORD, HERE, self.recovery[0])["auth_token"]
        with pytest.raises(BadCredentials, match="used before"):
            log_in("admin", PASSWORD, HERE, self.recovery[0])

    def test_wrong_codes_are_counted_as_wrong_passwords(self, log_in, secret):
        for _ in range(BAD_PASSWORDS):
            with pytest.raises(BadCredentials):
                log_in("admin", PASSWORD, HERE, "wrong")
        with pytest.raises(Throttled):
            log_in("admin", PASSWORD, HERE)

    def test_a_code_that_nobody_asked_for_is_no_fault(self, log_in):
        """A script may send what it is given."""
        assert log_in("admin", PASSWORD, HERE, "123456")["auth_token"]

    def test_where_it_is_required_a_masteradmin_without_gets_nothing(
        self, accounts, log_in, proofs, codes, tokens
    ):
        """Others do."""
        accounts.add("user", "MailUser", PASSWORD)
        log_in = ApiLogIn(proofs, codes, tokens, require_second_factor=True).log_in
        with pytest.raises(BadCredentials, match="needs a second factor here"):
            log_in("admin", PASSWORD, HERE)
        assert log_in("user", PASSWORD, HERE)["auth_token"]
