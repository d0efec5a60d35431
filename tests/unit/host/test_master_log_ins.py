"""Each log-in with the master password is told once, wherever the log was turned meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailpanel.deployment import load
from mailpanel.host import master_log_ins
from mailpanel.host.master_log_ins import MasterLogIns

V2_3 = (
    "imap-login: Info: Login: user=<{}>, method=PLAIN, rip=192.0.2.7, lip=127.0.0.1, mpid=19971, "
    "secured, session=<i+iM5uFgmqJ/AAAB>, auth_user=<{}>"
)
V2_4 = (
    "imap-login: Info: Logged in: user=<{}>, method=PLAIN, rip=2001:db8::7, lip=::1, mpid=1, "
    "secured, session=<b3EJ6eFggpZ/AAAB>, auth_user=<{}>"
)
ISO = "2026-11-22T18:46:52.123456+00:00 mx1 dovecot: "


class Log:
    """Dovecot's log, as a test writes and turns it, and who is seen in it."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = directory / "dovecot.log"
        (directory / "ledger").mkdir()
        self._options = replace(load({}, {}), state_directory=str(directory))
        parameters = {"info_log_path": "", "log_path": str(self.path)}
        found = SimpleNamespace(parameters=parameters)
        monkeypatch.setattr(master_log_ins.Dovecot, "configuration", lambda _: found)

    def write(self, *lines: str, end: str = "\n") -> None:
        with self.path.open("a") as stream:
            stream.write("\n".join(f"{ISO}{line}" for line in lines) + end)

    def log_in(self, *mailboxes: str) -> None:
        self.write(*(V2_3.format(each, "master") for each in mailboxes))

    def turn(self) -> None:
        self.path.rename(f"{self.path}.1")

    def seen(self, *, note: bool = True) -> list[str]:
        """Return which mailboxes a process that has just started sees as opened newly."""
        watching = MasterLogIns(self._options)
        found = watching.new()
        if note:
            watching.noted()
        return [each.mailbox for each in found]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    return Log(tmp_path, monkeypatch)


@pytest.mark.parametrize(("said", "address"), [(V2_3, "192.0.2.7"), (V2_4, "2001:db8::7")])
def test_a_log_in_has_mailbox_address_protocol_and_time(
    log: Log, monkeypatch, *, said: str, address: str
) -> None:
    log.write(said.format("a@example.org", "master"), said.format("b", "b"), "imap: Info: hello")
    (found,) = MasterLogIns(log._options).new()
    assert (found.mailbox, found.address, found.protocol) == ("a@example.org", address, "imap")
    assert datetime.fromtimestamp(found.at, UTC) == datetime(
        2026, 11, 22, 18, 46, 52, 123456, tzinfo=UTC
    )


def test_each_is_told_once(log: Log) -> None:
    log.log_in("a", "b")
    assert log.seen() == ["a", "b"]
    assert log.seen() == []
    log.log_in("a")
    assert log.seen() == ["a"]


def test_what_nobody_kept_is_told_again_as_the_same(log: Log) -> None:
    log.log_in("a", "b")
    first = MasterLogIns(log._options).new()
    assert log.seen(note=False) == ["a", "b"]
    assert MasterLogIns(log._options).new() == first
    assert len({each.line for each in first}) == 2


def test_a_line_that_is_not_finished_waits(log: Log) -> None:
    log.write(V2_3.format("a", "master")[:40], end="")
    assert log.seen() == []
    with log.path.open("a") as stream:
        stream.write(V2_3.format("a", "master")[40:] + "\n")
    assert log.seen() == ["a"]


def test_a_log_that_was_turned_is_read_to_its_end(log: Log) -> None:
    log.log_in("a")
    log.seen()
    log.log_in("b")
    log.turn()
    log.log_in("c")
    assert log.seen() == ["b", "c"]
    assert log.seen() == []


def test_a_log_that_was_emptied_is_read_from_its_start(log: Log) -> None:
    log.log_in("a", "b")
    log.seen()
    log.path.write_text("")
    log.log_in("c")
    assert log.seen() == ["c"]


def test_what_is_gone_is_no_error(log: Log) -> None:
    assert log.seen() == []
    log.log_in("a")
    assert log.seen() == ["a"]
    log.path.unlink()
    assert log.seen() == []


def test_a_flood_is_read_bit_by_bit(log: Log, monkeypatch) -> None:
    """Bounded in bytes and in number, and nothing of it is lost, in the turned log neither."""
    names = [f"m{number}" for number in range(20)]
    log.log_in("first")
    log.seen()
    log.log_in(*names)
    log.turn()
    log.log_in("last")
    monkeypatch.setattr(master_log_ins, "MOST", 3)
    monkeypatch.setattr(master_log_ins, "LONGEST", 1000)
    monkeypatch.setattr(master_log_ins, "CHUNK", 1000)
    seen: list[str] = []
    while more := log.seen():
        assert len(more) <= 3
        seen += more
    assert seen == [*names, "last"]


def test_a_log_in_behind_a_flood_is_seen_at_once(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the password could else fill the log until it is turned twice."""
    log.write(*["imap-login: Info: Disconnected: Connection closed (auth failed)"] * 50_000)
    log.log_in("a")
    monkeypatch.setattr(master_log_ins, "CHUNK", 100_000)
    assert log.seen() == ["a"]


def test_a_damaged_note_begins_anew(log: Log, tmp_path: Path) -> None:
    log.log_in("a")
    log.seen()
    (tmp_path / "ledger" / "log-ins.json").write_text("[}")
    assert log.seen() == ["a"]


def test_names_are_printable(log: Log) -> None:
    log.log_in("a\x1b[2J")
    assert log.seen() == ["a\N{REPLACEMENT CHARACTER}[2J"]


def test_what_syslog_writes_to_several_logs_is_one_log_in(
    log: Log, tmp_path: Path, monkeypatch
) -> None:
    """Debian's mail.log and syslog both have it."""
    paths = [tmp_path / name for name in ("mail.log.1", "mail.log", "syslog.1", "syslog")]
    monkeypatch.setattr(master_log_ins, "logs", lambda _: iter(paths))
    for path in paths[1::2]:
        log.path = path
        log.log_in("a", "b")
    assert log.seen() == ["a", "b"]
    assert log.seen() == []
