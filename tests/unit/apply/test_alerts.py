"""What root hears of by an alert, and what not."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailpanel.apply.alerts import Alert, due, log_alert
from mailpanel.apply.executor import Executor
from mailpanel.host.state import Record, State
from mailpanel.host.testing import FakeHost
from mailpanel.reports import Desired, Report
from mailpanel.seal import Opener, make_keys
from mailpanel.settings import SETTINGS

HASH = f"{{ARGON2ID}}$argon2id$v=19$m=19456,t=2,p=1${'s' * 22}${'h' * 43}"
ODD = "u\u2028 Click https://evil.test"
SERVER = {"server_hostname": "relay.test", "server_port": 587, "username": ODD}
VALUES: dict[str, dict[str, Any]] = {
    "postfix_relayhost": SERVER,
    "system_mailer": SERVER,
    "imap_master_password": {"hash": HASH},
}
NEVER = Record("x")


def alert(name: str, value: dict[str, Any] | None, before: Record = NEVER) -> Alert | None:
    """Return what is due where *value* of setting *name* takes the place of *before*."""
    live = 0 if value is None else 2
    return due(SETTINGS[name], before, Record(name, 2, live=live, value=value))


@pytest.mark.parametrize("name", VALUES)
def test_what_is_newly_live_is_told_without_text_of_anybodys(name: str) -> None:
    told = alert(name, VALUES[name])
    assert told is not None
    assert (told.setting, told.revision) == (name, 2)
    assert "evil" not in told.sentence
    assert HASH not in told.sentence
    if name != "imap_master_password":
        assert "relay.test, port 587, with an account" in told.sentence


@pytest.mark.parametrize("name", VALUES)
def test_another_value_is_told_and_the_same_one_is_not(name: str) -> None:
    """A new password for the same account is the same."""
    before = Record(name, 1, live=1, value=VALUES[name])
    assert alert(name, VALUES[name], before) is None
    assert alert(name, VALUES[name], replace(before, value={"other": 1})) is not None
    assert alert(name, VALUES[name], replace(before, live=0)) is not None


@pytest.mark.parametrize("name", VALUES)
def test_a_reset_is_none(name: str) -> None:
    """What stood before mailpanel is root's own."""
    assert alert(name, None, Record(name, 1, live=1, value=VALUES[name])) is None


def test_an_interval_is_none() -> None:
    """It waits for the grace, and root's own log has it."""
    assert alert("junk_trash_clearing_interval", {"junk_days": 1, "trash_days": 1}) is None


def test_an_alert_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    log_alert(Alert("postfix_relayhost", 3, "All mail leaves through x."))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "postfix_relayhost revision 3: All mail leaves through x."


class Root:
    """An executor with state on disk, and what root has heard; each alert fails as *failing*."""

    def __init__(self, directory: Path) -> None:
        (directory / "ledger").mkdir()
        make_keys(directory / "seal.key", directory / "seal.pub")
        self.directory = directory
        self.host = FakeHost()
        self.heard: list[Alert] = []
        self.reports: list[Report] = []
        self.failing: BaseException | None = None

    def converge(self, revision: int, value: dict[str, Any]) -> None:
        """Make *value* live by a process that has just started."""
        Executor(
            host=self.host,
            state=State(str(self.directory)),
            opener=Opener(self.directory / "seal.key"),
            settings=SETTINGS,
            report=self.reports.append,
            try_probe=lambda _: (),
            pause=0.0,
            alert=self._hear,
        ).converge(Desired("postfix_relayhost", revision, False, value, None, True))

    def _hear(self, alert: Alert) -> None:
        self.heard.append(alert)
        if self.failing is not None:
            raise self.failing


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


OPEN = {"server_hostname": "relay.test", "server_port": 25}


def test_root_hears_of_each_new_relay_once(root: Root) -> None:
    for revision, value in enumerate((OPEN, OPEN, {**OPEN, "server_port": 26}), 1):
        root.converge(revision, value)
    assert [each.revision for each in root.heard] == [1, 3]
    assert root.reports[-1].status == "applied"


def test_what_fails_is_no_news_and_comes_with_the_attempt_that_succeeds(root: Root) -> None:
    """Nothing of it is live before; and a process that ends half-way does not forget it."""
    root.host.failing = "verify"
    root.converge(1, OPEN)
    assert root.heard == []
    root.host.failing = None
    root.converge(1, OPEN)
    assert [each.revision for each in root.heard] == [1]


def test_what_is_live_stays_so_where_nobody_can_be_told(root: Root) -> None:
    root.failing = RuntimeError("no")
    root.converge(1, OPEN)
    assert root.reports[-1].status == "applied"


def test_a_process_that_is_killed_before_it_is_written_down_tells_again(root: Root) -> None:
    """Rather twice than never."""
    root.failing = KeyboardInterrupt()  # as a signal would, at this very instruction
    with pytest.raises(KeyboardInterrupt):
        root.converge(1, OPEN)
    root.failing = None
    root.converge(1, OPEN)
    assert [each.revision for each in root.heard] == [1, 1]
