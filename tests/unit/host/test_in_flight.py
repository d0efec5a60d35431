"""A reset waits for each message that was on its way, and for none of them twice."""

from __future__ import annotations

import pytest

from mailpanel.host.in_flight import InFlight


@pytest.fixture
def in_flight() -> InFlight:
    return InFlight(2.0)


def test_with_nothing_on_its_way_a_second_look_decides(in_flight: InFlight) -> None:
    """Of a queue manager that starts anew the first one may see nothing."""
    assert not in_flight.has_gone((), 10.0)
    assert not in_flight.has_gone((), 11.0)
    assert in_flight.has_gone((), 12.0)


def test_a_message_that_was_missed_while_it_moved_is_waited_for(in_flight: InFlight) -> None:
    assert not in_flight.has_gone({"A"}, 10.0)
    assert not in_flight.has_gone((), 20.0)
    assert not in_flight.has_gone({"A"}, 21.0)
    assert not in_flight.has_gone((), 30.0)
    assert not in_flight.has_gone((), 31.0)
    assert in_flight.has_gone((), 32.0)


def test_mail_that_came_later_is_not_waited_for(in_flight: InFlight) -> None:
    assert not in_flight.has_gone({"A"}, 10.0)
    assert not in_flight.has_gone({"B"}, 12.0)
    assert in_flight.has_gone({"B"}, 14.0)


def test_mail_that_is_deferred_and_comes_back_is_not_waited_for(in_flight: InFlight) -> None:
    """Where no relay answers some of it is always on its way, for days."""
    looks = [{"A", "B"}, {"B"}, {"B"}, {"A"}, {"A"}, {"A", "B"}]
    gone = [in_flight.has_gone(each, 10.0 + 3 * number) for number, each in enumerate(looks)]
    assert gone == [False, False, False, False, True, True]


def test_after_another_change_it_begins_anew(in_flight: InFlight) -> None:
    in_flight.has_gone((), 10.0)
    assert in_flight.has_gone((), 12.0)
    in_flight.begin()
    assert not in_flight.has_gone({"A"}, 13.0)
