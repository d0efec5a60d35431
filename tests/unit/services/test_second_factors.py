"""mailpanel.services.second_factors and codes: what counts, once, and for how long."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
from sqlalchemy import update

from mailpanel.errors import BadCredentials, Conflict, InvalidFields, NotFound
from mailpanel.models import SecondFactor
from mailpanel.services.codes import Codes
from mailpanel.services.half_way import LONGEST_HALF_WAY, Tickets
from mailpanel.services.proofs import Proofs, Visitor
from mailpanel.services.second_factors import LONGEST_ENROLMENT, SecondFactors
from mailpanel.services.sessions import Sessions
from mailpanel.services.throttle import Throttle
from mailpanel.vault import Vault, make_web_key

PASSWORD = "correct horse battery"
HERE = Visitor("192.0.2.1")
MANY = 20


@pytest.fixture
def vault(tmp_path):
    make_web_key(tmp_path / "web.key", None)
    return Vault(tmp_path / "web.key")


@pytest.fixture
def factors(database, vault, accounts, clock):
    accounts.add("admin", "MasterAdmin", PASSWORD)
    accounts.add("other", "MasterAdmin", PASSWORD)
    return SecondFactors(database, vault, clock)


@pytest.fixture
def proofs(database, clock):
    return Proofs(database, Throttle(database, clock, purpose="log-in "), clock)


@pytest.fixture
def codes(database, vault, proofs, clock):
    return Codes(database, vault, proofs, Throttle(database, clock, purpose="code "), clock)


def enrol(factors, clock, author, name="admin"):
    """Return the secret and the recovery codes of *name*, whose app has shown its first code."""
    enrolment = factors.begin(name, "mailpanel")
    code = pyotp.TOTP(enrolment.secret).at(clock())
    recovery = factors.confirm(name, enrolment.box, code, author, 1)
    clock.forward(60)
    return enrolment.secret, recovery


@pytest.fixture
def enrolled(factors, clock, author):
    return enrol(factors, clock, author)


def at_once(work):
    """Return what MANY threads that begin together are answered."""
    barrier = threading.Barrier(MANY)

    def one(_number):
        barrier.wait()
        return work()

    with ThreadPoolExecutor(MANY) as executor:
        return list(executor.map(one, range(MANY)))


def test_an_app_reads_who_and_where(factors):
    """With the names as they are, and nothing of it in a repr."""
    enrolment = factors.begin("admin", "mailpanel mail.example.org")
    parsed = pyotp.parse_uri(enrolment.uri)
    assert (parsed.name, parsed.issuer) == ("admin", "mailpanel mail.example.org")
    assert parsed.secret == enrolment.secret
    assert len(enrolment.secret) == 32
    assert enrolment.secret not in repr(enrolment) + enrolment.box


def test_an_enrolment_is_over_after_an_hour(factors, clock, author):
    """With nothing stored meanwhile."""
    enrolment = factors.begin("admin", "mailpanel")
    assert factors.begin("admin", "mailpanel", enrolment.box).secret == enrolment.secret
    clock.forward(LONGEST_ENROLMENT.total_seconds() + 1)
    code = pyotp.TOTP(enrolment.secret).at(clock())
    with pytest.raises(InvalidFields):
        factors.confirm("admin", enrolment.box, code, author, 1)
    assert factors.get("admin") is None


def test_the_code_that_confirmed_it_opens_nothing(factors, codes, proofs, clock, author):
    """It was used."""
    enrolment = factors.begin("admin", "mailpanel")
    code = pyotp.TOTP(enrolment.secret).at(clock())
    factors.confirm("admin", enrolment.box, code, author, 1)
    assert not codes.accepts(proofs.account("admin"), code, HERE)


def test_a_password_alone_opens_no_session_once_there_is_one(
    factors, codes, proofs, database, vault, clock, author, monkeypatch
):
    """Not even where the log-in began before, and the other log-ins have just been ended."""
    sessions = Sessions(database, proofs, codes, Tickets(vault, proofs, clock), clock)
    asked = Codes.is_needed

    def and_then_enrolled(self, account):
        answer = asked(self, account)
        enrol(factors, clock, author)
        return answer

    monkeypatch.setattr(Codes, "is_needed", and_then_enrolled)
    assert sessions.log_in("admin", PASSWORD, HERE) is None
    assert sessions.list("admin") == []


def test_who_has_one_sets_up_no_other(factors, clock, author):
    enrolment = factors.begin("admin", "mailpanel")
    enrol(factors, clock, author)
    with pytest.raises(Conflict):
        factors.begin("admin", "mailpanel")
    code = pyotp.TOTP(enrolment.secret).at(clock())
    with pytest.raises(Conflict):
        factors.confirm("admin", enrolment.box, code, author, 1)


def test_of_many_who_send_the_same_code_one_gets_in(factors, codes, proofs, clock, author):
    """Whoever looked over a shoulder is as quick as the owner."""
    secret, recovery = enrol(factors, clock, author)
    account = proofs.account("admin")
    for code in (pyotp.TOTP(secret).at(clock()), recovery[0]):
        assert at_once(lambda code=code: codes.accepts(account, code, HERE)).count(True) == 1
    assert factors.get("admin")["recovery_codes"] == 9


def test_a_code_is_of_its_own_account(factors, codes, proofs, clock, author):
    """So is the row that it is verified with: copied to another one, it opens nothing."""
    secret, recovery = enrol(factors, clock, author)
    enrol(factors, clock, author, "other")
    other = proofs.account("other")
    assert not codes.accepts(other, recovery[0], HERE)
    with factors._database.writing() as session:
        box = session.get(SecondFactor, proofs.account("admin").id).box
        session.execute(update(SecondFactor).values(box=box))
    assert not codes.accepts(other, pyotp.TOTP(secret).at(clock()), HERE)
    assert codes.accepts(proofs.account("admin"), pyotp.TOTP(secret).at(clock()), HERE)


@pytest.mark.parametrize(
    "code", ["", "\0", "\ud800", "\uff11\uff12\uff13\uff14\uff15\uff16", "x" * 10_000, "123456" * 9]
)
def test_whatever_is_typed_is_answered(enrolled, codes, proofs, code):
    assert not codes.accepts(proofs.account("admin"), code, HERE)


def test_recovery_codes_are_read_as_they_are_typed(factors, codes, proofs, clock, author):
    """In whatever case, with blanks or hyphens, and digits for the letters they look like."""
    _, recovery = enrol(factors, clock, author)
    account = proofs.account("admin")
    assert all(len(code.replace("-", "")) == 24 for code in recovery)
    assert codes.accepts(account, recovery[0].lower().replace("-", " "), HERE)
    swapped = str.maketrans("OIB", "018")
    assert codes.accepts(account, recovery[1].translate(swapped), HERE)


def test_what_is_not_there_cannot_be_removed(factors, author):
    for work in (factors.remove, factors.renew_codes):
        for name in ("admin", "nobody", "\0"):
            with pytest.raises(NotFound):
                work(name, author)
    assert factors.get("\0") is None


def test_half_way_is_over_after_five_minutes(factors, vault, proofs, accounts, clock):
    """And as soon as the account is disabled."""
    tickets = Tickets(vault, proofs, clock)
    account = proofs.account("admin")
    ticket = tickets.make(account).ticket
    clock.forward(LONGEST_HALF_WAY.total_seconds() - 1)
    assert tickets.account(ticket).username == "admin"
    accounts.set_enabled("admin", False)
    with pytest.raises(BadCredentials):
        tickets.account(ticket)
    accounts.set_enabled("admin", True)
    assert tickets.account(ticket).username == "admin"
    clock.forward(1)
    with pytest.raises(BadCredentials):
        tickets.account(ticket)
