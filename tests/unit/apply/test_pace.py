"""A daemon reloads now and then, however many revisions come; a single change waits for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailpanel.apply.executor import Executor
from mailpanel.apply.pace import MOST_FAILURES, WINDOW, Pace
from mailpanel.host.state import State
from mailpanel.host.testing import FakeHost
from mailpanel.reports import Desired, Report
from mailpanel.seal import Opener, make_keys
from mailpanel.settings import SETTINGS

INTERVAL = 2.0


class Stormy:
    """An executor that lets two seconds pass between reloads, and a clock that a test moves."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (directory / "ledger").mkdir()
        make_keys(directory / "seal.key", directory / "seal.pub")
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("time.sleep", self._sleep)
        self.slept: list[float] = []
        self.host = FakeHost()
        self.reports: list[Report] = []
        self.executor = Executor(
            host=self.host,
            state=State(str(directory)),
            opener=Opener(directory / "seal.key"),
            settings=SETTINGS,
            report=self.reports.append,
            try_probe=lambda _: (),
            pause=60.0,
            between=INTERVAL,
        )

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def save(self, number: int, **change: Any) -> str | None:
        """Offer revision *number*; return the status that it got, ``None`` while it waits."""
        value = {"server_hostname": "relay.test", "server_port": number, **change}
        self.reports.clear()
        self.executor.converge(Desired("postfix_relayhost", number, False, value, None, True))
        return self.reports[-1].status if self.reports else None


@pytest.fixture
def stormy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stormy:
    return Stormy(tmp_path, monkeypatch)


def test_the_first_change_waits_for_nothing(stormy: Stormy) -> None:
    assert stormy.save(1) == "applied"
    assert stormy.executor.waits() is None


def test_of_a_storm_the_last_revision_is_applied_once_the_time_is_over(stormy: Stormy) -> None:
    stormy.save(1)
    for number in range(2, 100):
        stormy.now += 0.01
        assert stormy.save(number) is None
    assert stormy.host.reloads == 1
    assert stormy.executor.waits() == pytest.approx(INTERVAL - 0.98)
    stormy.now += stormy.executor.waits() or 0
    assert stormy.save(99) == "applied"
    assert stormy.host.reloads == 2
    assert "[relay.test]:99" in stormy.host.live.main_cf
    assert stormy.executor.waits() is None


def test_what_becomes_due_while_something_else_is_done_is_tried_at_once(stormy: Stormy) -> None:
    """Not at the next periodic check: the loop asks for how long to wait only after its looks."""
    stormy.save(1)
    stormy.now += INTERVAL - 0.01
    assert stormy.save(2) is None
    stormy.now += 0.02
    assert stormy.executor.waits() == 0
    assert stormy.save(2) == "applied"
    assert stormy.executor.waits() is None


def test_another_daemon_does_not_wait(stormy: Stormy) -> None:
    stormy.save(1)
    value = {"junk_days": 7, "trash_days": None}
    stormy.executor.converge(
        Desired("junk_trash_clearing_interval", 1, False, value, None, probe=True)
    )
    assert stormy.reports[-1].status == "applied"


def test_what_reloads_nothing_makes_nobody_wait(stormy: Stormy) -> None:
    stormy.save(1)
    stormy.now += INTERVAL
    assert stormy.save(2, server_port=1) == "applied"
    assert stormy.save(3) == "applied"


def test_a_change_that_is_put_back_has_reloaded_too(stormy: Stormy) -> None:
    stormy.host.failing = "verify"
    assert stormy.save(1) == "failed"
    stormy.host.failing = None
    assert stormy.save(2) is None


def test_whoever_scans_by_saving_waits(stormy: Stormy) -> None:
    """Each failure tells something; a dozen a minute are more than anybody makes by hand."""
    stormy.host.failing = "check"
    for number in range(1, MOST_FAILURES + 1):
        assert stormy.save(number) == "failed"
    assert stormy.save(MOST_FAILURES + 1) is None
    assert stormy.executor.waits() == pytest.approx(WINDOW)
    stormy.now += WINDOW
    assert stormy.save(MOST_FAILURES + 1) == "failed"


def test_edits_are_overwritten_after_the_wait_and_not_in_a_storm(stormy: Stormy) -> None:
    """Somebody waits for that answer."""
    stormy.save(1)
    value = {"server_hostname": "relay.test", "server_port": 1}
    wanted = Desired("postfix_relayhost", 1, False, value, None, probe=True)
    assert stormy.executor.put_back(wanted) is None
    assert stormy.slept == [INTERVAL]
    stormy.host.failing = "check"
    for number in range(2, MOST_FAILURES + 2):
        stormy.save(number)
    assert "Too many changes have failed" in (stormy.executor.put_back(wanted) or "")
    assert stormy.slept == [INTERVAL]


def test_without_an_interval_nothing_waits() -> None:
    pace = Pace(0.0)
    pace.reloaded("postfix")
    assert pace.wait("postfix") == 0
