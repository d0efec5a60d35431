"""What the daemons tell systemd's journal is read from it, once, and from nobody else's hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_master_password import is_open

from mailpanel.deployment import load
from mailpanel.errors import HostError
from mailpanel.host import dovecot_journal, master_log_ins, master_sessions
from mailpanel.host.dovecot import Dovecot
from mailpanel.host.dovecot_journal import has_journal
from mailpanel.host.followed_log import FollowedJournal
from mailpanel.host.master_log_ins import MasterLogIns
from mailpanel.host.master_sessions import end_sessions

JOURNALD = "/usr/lib/systemd/systemd-journald"
LOGIN = (
    "imap-login: Login: user=<{}>, method=PLAIN, rip=192.0.2.7, lip=127.0.0.1, mpid=19971, "
    "secured, session=<{}>, auth_user=<master>"
)


class Journal:
    """A journal of its own (systemd-journald.service(8)): a namespace."""

    def __init__(self, name: str) -> None:
        self.options = (f"--namespace={name}",)
        self._socket = Path(f"/run/systemd/journal.{name}/dev-log")

    @property
    def is_open(self) -> bool:
        return self._socket.exists()

    def say(self, text: str, *, by: str = "dovecot", user: str = "root") -> None:
        """Have *user* say it there, as a process that calls itself *by*."""
        logger = ["logger", "--socket", self._socket, "--tag", by, "--priority", "mail.info", text]
        subprocess.run(["setpriv", "--reuid", user, "--clear-groups", *logger], check=True)


@pytest.fixture
def journal(wait_until: Callable[..., None]) -> Iterator[Journal]:
    name = f"mailpanel-{os.getpid()}-{time.monotonic_ns()}"
    made = Journal(name)
    daemon = subprocess.Popen([JOURNALD, name], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: made.is_open)
        yield made
    finally:
        daemon.terminate()
        daemon.wait(30)
        for each in ("/run/log/journal", "/var/log/journal"):
            for directory in Path(each).glob(f"*.{name}"):
                shutil.rmtree(directory)
        shutil.rmtree(f"/run/systemd/journal.{name}", ignore_errors=True)


@pytest.fixture
def syslog(tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return what a Dovecot is set to that tells syslog, on a host with the journal."""
    monkeypatch.setattr(dovecot_journal, "SYSTEMD", tmp_path)
    argv = (*dovecot_journal.JOURNALCTL, *journal.options)
    monkeypatch.setattr(dovecot_journal, "JOURNALCTL", argv)
    monkeypatch.setattr(master_sessions, "SYSLOG", (str(tmp_path / "mail.log"),))
    return {"info_log_path": "", "log_path": "syslog"}


@pytest.fixture
def watching(
    tmp_path: Path, syslog: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], MasterLogIns]:
    """Return one that has just started."""
    (tmp_path / "ledger").mkdir(exist_ok=True)
    found = SimpleNamespace(parameters=syslog)
    monkeypatch.setattr(master_log_ins.Dovecot, "configuration", lambda _: found)
    deployment = replace(load({}, {}), state_directory=str(tmp_path))

    def start() -> MasterLogIns:
        return MasterLogIns(deployment)

    return start


def seen(watch: MasterLogIns) -> list[str]:
    return [each.mailbox for each in watch.new()]


def test_a_log_in_with_the_master_password_is_told_once(
    journal: Journal, watching: Callable[[], MasterLogIns], wait_until: Callable[..., None]
) -> None:
    """Also by a process that has started anew; until it is noted it is told again."""
    journal.say("imap-login: Login: user=<nobody@example.net>, rip=192.0.2.7, mpid=7, session=<x>")
    journal.say(LOGIN.format("a@example.net", "one"))
    watch = watching()
    wait_until(lambda: seen(watch) == ["a@example.net"])
    (first,) = watching().new()
    assert (first.address, first.protocol) == ("192.0.2.7", "imap")
    watch.noted()
    assert watching().new() == []
    journal.say(LOGIN.format("b@example.net", "two"))
    watch = watching()
    wait_until(lambda: seen(watch) == ["b@example.net"])


def test_what_syslog_writes_to_a_file_as_well_is_told_once(
    journal: Journal,
    watching: Callable[[], MasterLogIns],
    wait_until: Callable[..., None],
    tmp_path: Path,
) -> None:
    """A file that nothing writes to any more hides nothing, either."""
    texts = [LOGIN.format(f"{each}@example.net", each) for each in "ab"]
    lines = [f"2026-11-22T18:46:52.123456+00:00 mx1 dovecot: {each}\n" for each in texts]
    (tmp_path / "mail.log").write_text(lines[0])
    for each in texts:
        journal.say(each)
    wait_until(lambda: sorted(seen(watching())) == ["a@example.net", "b@example.net"])


def test_only_roots_word_counts(
    journal: Journal, watching: Callable[[], MasterLogIns], wait_until: Callable[..., None]
) -> None:
    journal.say(LOGIN.format("forged@example.net", "one"), user="nobody")
    journal.say(LOGIN.format("other@example.net", "two"), by="another")
    journal.say(LOGIN.format("a@example.net", "three"))
    wait_until(lambda: seen(watching()) == ["a@example.net"])


def test_a_journal_that_cannot_be_read_is_told(
    journal: Journal, watching: Callable[[], MasterLogIns], tmp_path: Path
) -> None:
    (tmp_path / "ledger" / "log-ins.cursor").write_text("no cursor\n")
    with pytest.raises(HostError, match=r"cannot read the journal\. Where .*cursor is damaged"):
        watching().new()


@pytest.mark.parametrize("known", [True, False])
def test_the_sessions_of_the_master_password_end_and_only_they(
    journal, syslog, dovecot, postfix, make_panel, monkeypatch, wait_until, known
) -> None:
    """Where the journal tells who opened them; all end where it cannot be read in time."""
    dovecot.start()
    panel = make_panel(postfix, dovecot)
    dovecot.add_user("anna@example.org", "her own: #1")
    password = panel.set("imap_master_password", {})["value"]
    master = dovecot.imap("anna@example.org*master", password)
    own = dovecot.imap("anna@example.org", "her own: #1")
    wait_until(lambda: dovecot.log().count("imap-login: Info: Login") == 2)
    for line in dovecot.log().splitlines():
        _, name, said = line.partition("imap-login: ")
        journal.say(f"{name}{said}")
    # It is told by a datagram, and written down by a process of its own.
    wait_until(lambda: len(dovecot_journal.lines_since(0.0, b"mpid=")) == 2)
    real = Dovecot.configuration

    def configuration(self: Dovecot) -> Any:
        found = real(self)
        return replace(found, parameters={**found.parameters, **syslog})

    monkeypatch.setattr(Dovecot, "configuration", configuration)
    monkeypatch.setattr(dovecot_journal, "PATIENCE", 60.0 if known else 0.0)
    end_sessions(Dovecot(str(dovecot.config_file)), "master")
    assert not is_open(master)
    assert is_open(own) is known
    for session in (master, own):
        session.shutdown()


def test_without_systemd_no_journal_is_asked() -> None:
    assert not has_journal()


def test_postfix_is_followed_from_now_on(journal: Journal, wait_until: Callable[..., None]) -> None:
    followed = FollowedJournal(journal.options)
    journal.say("A1: to=<friend@example.net>, status=sent (250 ok)", by="postfix/smtp")
    found: list[str] = []
    wait_until(lambda: found.extend(followed.new_lines()) or any("A1: to=" in x for x in found))
