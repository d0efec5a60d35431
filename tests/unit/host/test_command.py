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
    deadline = time.monotonic() + 5
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
    with pytest.raises(HostError, match="within 0 s"):
        command.run(["sh", "-c", script.format(pids=pids)], timeout=0.3)
    assert time.monotonic() - began < 5
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_one_that_left_the_group_with_the_streams_is_not_waited_for(tmp_path: Path) -> None:
    """A daemon that a command started may keep its output open for ever."""
    pids = tmp_path / "pids"
    began = time.monotonic()
    with pytest.raises(HostError):
        command.run(["setsid", "-f", "sh", "-c", f"echo $$ >{pids}; sleep 60"], timeout=0.3)
    assert time.monotonic() - began < 5
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
