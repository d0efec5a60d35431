"""Counting bad credentials."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from mailpanel.models import FailedAttempt
from mailpanel.services.throttle import Throttle


@pytest.fixture
def throttle(database, clock):
    return Throttle(database, clock, limit=3, window=60)


def fail(throttle, *addresses):
    for address in addresses:
        throttle.failed(address)


def test_over_the_limit_has_to_wait_for_the_window_to_end(throttle, clock):
    clock.forward(20)
    fail(throttle, "192.0.2.1", "192.0.2.1")
    assert throttle.retry_after("192.0.2.1") is None
    fail(throttle, "192.0.2.1")
    assert throttle.retry_after("192.0.2.1") == 40
    clock.forward(39.5)
    assert throttle.retry_after("192.0.2.1") == 1
    clock.forward(0.5)
    assert throttle.retry_after("192.0.2.1") is None


def test_other_addresses_are_not_concerned(throttle):
    fail(throttle, *["192.0.2.1"] * 5)
    assert throttle.retry_after("192.0.2.2") is None


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
    fail(throttle, used, used, used)
    assert (throttle.retry_after(asked) is not None) == same


def test_past_windows_are_pruned(throttle, database, clock):
    fail(throttle, "192.0.2.1", "192.0.2.2")
    clock.forward(60)
    fail(throttle, "192.0.2.3")
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(FailedAttempt)) == 1
