"""A log is read on from where the last look ended, whatever is done to it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from mailpanel.errors import HostError
from mailpanel.host import followed_log
from mailpanel.host.command import Finished
from mailpanel.host.followed_log import FollowedFile, FollowedJournal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "maillog"
    file.write_text("old\n")
    return file


@pytest.fixture
def followed(path: Path) -> Iterator[Callable[[], FollowedFile]]:
    """Follow the log from now on, until the test is over."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(FollowedFile(path)))


def append(path: Path, text: str) -> None:
    with path.open("a") as stream:
        stream.write(text)


def test_only_what_is_new_is_read_and_only_once(
    path: Path, followed: Callable[[], FollowedFile]
) -> None:
    log = followed()
    assert log.new_lines() == []
    append(path, "a\nb\n")
    assert log.new_lines() == ["a", "b"]
    assert log.new_lines() == []


def test_a_line_is_read_when_it_is_whole(path: Path, followed: Callable[[], FollowedFile]) -> None:
    log = followed()
    append(path, "a\nhal")
    assert log.new_lines() == ["a"]
    append(path, "f\n")
    assert log.new_lines() == ["half"]


def test_a_log_that_is_turned_loses_nothing(
    path: Path, followed: Callable[[], FollowedFile]
) -> None:
    """What came last into the old file is read before the new one."""
    log = followed()
    append(path, "a\n")
    path.rename(path.with_suffix(".1"))
    append(path.with_suffix(".1"), "b\n")
    path.write_text("c\n")
    assert log.new_lines() == ["a", "b", "c"]
    append(path, "d\n")
    assert log.new_lines() == ["d"]


def test_a_log_that_is_emptied_in_its_place_is_read_from_its_start(
    path: Path, followed: Callable[[], FollowedFile]
) -> None:
    log = followed()
    path.write_text("a\n")
    assert log.new_lines() == ["a"]


def test_a_log_that_is_missing_is_read_when_it_is_there(
    path: Path, followed: Callable[[], FollowedFile]
) -> None:
    """Meanwhile it is said that there is none."""
    path.unlink()
    log = followed()
    assert not log.readable
    assert log.new_lines() == []
    path.write_text("a\n")
    assert log.new_lines() == ["a"]
    assert log.readable


def test_of_very_much_the_end_is_read(
    path: Path, followed: Callable[[], FollowedFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed_log, "LONGEST", 10)
    log = followed()
    append(path, "a" * 100 + "\nlast one\n")
    assert log.new_lines()[-1] == "last one"
    # One that has no end is given up, and what follows is read.
    append(path, "b" * 100)
    assert log.new_lines() == []
    append(path, "\nnext\n")
    assert log.new_lines()[-1] == "next"


def test_the_end_of_a_line_that_was_cut_is_no_line(
    path: Path, followed: Callable[[], FollowedFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever fills the log could else choose where it is cut, and have it pass for a daemon's."""
    monkeypatch.setattr(followed_log, "LONGEST", 20)
    log = followed()
    append(path, "message-id=" + "a" * 30 + "forged\nlast one\n")
    assert log.new_lines() == ["last one"]


def test_what_is_no_file_is_no_log() -> None:
    """/dev/stdout would be this process's own."""
    assert not FollowedFile(Path("/dev/null")).readable


def test_what_the_journal_did_not_tell_it_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A journal that is slow for once keeps no line to itself."""
    answers = [HostError("It did not end."), Finished(1, "", ""), Finished(0, "a", "")]
    asked = []

    def run(argv: list[str], **_: object) -> Finished:
        asked.append(next(word for word in argv if word.startswith("--since=")))
        answer = answers.pop(0)
        if isinstance(answer, HostError):
            raise answer
        return answer

    clock = iter([1000.0, 1010.0, 1020.0, 1030.0])
    monkeypatch.setattr(followed_log.time, "time", lambda: next(clock))
    monkeypatch.setattr(followed_log.command, "run", run)
    log = FollowedJournal()
    for _ in range(2):
        with pytest.raises(HostError):
            log.new_lines()
    assert log.new_lines() == ["a"]
    assert asked == ["--since=@1000"] * 3
