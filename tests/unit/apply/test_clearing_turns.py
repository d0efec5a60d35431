"""When a host clears its folders, by what, and what ends it: root's own record alone decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from mailpanel.apply import clearing as clearing_module
from mailpanel.apply.clearing import (
    ANOTHER,
    CHANGED,
    NEVER,
    NOTHING,
    STOPPED,
    TOO_LATE,
    TOO_SOON,
    UNDER_WAY,
    Clearing,
)
from mailpanel.apply.messages import (
    ClearingClaimed,
    ClearingDue,
    ClearingTold,
    ClearingUnderWay,
    Message,
)
from mailpanel.errors import HostError
from mailpanel.host.state import Record, State
from mailpanel.host.testing import FakeHost, FakeSweep
from mailpanel.plan import CountOld
from mailpanel.reports import Desired, Errand, ErrandAnswer
from mailpanel.settings import SETTINGS

NAME = "junk_trash_clearing_interval"
DAYS = {"junk_days": 7, "trash_days": 14}
LIVE = Record(NAME, revision=3, highest=3, status="applied", live=3, value=DAYS)
EARLY, LATE = datetime(2026, 11, 23, 3, 29), datetime(2026, 11, 23, 12, 0)
TOMORROW = datetime(2026, 11, 24, 3, 30)
DAY = "2026-11-23"


class World:
    """A host in memory, and what it has said to its courier."""

    def __init__(self, directory: Path, record: Record | None = LIVE, at: str = "03:30") -> None:
        (directory / "ledger").mkdir(parents=True, exist_ok=True)
        self.host = FakeHost()
        self.state = State(str(directory))
        if record is not None:
            self.state.put(record)
        self.now = LATE
        self.said: list[Message] = []
        self.wanted = Desired(NAME, 3, False, DAYS, None, True)
        self.clearing = Clearing(
            self.host, self.state, SETTINGS[NAME], self.said.append, at=at, now=lambda: self.now
        )

    def turn(self) -> list[Message]:
        """Go on for one turn; return what was said in it."""
        before = len(self.said)
        self.clearing.go_on(self.wanted)
        return self.said[before:]

    def begun(self, run: int = 9) -> FakeSweep:
        """Let the run by the schedule begin, and do its first slice."""
        (due,) = self.turn()
        assert isinstance(due, ClearingDue)
        self.clearing.claimed(ClearingClaimed(due.number, run))
        (begun,) = self.turn()
        assert isinstance(begun, ClearingTold)
        assert (begun.run, begun.ended) == (run, False)
        assert isinstance(self.host.swept, FakeSweep)
        return self.host.swept

    def end(self) -> ClearingTold:
        """Return how the run ended in this turn."""
        (told,) = self.turn()
        assert isinstance(told, ClearingTold)
        assert told.ended
        return told


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def time_passes(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let all waits be over: a call for each time."""

    def passes() -> None:
        for name in ("ASK_AGAIN", "REST", "TELL"):
            monkeypatch.setattr(clearing_module, name, 0.0)

    return passes


def test_a_run_goes_by_what_is_live_to_the_end(world: World) -> None:
    sweep = world.begun()
    assert sweep.previews == (CountOld("Junk", "Junk", 7), CountOld("Trash", "Trash", 14))
    assert world.clearing.is_under_way
    assert world.turn() == []
    told = world.end()
    assert (told.run, told.error, told.says) == (9, None, "3 slices done.")
    assert [(each.folder, each.days, each.messages) for each in told.folders] == [
        ("Junk", 7, 3),
        ("Trash", 14, 3),
    ]
    assert not world.clearing.is_under_way


def test_it_is_asked_for_once_a_day_from_its_time_on(world: World, time_passes: Any) -> None:
    time_passes()
    world.now = EARLY
    assert world.turn() == []
    world.now = LATE
    assert world.turn() == [ClearingDue(1, DAY, 0)]
    world.clearing.claimed(ClearingClaimed(1, 0))
    assert world.turn() == []
    world.now = TOMORROW
    assert world.turn() == [ClearingDue(2, "2026-11-24", 0)]


def test_a_time_shortly_before_midnight_is_not_missed(tmp_path: Path) -> None:
    """A service that looks once a minute may come to it a day later by the calendar."""
    world = World(tmp_path, at="23:59")
    world.now = datetime(2026, 11, 24, 0, 3)
    assert world.turn() == [ClearingDue(1, DAY, 0)]


def test_too_long_after_its_time_it_waits_for_the_next(world: World) -> None:
    world.now = EARLY
    assert world.turn() == []


def test_more_answers_than_anybody_asked_for_are_not_kept(world: World) -> None:
    """Each would be answered in one turn."""
    for number in range(1000):
        world.clearing.claimed(ClearingClaimed(number + 5, 7))
    assert len(world.turn()) < 20


def test_an_answer_that_does_not_come_is_asked_for_again(world: World, time_passes: Any) -> None:
    """As the same question: whichever answer comes first counts, and no other does."""
    assert world.turn() == [ClearingDue(1, DAY, 0)]
    assert world.turn() == []
    time_passes()
    assert world.turn() == [ClearingDue(1, DAY, 0)]
    world.clearing.claimed(ClearingClaimed(1, 9))
    world.clearing.claimed(ClearingClaimed(1, 9))
    while world.clearing.is_under_way:
        world.turn()
    assert [each for each in world.said if isinstance(each, ClearingTold) and each.error] == []


def test_never_is_never(tmp_path: Path) -> None:
    world = World(tmp_path, at=NEVER)
    assert world.turn() == []


@pytest.mark.parametrize(
    "record",
    [
        None,
        replace(LIVE, live=0, value=None, reset=True),
        replace(LIVE, value={"junk_days": None, "trash_days": None}),
    ],
    ids=["never set", "reset", "never"],
)
def test_where_nothing_is_cleared_there_is_no_run(tmp_path: Path, record: Record | None) -> None:
    """And what is set later that day waits for the next day's."""
    world = World(tmp_path, record)
    assert world.turn() == []
    answer = world.clearing.request(Errand(5, "clear", NAME, True, None, None))
    assert answer == ErrandAnswer(5, NOTHING, (), ())
    world.state.put(LIVE)
    assert world.turn() == []
    world.now = TOMORROW
    assert len(world.turn()) == 1


def test_never_for_one_leaves_it_out(world: World) -> None:
    world.state.put(replace(LIVE, value={"junk_days": 7, "trash_days": None}))
    assert world.begun().previews == (CountOld("Junk", "Junk", 7),)


def test_during_a_grace_the_milder_days_count(world: World) -> None:
    """What the database wants is stricter; what is live is not."""
    milder = {"junk_days": 90, "trash_days": None}
    world.state.put(replace(LIVE, value=milder, pending=DAYS, effective_from=9e9))
    assert world.begun().previews == (CountOld("Junk", "Junk", 90),)


@pytest.mark.parametrize("status", ["applying", "settling"])
def test_a_change_under_way_is_waited_for(world: World, status: str) -> None:
    world.state.put(replace(LIVE, status=status))
    assert world.turn() == []
    world.state.put(LIVE)
    assert len(world.turn()) == 1


def test_what_is_wanted_and_not_live_yet_is_waited_for(world: World) -> None:
    world.wanted = replace(world.wanted, revision=4)
    assert world.turn() == []


def test_nothing_goes_by_an_interval_that_is_not_the_wanted_one(world: World) -> None:
    """What is live is the one before it, and may be stricter; a host that shares the store may."""
    world.state.put(replace(LIVE, revision=4, status="failed"))
    world.wanted = replace(world.wanted, revision=4)
    assert world.turn() == []
    world.clearing.request(Errand(5, "clear", NAME, True, None, None))
    world.clearing.claimed(ClearingClaimed(1, 9))
    answer, told = world.turn()
    assert answer == ErrandAnswer(5, None, (), ())
    assert isinstance(told, ClearingTold)
    assert "not what is live" in (told.error or "")
    assert world.host.swept is None


def test_what_the_host_refuses_is_told(world: World) -> None:
    world.host.swept = HostError("Dovecot is not running on this host.")
    world.turn()
    world.clearing.claimed(ClearingClaimed(1, 9))
    assert world.end() == ClearingTold(9, True, "Dovecot is not running on this host.", "", ())
    assert world.turn() == []


@pytest.mark.parametrize(
    "change",
    [
        {"revision": 4, "status": "applying"},
        {"value": {"junk_days": 90, "trash_days": None}},
        {"live": 0},
        {"status": "failed"},
    ],
)
def test_a_change_in_its_midst_ends_it(world: World, change: dict[str, Any]) -> None:
    sweep = world.begun()
    world.state.put(replace(LIVE, **change))
    told = world.end()
    assert (told.error, sweep.is_stopped, sweep.slices) == (CHANGED, True, 1)


@pytest.mark.parametrize("change", [{"revision": 4}, {"reset": True}])
def test_a_change_ends_it_before_it_is_live(world: World, change: dict[str, Any]) -> None:
    """It may be a milder one."""
    sweep = world.begun()
    world.wanted = replace(world.wanted, **change)
    assert world.end().error == CHANGED
    assert sweep.slices == 1


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [(HostError("Dovecot cannot list its users."), "cannot list"), (KeyError("x"), "KeyError")],
)
def test_what_fails_in_its_midst_ends_it(world: World, problem: Exception, sentence: str) -> None:
    sweep = world.begun()
    sweep.problem = problem
    assert sentence in (world.end().error or "")
    assert sweep.is_stopped
    assert world.turn() == []


def test_it_tells_how_far_it_is(world: World, time_passes: Any) -> None:
    world.begun()
    time_passes()
    (told,) = world.turn()
    assert isinstance(told, ClearingTold)
    assert (told.ended, told.error, told.folders[0].messages) == (False, None, 1)


def test_the_end_of_the_process_ends_it(world: World) -> None:
    sweep = world.begun()
    world.clearing.stop()
    told = world.said[-1]
    assert isinstance(told, ClearingTold)
    assert (told.ended, told.error, sweep.is_stopped) == (True, STOPPED, True)


def test_a_new_courier_hears_what_the_last_may_not_have_written(world: World) -> None:
    world.clearing.greet()
    assert world.said == [ClearingUnderWay(0)]
    world.begun()
    world.clearing.greet()
    assert world.said[-1] == ClearingUnderWay(9)
    world.turn()
    ended = world.end()
    world.clearing.greet()
    assert world.said[-2:] == [ended, ClearingUnderWay(0)]


def test_a_run_that_nobody_waits_for_is_told_to_be_over(world: World) -> None:
    world.clearing.claimed(ClearingClaimed(77, 5))
    world.turn()
    assert world.said[0] == ClearingTold(5, True, TOO_LATE, "", ())
    assert world.host.swept is None


def test_what_a_run_told_is_not_told_of_another_of_its_number(world: World) -> None:
    """As there is one where the database was made anew."""
    world.begun()
    world.turn()
    world.end()
    world.now = TOMORROW
    clearing_module.ASK_AGAIN, before = 0.0, clearing_module.ASK_AGAIN
    try:
        world.begun()
    finally:
        clearing_module.ASK_AGAIN = before
    world.clearing.greet()
    assert world.said[-1] == ClearingUnderWay(9)
    assert not isinstance(world.said[-2], ClearingTold) or not world.said[-2].ended


class TestOnRequest:
    ERRAND = Errand(5, "clear", NAME, True, {"junk_days": 1, "trash_days": 1}, None)

    def test_it_begins_once_it_is_claimed(self, tmp_path: Path) -> None:
        """By what is live, whatever days stand in the errand; also without a schedule."""
        world = World(tmp_path, at=NEVER)
        assert world.clearing.request(self.ERRAND) is None
        assert world.said == [ClearingDue(1, None, 5)]
        world.clearing.claimed(ClearingClaimed(1, 9))
        answer, begun = world.turn()
        assert answer == ErrandAnswer(5, None, (), ())
        assert isinstance(begun, ClearingTold)
        assert [each.days for each in begun.folders] == [7, 14]
        assert isinstance(world.host.swept, FakeSweep)
        assert [each.days for each in world.host.swept.previews] == [7, 14]

    def test_one_of_the_hosts_that_share_a_store_does_it(self, tmp_path: Path) -> None:
        world = World(tmp_path, at=NEVER)
        world.clearing.request(self.ERRAND)
        world.clearing.claimed(ClearingClaimed(1, 0))
        assert world.turn() == [ErrandAnswer(5, ANOTHER, (), ())]
        assert world.host.swept is None

    def test_not_while_one_is_under_way_and_not_right_behind_it(self, world: World) -> None:
        world.begun()
        refused = world.clearing.request(self.ERRAND)
        assert refused == ErrandAnswer(5, UNDER_WAY, (), ())
        while world.clearing.is_under_way:
            world.turn()
        refused = world.clearing.request(self.ERRAND)
        assert refused == ErrandAnswer(5, TOO_SOON, (), ())

    def test_it_rests_from_the_end_of_the_last_on(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However long that took: somebody could ask for ever."""
        now = 1000.0
        monkeypatch.setattr(clearing_module.time, "monotonic", lambda: now)
        world.begun()
        now += 3600
        while world.clearing.is_under_way:
            world.turn()
        refused = world.clearing.request(self.ERRAND)
        assert refused == ErrandAnswer(5, TOO_SOON, (), ())
        now += clearing_module.REST
        assert world.clearing.request(self.ERRAND) is None

    def test_it_takes_nothing_from_the_days_own(self, world: World, time_passes: Any) -> None:
        world.clearing.request(self.ERRAND)
        world.clearing.claimed(ClearingClaimed(1, 9))
        while world.clearing.is_under_way:
            world.turn()
        time_passes()
        assert world.turn() == [ClearingDue(2, DAY, 0)]


MILDER = replace(LIVE, revision=4, value={"junk_days": 90, "trash_days": 90}, live=4)
NUMBERS = st.integers(0, 4)
KINDS = ["claimed", "request", "turn", "turn", "greet", "change", "restore", "stop"]


def _move(world: World, kind: str, number: int, run: int) -> None:
    if kind == "claimed":
        world.clearing.claimed(ClearingClaimed(number, run))
    elif kind == "request":
        world.clearing.request(Errand(number, "clear", NAME, True, None, None))
    elif kind in ("change", "restore"):
        record = MILDER if kind == "change" else LIVE
        world.state.put(record)
        world.wanted = replace(world.wanted, revision=record.revision)
    elif kind == "turn":
        world.turn()
    else:
        getattr(world.clearing, kind)()


@given(moves=st.lists(st.tuples(st.sampled_from(KINDS), NUMBERS, NUMBERS), max_size=20))
@tried(deadline=None, max_examples=50)
def test_whatever_comes_in_whatever_order_a_run_goes_by_the_days_that_are_live(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, int, int]]
) -> None:
    """From its first slice to its last; and each ends."""
    world = World(tmp_path_factory.mktemp("world"))
    for kind, number, run in moves:
        before = world.host.swept
        slices = before.slices if isinstance(before, FakeSweep) else 0
        _move(world, kind, number, run)
        now = world.host.swept
        if isinstance(now, FakeSweep) and (now is not before or now.slices > slices):
            days = world.state.get(NAME).value or {}
            assert [each.days for each in now.previews] == list(days.values())
    for _ in range(5):
        world.turn()
    assert not world.clearing.is_under_way
    if isinstance(world.host.swept, FakeSweep):
        assert world.host.swept.is_stopped or world.host.swept.slices == 3
