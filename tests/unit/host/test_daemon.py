"""Which unit a daemon runs in, what it has started, what its log said last."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailpanel.errors import HostError, ReloadFailed, VerifyFailed
from mailpanel.host import command, daemon
from mailpanel.host.daemon import Daemon, children, end_all_in, lives, wait_for
from mailpanel.host.daemon_log import DaemonLog


@pytest.fixture
def on_systemd(monkeypatch, tmp_path: Path) -> Path:
    """A machine whose process 1 is systemd, and on which a process has that cgroup file."""
    cgroup = tmp_path / "cgroup"
    places = {"/run/systemd/system": tmp_path}

    def place(name: str) -> Path:
        return cgroup if name.endswith("/cgroup") else places.get(name, Path(name))

    monkeypatch.setattr(daemon, "Path", place)
    return cgroup


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/postfix@-.service\n", "postfix@-.service"),
        ("0::/system.slice/system-postfix.slice/postfix@-.service\n", "postfix@-.service"),
        ("0::/system.slice/dovecot.service\n", "dovecot.service"),
        ("12:pids:/x\n1:name=systemd:/system.slice/dovecot.service\n", "dovecot.service"),
        # Not in a unit, or of another hierarchy.
        ("0::/\n", None),
        ("0::/user.slice/user-0.slice/session-3.scope\n", None),
        ("5:memory:/system.slice/dovecot.service\n", None),
        ("", None),
    ],
)
def test_its_unit_is_read_from_its_cgroup(on_systemd: Path, cgroup: str, unit: str | None) -> None:
    on_systemd.write_text(cgroup)
    assert Daemon(1).unit == unit


def test_without_systemd_there_are_no_units(on_systemd: Path, monkeypatch) -> None:
    """In a container the cgroup bears the name of the machine's unit around it."""
    on_systemd.write_text("0::/system.slice/docker.service\n")
    elsewhere = on_systemd.parent / "none"
    monkeypatch.setattr(daemon, "Path", lambda name: on_systemd if "cgroup" in name else elsewhere)
    assert Daemon(1).unit is None


def test_one_that_has_gone_has_none() -> None:
    assert Daemon(2**22 + 1).unit is None


def test_started_again_by_its_command(tmp_path: Path) -> None:
    daemon_ = Daemon(os.getpid())
    daemon_.unit = None
    daemon_.start(["touch", str(tmp_path / "started")])
    assert (tmp_path / "started").exists()
    for argv in (["false"], ["no-such-daemon"]):
        with pytest.raises(ReloadFailed, match="does not start again"):
            daemon_.start(argv)


def test_in_a_unit_systemd_starts_it(monkeypatch) -> None:
    """By apply it would get apply's own cgroup and sandbox."""
    started: list[list[str]] = []
    monkeypatch.setattr(command, "detached", lambda argv: started.append(list(argv)) or 0)
    daemon_ = Daemon(os.getpid())
    daemon_.unit = "postfix@-.service"
    daemon_.start(["postfix", "start"])
    assert started == [["systemctl", "restart", "postfix@-.service"]]


def test_under_systemd_one_that_was_started_by_hand_gets_a_unit_of_its_own(
    on_systemd: Path, monkeypatch
) -> None:
    """Not apply's, with which it would end, and whose restrictions it would have."""
    on_systemd.write_text("0::/user.slice/user-0.slice/session-3.scope\n")
    started: list[list[str]] = []
    monkeypatch.setattr(command, "detached", lambda argv: started.append(list(argv)) or 0)
    Daemon(os.getpid()).start(["postfix", "start"])
    (argv,) = started
    assert argv[0] == "systemd-run"
    assert argv[-3:] == ["--", "postfix", "start"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_its_children_are_found_by_their_program(sleeper) -> None:
    assert children(os.getpid(), "sleep", "other") == {sleeper.pid}
    assert children(os.getpid(), "slee") == frozenset()
    assert children(sleeper.pid, "sleep") == frozenset()


def test_whether_a_process_lives(sleeper) -> None:
    assert lives(sleeper.pid, "sleep")
    assert not lives(sleeper.pid, "leep")
    sleeper.kill()
    # Nobody has waited for it: it is a zombie.
    assert wait_for(lambda: not lives(sleeper.pid, "sleep"), 5.0)
    assert Path(f"/proc/{sleeper.pid}").exists()
    assert not lives(2**22 + 1, "sleep")


def test_what_never_comes_true_is_waited_for_no_longer_than_told() -> None:
    assert not wait_for(lambda: False, 0.05)


def test_what_stays_in_a_directory_is_gone_once_it_was_ended(tmp_path: Path, monkeypatch) -> None:
    """Also what one of them had started since it was seen."""
    there = [subprocess.Popen(["sleep", "60"], cwd=tmp_path)]
    kill = os.kill

    def another(pid: int, number: int) -> None:
        if len(there) == 1:
            there.append(subprocess.Popen(["sleep", "60"], cwd=tmp_path))
        kill(pid, number)

    monkeypatch.setattr(daemon.os, "kill", another)
    try:
        end_all_in(tmp_path)
        assert not any(lives(each.pid, "sleep") for each in there)
    finally:
        for each in there:
            each.kill()
            each.wait()


LOG = """\
Nov 22 18:46:52 mx1 postfix/master[1]: reload -- version 3.7.11, configuration /etc/postfix
Nov 22 18:46:52 mx1 postfix/smtp[2]: fatal: /etc/postfix/main.cf, line 6: bad value: "geheim"
Nov 22 18:46:52 mx1 postfix/smtp[2]: warning: this is none
"""


def fail() -> None:
    raise VerifyFailed("It does not live.", temporary=False)


def test_the_last_error_since_then_is_told(tmp_path: Path) -> None:
    """Without what it quotes, and nothing of before."""
    path = tmp_path / "log"
    path.write_text("x: Error: long ago\n")
    log = DaemonLog(path)
    assert log.last_error() is None
    with path.open("a") as stream:
        stream.write(LOG)
    assert log.last_error() == "main.cf, line 6: bad value"
    with pytest.raises(VerifyFailed) as caught:
        log.telling(fail)
    assert str(caught.value) == ("It does not live. Its last word: main.cf, line 6: bad value.")
    assert not caught.value.temporary


@pytest.mark.parametrize(
    "line",
    [
        "Nov 22 21:54:02 mx1 postfix/smtpd[12]: fatal: no file",
        "2026-11-22T21:54:02.123456+00:00 mx1 postfix/smtpd[12]: error: no file",
        "Nov 22 21:54:02 mx1 dovecot: master: Error: no file",
        "Nov 22 21:54:02 mx1 dovecot[9]: imap(a@example.org)<12><i+iM>: Error: no file",
        "Nov 22 21:54:02 mx1 dovecot: imap(a@example.org)<12><i+iM>: Error: no file",
        "Nov 22 21:54:02 auth-worker(12): Error: no file",
        "Nov 22 21:54:02 auth: Fatal: no file",
        "Nov 22 21:54:02 imap(a@example.org)<12><i+iM>: Panic: no file",
    ],
)
def test_an_error_as_postfix_and_dovecot_log_it(tmp_path: Path, line: str) -> None:
    path = tmp_path / "log"
    log = DaemonLog(path)
    path.write_text(f"{line}\n")
    assert log.last_error() == "no file"


@pytest.mark.parametrize(
    "line",
    [
        "Nov 22 21:54:02 mx1 postfix/cleanup[12]: 4AB: message-id=<x> y: fatal: call us",
        "2026-11-22T21:54:02+00:00 mx1 postfix/cleanup[12]: 4AB: message-id=a error: call us",
        "Nov 22 21:54:02 mx1 postfix/smtp[12]: 4AB: host x[192.0.2.1] said: 450 error: call us",
        "Nov 22 21:54:02 auth: Info: plain(?,192.0.2.1): no (username: x> Error: call us",
        "Nov 22 21:54:02 imap-login: Info: Disconnected: user=<x: Error: call us>",
    ],
)
def test_what_others_put_into_a_log_is_no_error(tmp_path: Path, line: str) -> None:
    """A stranger's words would else stand in the panel, behind a change that failed."""
    path = tmp_path / "log"
    log = DaemonLog(path)
    path.write_text(f"{line}\n")
    assert log.last_error() is None


def test_a_log_that_was_turned_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("x" * 1000)
    log = DaemonLog(path)
    path.write_text("auth: Error: no file\n")
    assert log.last_error() == "no file"


@pytest.mark.parametrize("name", [None, "none", "."])
def test_without_a_log_the_error_stands_alone(tmp_path: Path, name: str | None) -> None:
    log = DaemonLog(tmp_path / name if name else None)
    with pytest.raises(VerifyFailed) as caught:
        log.telling(fail)
    assert str(caught.value) == "It does not live."


def test_what_is_not_the_daemons_fault_is_told_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    log = DaemonLog(path)
    path.write_text(LOG)

    def other() -> None:
        raise HostError("Something else.")

    with pytest.raises(HostError) as caught:
        log.telling(other)
    assert str(caught.value) == "Something else."


def test_one_that_a_journal_tells_of_can_be_started_again(on_systemd: Path) -> None:
    on_systemd.write_text("0::/system.slice/dovecot.service\n")
    again = Daemon.noted(Daemon(1).note())
    assert again is not None
    assert (again.pid, again.unit) == (0, "dovecot.service")


def test_after_a_reboot_it_is_not_for_us_to_start_it() -> None:
    note = Daemon(os.getpid()).note()
    assert Daemon.noted({**note, "boot": "another"}) is None
    assert Daemon.noted(None) is None
