"""What failed rests, longer each time; what is new, asked for or due goes on; and in its turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailpanel.apply.beliefs import HIGHEST_REVISION
from mailpanel.apply.pace import MOST_FAILURES, Pace
from mailpanel.apply.turns import LARGEST_STEP, LONGEST_PAUSE, Attempts, Turns, out_of_turn
from mailpanel.host.state import Record
from mailpanel.reports import Desired

PAUSE, BOUNDS = 60.0, "as they are"
WANTED = Desired("s", 3, False, {}, None, True)
APPLIED = Record("s", revision=3, highest=3, status="applied", live=3, bounds=BOUNDS)
FAILED = replace(APPLIED, status="failed", live=0)


class Clock:
    """What time it is, as a test has it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("mailpanel.apply.turns.time.monotonic", clock)
    monkeypatch.setattr("mailpanel.apply.turns.time.time", clock)
    return clock


@pytest.fixture
def turns(clock: Clock) -> Turns:
    return Turns(PAUSE, Pace(2.0))


def test_each_failure_rests_twice_as_long_and_never_longer_than_an_hour(clock: Clock) -> None:
    """Failing for years breaks nothing."""
    attempts = Attempts(PAUSE)
    assert not attempts.rests
    rests = [attempts.failed() for _ in range(5000)]
    assert rests[:4] == [60.0, 120.0, 240.0, 480.0]
    assert set(rests[6:]) == {LONGEST_PAUSE}
    assert attempts.failed(30.0) == 30.0
    assert attempts.rests
    clock.now += 30.0
    assert not attempts.rests
    attempts.succeeded()
    assert attempts.failed() == 60.0


@pytest.mark.parametrize(
    ("wanted", "record", "due"),
    [
        (WANTED, APPLIED, False),
        (WANTED, Record("s"), True),
        (replace(WANTED, revision=4), APPLIED, True),
        (replace(WANTED, revision=4), FAILED, True),
        # Root's own options are others now; a reset has none.
        (WANTED, replace(APPLIED, bounds="others"), True),
        (replace(WANTED, reset=True), replace(APPLIED, bounds="others"), False),
        # What waits for its time.
        (WANTED, replace(APPLIED, effective_from=1001.0), False),
        (WANTED, replace(APPLIED, effective_from=1000.0), True),
        # After a restart.
        (WANTED, FAILED, True),
        (WANTED, replace(FAILED, retry=False), False),
        (WANTED, replace(APPLIED, status="applying"), True),
        (WANTED, replace(APPLIED, status="settling"), False),
    ],
)
def test_what_is_due(turns: Turns, wanted: Desired, record: Record, *, due: bool) -> None:
    assert turns.is_due(wanted, record, BOUNDS) is due


def test_a_failure_rests_until_its_time_or_another_revision(turns: Turns, clock: Clock) -> None:
    assert turns.failed(FAILED, soon=False) == 60.0
    assert turns.failed(FAILED, soon=False) == 120.0
    assert not turns.is_due(WANTED, FAILED, BOUNDS)
    newer = replace(FAILED, revision=4)
    assert turns.is_due(replace(WANTED, revision=4), newer, BOUNDS)
    assert turns.failed(newer, soon=False) == 60.0
    clock.now += 60.0
    assert turns.is_due(replace(WANTED, revision=4), newer, BOUNDS)
    turns.made("s")
    assert turns.failed(newer, soon=False) == 60.0


def test_what_costs_little_is_looked_at_within_half_a_pause(turns: Turns) -> None:
    for _ in range(5):
        assert turns.failed(FAILED, soon=True) == 30.0


def test_new_revisions_that_fail_are_paced_and_another_try_of_one_is_not(turns: Turns) -> None:
    for _ in range(2 * MOST_FAILURES):
        turns.failed(FAILED, soon=False)
    assert not turns.must_wait("postfix")
    for number in range(4, 4 + MOST_FAILURES):
        turns.failed(replace(FAILED, revision=number), soon=False)
    assert turns.must_wait("postfix")
    assert turns.waits() == pytest.approx(60.0)


def test_a_wait_is_over_when_its_time_has_come(clock: Clock) -> None:
    pace = Pace(2.0)
    turns = Turns(PAUSE, pace)
    pace.reloaded("postfix")
    assert turns.must_wait("postfix")
    assert not turns.must_wait("dovecot")
    assert turns.waits() == pytest.approx(2.0)
    clock.now += 2.0
    assert [turns.waits(), turns.waits()] == [0.0, None]
    assert not turns.must_wait("postfix")
    assert turns.waits() is None


@pytest.mark.parametrize(
    ("revision", "highest", "words"),
    [
        (3, 3, None),
        (4, 3, None),
        (1, 0, None),
        (2, 3, "already seen revision 3"),
        (0, 0, "already seen revision 0"),
        (-1, 0, "already seen"),
        (3 + LARGEST_STEP, 3, None),
        (4 + LARGEST_STEP, 3, "far above 3"),
        (HIGHEST_REVISION, HIGHEST_REVISION - 1, None),
        (HIGHEST_REVISION + 1, HIGHEST_REVISION, "far above"),
    ],
)
def test_a_revision_that_no_change_led_to_is_refused(
    revision: int, highest: int, words: str | None
) -> None:
    said = out_of_turn(replace(WANTED, revision=revision), Record("s", highest=highest))
    assert (said is None) == (words is None)
    assert (words or "") in (said or "")
