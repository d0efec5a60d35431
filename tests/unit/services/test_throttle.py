"""Counting bad credentials."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from mailpanel.errors import Throttled
from mailpanel.models import FailedAttempt
from mailpanel.services import passwords, proofs
from mailpanel.services.proofs import BAD_PASSWORDS, Proofs, Visitor
from mailpanel.services.throttle import Throttle

MANY = 40


@pytest.fixture
def throttle(database, clock):
    return Throttle(database, clock, limit=3, window=60, refusal="Wait.")


def count(throttle, *addresses):
    for address in addresses:
        throttle.count(address)


def retry_after(throttle, address):
    """Return how long *address* has to wait, or ``None``."""
    try:
        throttle.check(address)
    except Throttled as error:
        return error.retry_after
    return None


def at_once(work):
    """Return what MANY threads that begin together are answered, ``Throttled`` among it."""
    barrier = threading.Barrier(MANY)

    def one(_number):
        barrier.wait()
        try:
            return work()
        except Throttled:
            return Throttled

    with ThreadPoolExecutor(MANY) as executor:
        return list(executor.map(one, range(MANY)))


def counts(database):
    with database.reading() as session:
        return dict(session.execute(select(FailedAttempt.who, FailedAttempt.count)).all())


def test_over_the_limit_has_to_wait_for_the_window_to_end(throttle, clock):
    clock.forward(20)
    count(throttle, "192.0.2.1", "192.0.2.1")
    assert retry_after(throttle, "192.0.2.1") is None
    count(throttle, "192.0.2.1")
    assert retry_after(throttle, "192.0.2.1") == 40
    clock.forward(39.5)
    assert retry_after(throttle, "192.0.2.1") == 1
    clock.forward(0.5)
    assert retry_after(throttle, "192.0.2.1") is None


def test_who_has_to_wait_is_counted_no_further(throttle, database):
    """And costs no write."""
    count(throttle, *["192.0.2.1"] * 3)
    with pytest.raises(Throttled, match=r"Wait\."):
        throttle.count("192.0.2.1")
    assert counts(database) == {"192.0.2.1": 3}


def test_it_tells_how_many_are_left(throttle):
    assert [throttle.count("192.0.2.1").left for _ in range(3)] == [2, 1, 0]


def test_other_addresses_are_not_concerned(throttle):
    count(throttle, *["192.0.2.1"] * 3)
    assert retry_after(throttle, "192.0.2.2") is None


@pytest.mark.parametrize(
    ("used", "asked", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "", True),
    ],
)
def test_ipv6_counts_by_its_64(throttle, used, asked, same):
    count(throttle, used, used, used)
    assert (retry_after(throttle, asked) is not None) == same


def test_past_windows_are_pruned_and_no_others(throttle, database, clock):
    """Whoever counts by the minute leaves those who count by the day alone."""
    Throttle(database, clock, 3, 86_400, purpose="day ").count("192.0.2.1")
    count(throttle, "192.0.2.1", "192.0.2.2")
    clock.forward(60)
    count(throttle, "192.0.2.3")
    assert counts(database) == {"day 192.0.2.1": 1, "192.0.2.3": 1}


class TestGuess:
    def test_a_right_one_is_not_counted(self, throttle, database):
        """However many there are."""
        for _ in range(5):
            assert throttle.guess("192.0.2.1", lambda: True)
        assert counts(database) == {"192.0.2.1": 0}

    def test_a_wrong_one_is(self, throttle):
        assert not any(throttle.guess("192.0.2.1", lambda: False) for _ in range(3))
        with pytest.raises(Throttled):
            throttle.guess("192.0.2.1", lambda: pytest.fail("it was looked at"))

    def test_one_that_nobody_could_look_at_stays_counted(self, throttle, database):
        """What fails half-way is no way to guess on."""
        with pytest.raises(ZeroDivisionError):
            throttle.guess("192.0.2.1", lambda: 1 / 0)
        assert counts(database) == {"192.0.2.1": 1}


class TestManyAtOnce:
    def test_bad_credentials_are_counted_to_the_last(self, database, clock):
        """As many as may be are answered, and not one more."""
        throttle = Throttle(database, clock, limit=10)
        answers = at_once(lambda: throttle.count("192.0.2.1"))
        left = sorted(answer.left for answer in answers if answer is not Throttled)
        assert left == list(range(10))
        assert counts(database) == {"192.0.2.1": 10}

    def test_bad_passwords_are_not_even_looked_at_beyond_the_limit(
        self, database, accounts, clock, monkeypatch
    ):
        """Which is what Argon2 costs too."""
        accounts.add("admin", "MasterAdmin", "correct horse battery")
        looked = []

        def counted(password, stored):
            looked.append(password)
            return passwords.is_right(password, stored)

        monkeypatch.setattr(proofs, "is_right", counted)
        throttle = Throttle(database, clock, limit=BAD_PASSWORDS)
        opening = Proofs(database, throttle, clock)
        here = Visitor("192.0.2.1")
        answers = at_once(lambda: opening.by_password("admin", "guessed", here))
        assert answers.count(None) == len(looked) == BAD_PASSWORDS
        assert answers.count(Throttled) == MANY - BAD_PASSWORDS
        assert counts(database)["192.0.2.1"] == BAD_PASSWORDS
