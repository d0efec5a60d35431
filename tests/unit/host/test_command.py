"""Commands end: by themselves or, with all they started, by the time limit."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mailpanel.errors import HostError
from mailpanel.host import command


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 30
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not lives(pid)


def test_output_and_code_are_returned() -> None:
    done = command.run(["sh", "-c", "cat; echo no >&2; exit 3"], "in\udcff")
    assert done == command.Finished(3, "in\udcff", "no\n")


def test_nothing_of_the_callers_environment_reaches_it(monkeypatch) -> None:
    """MAIL_CONFIG would point Postfix at another configuration."""
    monkeypatch.setenv("MAIL_CONFIG", "/elsewhere")
    environment = command.run(["env"]).stdout.split("\n")
    assert {line.partition("=")[0] for line in environment} <= {"PATH", "LC_ALL", "LANG", ""}


def test_huge_output_and_input_do_not_block() -> None:
    text = "x" * 5_000_000
    assert command.run(["sh", "-c", "tee /dev/stderr"], text) == command.Finished(0, text, text)


def test_input_that_nobody_reads_is_no_error() -> None:
    assert command.run(["true"], "x" * 1_000_000).code == 0


def test_a_missing_command_is_named() -> None:
    with pytest.raises(HostError, match="no-such-command"):
        command.run(["no-such-command"])


@pytest.mark.parametrize(
    "script",
    [
        "echo $$ $$ >{pids}; exec sleep 60",
        # The command itself ignores the polite signals, and so does its child.
        "trap '' TERM INT; sleep 60 & echo $$ $! >{pids}; wait",
        # It has ended; its child holds the streams.
        "sleep 60 & echo $$ $! >{pids}",
    ],
    ids=["itself", "child", "orphan"],
)
def test_the_time_limit_ends_the_whole_process_group(script: str, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    began = time.monotonic()
    with pytest.raises(HostError, match="within 1 s"):
        command.run(["sh", "-c", script.format(pids=pids)], timeout=1.4)
    assert time.monotonic() - began < 30
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_one_that_left_the_group_with_the_streams_is_not_waited_for(tmp_path: Path) -> None:
    """A daemon that a command started may keep its output open for ever."""
    pids = tmp_path / "pids"
    began = time.monotonic()
    with pytest.raises(HostError):
        command.run(["setsid", "-f", "sh", "-c", f"echo $$ >{pids}; sleep 60"], timeout=1.4)
    assert time.monotonic() - began < 30
    os.kill(int(pids.read_text()), 9)


def test_killing_one_that_has_ended_harms_nobody() -> None:
    running = command.start(["true"])
    assert running.finish().code == 0
    running.kill()


def test_files_are_closed_after_the_time_limit() -> None:
    """A service that runs for months cannot lose some at each failure."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for script in ("sleep 60", "sleep 60 &"):
        with pytest.raises(HostError):
            command.run(["sh", "-c", script], timeout=0.1)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_first_lines_of_millions() -> None:
    """The command is ended there: it would list every mailbox."""
    began = time.monotonic()
    assert command.first_lines(["yes", "mailbox"], 3) == ["mailbox"] * 3
    assert command.first_lines(["sh", "-c", "echo a; echo b; exec sleep 60"], 2) == ["a", "b"]
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("echo a", ["a"]),
        ("", []),
        ("echo a; echo no >&2; exit 75", ["a"]),
        ("printf 'a\\nhalf'", ["a"]),
        ("printf '\\377\\n'", ["\udcff"]),
    ],
)
def test_fewer_lines_are_all_there_are(script: str, lines: list[str]) -> None:
    assert command.first_lines(["sh", "-c", script], 3) == lines


def test_lines_that_do_not_come_are_not_waited_for(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"echo a; sleep 60 & echo $$ $! >{pids}; wait"
    with pytest.raises(HostError, match="did not answer within 1 s"):
        command.first_lines(["sh", "-c", script], 2, timeout=1.4)
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_a_daemon_stays_and_its_command_is_waited_for(tmp_path: Path) -> None:
    """It has no stream of the caller's, which would never be closed."""
    pids = tmp_path / "pids"
    script = f"setsid -f sh -c 'echo $$ >{pids}; exec sleep 60'; "
    script += f"while [ ! -s {pids} ]; do sleep 0.02; done; exit 3"
    assert command.detached(["sh", "-c", script]) == 3
    pid = int(pids.read_text())
    assert lives(pid)
    assert {str(Path(f"/proc/{pid}/fd/{each}").readlink()) for each in (0, 1, 2)} == {"/dev/null"}
    os.kill(pid, 9)


def test_a_start_that_does_not_end_is_ended_with_all_of_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    began = time.monotonic()
    with pytest.raises(HostError, match="sh did not end within 1 s"):
        command.detached(["sh", "-c", f"sleep 60 & echo $$ $! >{pids}; wait"], timeout=1.4)
    assert time.monotonic() - began < 30
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_a_start_that_is_missing_is_named() -> None:
    with pytest.raises(HostError, match="no-such-daemon is not installed"):
        command.detached(["no-such-daemon"])


def test_nothing_of_what_is_supervised_lives_on(tmp_path: Path) -> None:
    """However much there is to end, and how busy the machine is."""
    pids = tmp_path / "pids"
    script = f"for _ in $(seq 200); do sleep 60 & echo $! >>{pids}; done; echo >>{pids}; wait"
    with command.supervised(["sh", "-c", script]):
        deadline = time.monotonic() + 60
        while not pids.exists() or not pids.read_text().endswith("\n\n"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert [pid for pid in pids.read_text().split() if lives(int(pid))] == []


class TestLines:
    """Each line as it comes."""

    def test_all_lines_come_with_the_code(self) -> None:
        script = "cat; echo no >&2; printf 'half a line'; exit 3"
        lines = command.Lines(["sh", "-c", script], "in\udcff\n\n", time.monotonic() + 60)
        assert list(lines) == ["in\udcff", ""]
        assert lines.code == 3

    def test_what_nobody_reads_holds_nothing_up(self) -> None:
        """Neither what it complains of nor what it is given."""
        given = "x" * 79 + "\n"
        lines = command.Lines(
            ["sh", "-c", "head -c 1000000 /dev/zero >&2; echo first; cat"],
            given * 10_000,
            time.monotonic() + 30,
        )
        assert sum(1 for _ in lines) == 10_001
        assert lines.code == 0

    @pytest.mark.parametrize("talks", ["", "while echo; do :; done"])
    def test_at_the_deadline_it_is_ended(self, tmp_path: Path, talks: str) -> None:
        """With all that it started, whether it says something or not."""
        place = tmp_path / "pid"
        script = f"sleep 60 & echo $! > {place}; {talks}\nwait"
        started = time.monotonic()
        lines = command.Lines(["sh", "-c", script], "", started + 2.0)
        assert set(lines) <= {""}
        assert lines.code is None
        assert time.monotonic() - started < 30
        assert gone(int(place.read_text()))

    def test_what_was_not_all_read_in_time_is_not_taken_for_all(self, monkeypatch) -> None:
        """Though the command has ended, and in time."""
        monkeypatch.setattr(command, "CHUNK", 4)
        deadline = time.monotonic() + 1.0
        lines = command.Lines(["printf", r"one\ntwo\n"], "", deadline)
        found = []
        for line in lines:
            found.append(line)
            time.sleep(max(deadline - time.monotonic(), 0.0) + 0.1)
        assert found in ([], ["one"])
        assert lines.code is None

    def test_who_stops_reading_ends_it(self, tmp_path: Path) -> None:
        script = f"echo $$ > {tmp_path}/pid; while echo; do :; done"
        lines = iter(command.Lines(["sh", "-c", script], "", time.monotonic() + 30))
        next(lines)
        lines.close()
        assert gone(int((tmp_path / "pid").read_text()))

    def test_one_that_is_not_installed_is_named(self) -> None:
        with pytest.raises(HostError, match="no-such-command is not installed"):
            list(command.Lines(["no-such-command"], "", time.monotonic() + 1))
