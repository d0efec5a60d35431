"""Who used the master password is told as long as it can be, and nothing else waits for that."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailpanel.apply.log_ins import SETTING, LogInWatch
from mailpanel.apply.messages import LogInsKept, LogInsSeen
from mailpanel.errors import CheckFailed
from mailpanel.host.state import Record, State
from mailpanel.reports import MasterLogIn

SEEN = MasterLogIn("alice@example.net", "192.0.2.7", "imap", 1_000_000.0, "one")


class Log:
    """Dovecot's log, as a test has it."""

    def __init__(self) -> None:
        self.seen: list[MasterLogIn] = []
        self.unreadable: Exception | None = None
        self.full = False
        self.noted_times = 0

    def new(self) -> list[MasterLogIn]:
        if self.unreadable:
            raise self.unreadable
        return list(self.seen)

    def noted(self) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.noted_times += 1
        self.seen.clear()


class Scene:
    def __init__(self, directory: Path) -> None:
        (directory / "ledger").mkdir()
        state = State(str(directory))
        state.put(Record(SETTING, revision=1, live=1, status="applied"))
        self.log = Log()
        self.sent: list[LogInsSeen] = []
        self.watch = LogInWatch(self.log, state, self.sent.append, lambda *_, **__: None)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_each_is_told_until_it_is_kept(scene: Scene) -> None:
    scene.log.seen.append(SEEN)
    scene.watch.look()
    scene.watch.look()
    assert [each.log_ins for each in scene.sent] == [(SEEN,), (SEEN,)]
    assert scene.log.noted_times == 0
    scene.watch.kept(LogInsKept(scene.sent[-1].number))
    assert scene.log.noted_times == 1


@pytest.mark.parametrize(
    "error", [CheckFailed("Dovecot cannot read its configuration."), OSError(5, "I/O error")]
)
def test_a_log_that_cannot_be_read_is_told_once_and_ends_nothing(
    scene: Scene, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    scene.log.unreadable = error
    for _ in range(3):
        scene.watch.look()
    assert len(caplog.records) == 1
    scene.log.unreadable = None
    scene.log.seen.append(SEEN)
    scene.watch.look()
    assert len(scene.sent) == 1


def test_a_full_disk_ends_nothing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Nor where the courier says that they are kept: they are told once more then."""
    scene.log.full = True
    scene.watch.look()
    scene.log.seen.append(SEEN)
    scene.watch.look()
    scene.watch.kept(LogInsKept(scene.sent[-1].number))
    scene.watch.look()
    assert len(scene.sent) == 2
    assert "No space left on device" in caplog.text
