"""Who logged in, and which process serves them, is read from what Dovecot alone writes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailpanel.host import master_sessions
from mailpanel.host.daemon import lives
from mailpanel.host.master_sessions import _log_ins, end_sessions

# As Dovecot 2.3.19 and 2.4.1 wrote them into a log file of their own, and by syslog.
PLAIN = "Nov 22 18:46:52 "
TRADITIONAL = "Nov 22 18:46:52 mx1 dovecot: "
WITH_PID = "Nov 22 18:46:52 mx1 dovecot[4711]: "
RFC_3339 = "2026-11-22T18:46:52.123456+00:00 mx1 dovecot: "
V2_3 = (
    "Login: user=<a@example.org>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=19971, "
    "secured, session=<i+iM5uFgmqJ/AAAB>, mpid=19971, auth_user=<master>"
)
V2_4 = (
    "Logged in: user=<a@example.org>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=19971, "
    "secured, session=<b3EJ6eFggpZ/AAAB>, auth_user=<master>"
)
FORGED = "imap-login: Login: user=<b>, mpid=1, auth_user=<master>"


def log_ins(place: Path, *lines: str) -> dict[int, dict[bytes, bytes]]:
    log = place / "log"
    log.write_text("".join(f"{line}\n" for line in lines))
    return _log_ins({"info_log_path": "", "log_path": str(log)}, ())


@pytest.mark.parametrize("said", [V2_3, V2_4], ids=["2.3", "2.4"])
@pytest.mark.parametrize(
    "begin",
    [
        f"{PLAIN}imap-login: Info: ",
        f"{TRADITIONAL}imap-login: ",
        f"{WITH_PID}imap-login: ",
        f"{RFC_3339}imap-login: ",
        "2026/11/22 18:46:52 imap-login: Info: ",
        "imap-login: Info: ",
    ],
)
def test_a_log_in_is_found_with_its_process(tmp_path: Path, begin: str, said: str) -> None:
    assert log_ins(tmp_path, begin + said) == {19971: {b"master": b"a@example.org"}}


@pytest.mark.parametrize(
    "line",
    [
        # As Dovecot 2.3 and 2.4 wrote them of clients that were refused.
        "Nov 22 18:46:52 imap-login: Info: Disconnected: Connection closed (auth failed, 1 "
        f"attempts in 0 secs): user=<x> {FORGED}, method=PLAIN, rip=127.0.0.1",
        "Nov 22 18:46:53 imap-login: Info: Disconnected: Connection closed (auth failed, 1 "
        f"attempts in 1 secs): user=<{FORGED}>, method=PLAIN, auth_user=<{FORGED}>",
        "Nov 22 18:46:52 auth: Info: plain(?,127.0.0.1,<OeSN5uFgnqJ/AAAB>): Username character "
        f"disallowed by auth_username_chars: 0x3e (username: x> {FORGED})",
        "Nov 22 18:46:54 auth(?,127.0.0.1,sasl:plain)<H3q35uFgfM9/AAAB>: Info: plain: Username "
        f"character disallowed by auth_username_chars: 0x3a (username: {FORGED})",
        f"Nov 22 18:46:54 mx1 dovecot: imap-login: Login aborted (auth_failed): user=<{FORGED}>",
        # Of others that write into the same file.
        f"Nov 22 18:46:54 mx1 postfix/cleanup[12]: 4AB: warning: header Subject: {FORGED}",
        f"Nov 22 18:46:54 imap(a@example.org)<19971><i+iM>: Info: copy from {FORGED}",
        # Another service, and no log-in at all.
        "Nov 22 18:46:54 submission-login: Info: Login: user=<b>, mpid=1, auth_user=<master>",
        "Nov 22 18:46:54 pop3-login: Info: Login: user=<b>, mpid=1, auth_user=<master>",
        "Nov 22 18:46:54 imap-login: Info: Login: user=<b>, method=PLAIN",
        "Nov 22 18:46:54 imap-login: Info: Login: user=<b>, mpid=1",
    ],
)
def test_a_client_cannot_write_a_log_in(tmp_path: Path, line: str) -> None:
    """Else a stranger would say whose session is to be ended."""
    assert log_ins(tmp_path, line) == {}


def test_a_process_that_serves_several_has_them_all(tmp_path: Path) -> None:
    """The number of a process comes again too; whoever had it is kept."""
    own = V2_3.replace("auth_user=<master>", "auth_user=<a@example.org>")
    begin = f"{PLAIN}imap-login: Info: "
    assert log_ins(tmp_path, begin + own, begin + V2_3) == {
        19971: {b"a@example.org": b"a@example.org", b"master": b"a@example.org"}
    }


def test_names_are_no_utf_8_perhaps(tmp_path: Path) -> None:
    log = tmp_path / "log"
    line = f"{PLAIN}imap-login: Info: {V2_3}\n".encode().replace(b"a@", b"\xff\xfe@")
    log.write_bytes(b"\x00\xff\n" + line)
    found = _log_ins({"info_log_path": str(log), "log_path": "/nowhere"}, ())
    assert found == {19971: {b"master": b"\xff\xfe@example.org"}}


def test_the_log_before_is_read_too_and_none_is_none(tmp_path: Path) -> None:
    (tmp_path / "log.1").write_text(f"{PLAIN}imap-login: Info: {V2_3}\n")
    assert 19971 in log_ins(tmp_path)
    assert _log_ins({"info_log_path": "", "log_path": str(tmp_path / "none")}, ()) == {}


def test_of_a_huge_log_the_end_counts(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(master_sessions, "LONGEST_LOG", 1000)
    early = f"{PLAIN}imap-login: Info: {V2_3.replace('19971', '5')}"
    late = f"{PLAIN}imap-login: Info: {V2_3}"
    assert set(log_ins(tmp_path, early, *["x" * 99] * 12, late)) == {19971}


@pytest.mark.parametrize("obeys", [True, False])
def test_a_session_has_ended_when_that_is_said(tmp_path: Path, monkeypatch, *, obeys: bool) -> None:
    """Also one that takes its time, and one that does not do as it is told."""
    (tmp_path / "imap").symlink_to("/bin/sh")
    script = "trap 'sleep 0.5; exit' TERM; echo; while :; do sleep 0.1; done"
    if not obeys:
        script = script.replace("sleep 0.5; exit", "")
    argv = [str(tmp_path / "imap"), "-c", script]
    known = {"log_path": str(tmp_path / "none"), "info_log_path": "", "base_dir": str(tmp_path)}
    found = SimpleNamespace(parameters={**known, "imap_hibernate_timeout": "0"})
    dovecot = SimpleNamespace(configuration=lambda: found, master_pid=lambda _: os.getpid())
    # Who logged in stands in no log, so it may have been the master user.
    monkeypatch.setattr(master_sessions, "PATIENCE", 1.0)
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as session:
        assert session.stdout.readline()
        monkeypatch.setattr(
            master_sessions,
            "children",
            lambda *_: frozenset({session.pid} if lives(session.pid, "imap") else ()),
        )
        try:
            end_sessions(dovecot, "master")
            assert not lives(session.pid, "imap")
        finally:
            session.kill()
        assert session.wait() == (0 if obeys else -signal.SIGKILL)
