"""The outbox keeps a letter until the server has it, and tells what keeps it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mailpanel.apply import outbox
from mailpanel.apply.messages import Dispatch, Dispatched
from mailpanel.apply.outbox import MOST, Outbox
from mailpanel.errors import HostError
from mailpanel.host.state import Record
from mailpanel.host.testing import FakeHost
from mailpanel.reports import Desired
from mailpanel.seal import Opener, Sealer, make_keys

NAME = "system_mailer"
VALUE = {"server_hostname": "mail.example.net", "server_port": 587, "username": "me@example.net"}
PASSWORD = "xyzzy-plugh: #17"
TO = "root@example.org"
LIVE = Record(NAME, live=1)


class Desk:
    """An outbox in a directory, and all that it handed to the courier."""

    def __init__(self, directory: Path, recipient: str = TO) -> None:
        self.directory, self.recipient = directory, recipient
        (directory / "ledger").mkdir(mode=0o700)
        make_keys(directory / "seal.key", directory / "seal.pub")
        self.sent: list[Dispatch] = []
        self.start()

    def start(self) -> None:
        """Start it anew, with what stands on the disk."""
        opener = Opener(self.directory / "seal.key")
        self.host = FakeHost()
        self.outbox = Outbox(
            str(self.directory),
            self.recipient,
            self.host,
            opener,
            self.sent.append,
            host_name="fake.example.net",
        )

    def account(self, revision: int = 1, **change: object) -> Desired:
        value = VALUE | change
        destination = {name: value.get(name) for name in (*VALUE, "security")}
        sealer = Sealer(self.directory / "seal.pub")
        sealed = sealer.seal(NAME, revision, destination, PASSWORD)
        return Desired(NAME, revision, False, value, sealed, True)

    def answer(self, error: str | None, *, temporary: bool = True, of_letter: bool = False) -> None:
        self.outbox.done(Dispatched(self.sent[-1].number, error, temporary, of_letter))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.outbox.follow(desk.account(), LIVE)
    return desk


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Move the clock ahead, in seconds."""
    ahead = [0.0]
    known = outbox.time.time

    def move(seconds: float) -> None:
        ahead[0] += seconds

    monkeypatch.setattr(outbox.time, "time", lambda: known() + ahead[0])
    return move


def test_a_letter_goes_to_the_courier_with_the_account_that_is_live(desk):
    """Account and letter, and nothing else; once it is taken nothing is left."""
    desk.outbox.put("A subject", "A text.")
    desk.outbox.run()
    (sent,) = desk.sent
    assert (sent.login.hostname, sent.login.username) == ("mail.example.net", "me@example.net")
    assert (sent.login.password, sent.login.verify, sent.login.tls) == (PASSWORD, True, "starttls")
    assert (sent.letter.sender, sent.letter.recipient) == ("me@example.net", TO)
    assert sent.letter.subject == "A subject"
    assert PASSWORD not in repr(sent)
    desk.outbox.run()
    assert len(desk.sent) == 1
    desk.answer(None)
    assert desk.outbox.due_in() is None
    assert desk.outbox.problem is None


def test_what_is_kept_is_roots_alone_and_the_password_in_it_is_sealed(desk):
    desk.outbox.put("A subject", "A text.")
    file = desk.directory / "ledger" / "outbox.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in file.read_text()


def test_one_that_could_not_be_sent_is_tried_later_and_later(desk, later):
    """After a minute, then after two; it says so meanwhile."""
    desk.outbox.put("A subject", "A text.")
    for pause in (60, 120, 240):
        desk.outbox.run()
        desk.answer("Nobody is there.")
        count = len(desk.sent)
        assert "Nobody is there." in str(desk.outbox.problem)
        assert pause - 5 < desk.outbox.due_in() <= pause
        desk.outbox.run()
        assert len(desk.sent) == count
        later(pause)
    desk.outbox.run()
    desk.answer(None)
    assert desk.outbox.problem is None
    assert len({sent.letter.message_id for sent in desk.sent}) == 1


def test_a_clock_that_was_wrong_keeps_no_letter(desk, later):
    """A host without a battery may begin in another year, and be told the right one later."""
    later(10 * 365 * 86_400.0)
    desk.outbox.put("A subject", "A text.")
    desk.outbox.run()
    desk.answer("Nobody is there.")
    later(-10 * 365 * 86_400.0)
    assert desk.outbox.due_in() == 0.0
    desk.outbox.run()
    assert len(desk.sent) == 2


def test_one_that_never_goes_out_is_given_up_after_three_days(desk, later, caplog):
    desk.outbox.put("A subject", "A text.")
    later(outbox.LIFE + 1)
    desk.outbox.run()
    desk.answer("Nobody is there.")
    assert desk.outbox.due_in() is None
    assert "given up: A subject: Nobody is there." in caplog.text


def test_a_refused_password_is_not_sent_again_until_the_account_is_set_anew(desk, later):
    desk.outbox.put("A subject", "A text.")
    desk.outbox.run()
    desk.answer("It refuses the password.", temporary=False)
    assert desk.outbox.due_in() is None
    assert "until the account is set anew. It refuses the password." in str(desk.outbox.problem)
    later(10 * 86_400)
    desk.outbox.run()
    desk.start()
    desk.outbox.run()
    assert len(desk.sent) == 1
    desk.outbox.follow(desk.account(2, username="other@example.net"), Record(NAME, live=2))
    desk.outbox.run()
    assert desk.sent[1].login.username == "other@example.net"


def test_a_restart_loses_none_and_doubles_none(desk):
    """One that was taken is gone, one that was not is sent, with the same Message-ID."""
    desk.outbox.put("The first", "A text.")
    desk.outbox.put("The second", "A text.")
    desk.outbox.run()
    desk.answer(None)
    desk.start()
    desk.outbox.run()
    desk.start()
    desk.outbox.run()
    subjects = [sent.letter.subject for sent in desk.sent]
    assert subjects == ["The first", "The second", "The second"]
    assert desk.sent[1].letter == desk.sent[2].letter


def test_what_the_log_calls_mailed_waits_no_more(desk, monkeypatch):
    """On the disk, too: a process that is killed right then sends it no second time."""
    desk.outbox.put("something", "It has changed.")
    desk.outbox.run()
    left: list[str] = []

    def info(*_: object) -> None:
        left.append((desk.directory / "ledger" / "outbox.json").read_text())

    monkeypatch.setattr(outbox.log, "info", info)
    desk.answer(None)
    assert [json.loads(each)["waiting"] for each in left] == [[]]


@pytest.mark.parametrize("content", ["{", "[]", '{"account": {"name": "?"}, "waiting": []}', "\0"])
def test_a_damaged_one_is_laid_aside_and_keeps_no_service_from_starting(desk, caplog, content):
    file = desk.directory / "ledger" / "outbox.json"
    file.write_text(content)
    desk.start()
    assert (
        "outbox.json.damaged is damaged; the mails that waited there were not sent" in caplog.text
    )
    assert file.with_name("outbox.json.damaged").read_text() == content
    desk.outbox.follow(desk.account(), LIVE)
    desk.outbox.put("A subject", "A text.")
    desk.outbox.run()
    assert desk.sent[0].letter.subject == "A subject"


def test_a_courier_that_has_gone_has_perhaps_not_sent_it(desk, later):
    desk.outbox.put("A subject", "A text.")
    desk.outbox.run()
    desk.outbox.lost()
    assert not desk.outbox.is_sending
    later(61)
    desk.outbox.run()
    assert desk.sent[0].letter == desk.sent[1].letter


def test_the_mail_of_a_changed_account_goes_by_the_one_before(desk):
    """Whoever has changed it may not want it to arrive; where that fails the new one is tried."""
    desk.outbox.put("The account has changed", "A text.")
    desk.outbox.follow(desk.account(2, server_hostname="evil.test"), Record(NAME, live=2))
    desk.outbox.run()
    assert desk.sent[0].login.hostname == "mail.example.net"
    desk.answer("It refuses the password.", temporary=False)
    desk.outbox.run()
    assert desk.sent[1].login.hostname == "evil.test"


def test_a_letter_that_is_refused_is_given_up_and_told(desk):
    """The account is right: the next letter is tried."""
    desk.outbox.put("A subject", "A text.")
    desk.outbox.run()
    desk.answer("It does not take mail to root@example.org.", temporary=False, of_letter=True)
    assert "It does not take mail to" in str(desk.outbox.problem)
    desk.outbox.put("Another", "A text.")
    desk.outbox.run()
    desk.answer(None)
    assert desk.outbox.problem is None


@pytest.mark.parametrize(
    ("recipient", "why"), [("", "alert_address is not set"), (TO, "no system mailer is live")]
)
def test_what_cannot_be_mailed_stands_in_the_log_and_says_why(tmp_path, caplog, recipient, why):
    desk = Desk(tmp_path, recipient)
    desk.outbox.put("A subject", "A text.")
    assert f"{why}" in caplog.text
    assert "A subject" in caplog.text
    assert desk.outbox.due_in() is None


def test_a_reset_of_the_mailer_leaves_nothing_to_be_sent(desk, caplog):
    desk.outbox.put("A subject", "A text.")
    desk.outbox.follow(replace(desk.account(2), reset=True, value=None), Record(NAME, live=0))
    assert desk.outbox.due_in() is None
    assert "no system mailer is live any more: A subject" in caplog.text


def test_a_revision_that_failed_is_not_the_account(desk):
    """What is live is."""
    desk.outbox.follow(desk.account(2, server_hostname="wrong.test"), LIVE)
    desk.outbox.put("A subject", "A text.")
    desk.outbox.run()
    assert desk.sent[0].login.hostname == "mail.example.net"


def test_there_are_never_more_than_a_few(desk, caplog):
    caplog.set_level(logging.ERROR)
    for number in range(MOST + 1):
        desk.outbox.put(f"Number {number}", "A text.")
    desk.outbox.put("Number 0", "A text.")
    assert caplog.text.count("mails wait already") == 2
    assert f"Number {MOST}" in caplog.text


def test_the_very_same_is_not_sent_twice(desk):
    """A change that was killed half-way tells of itself once more."""
    for _ in range(2):
        desk.outbox.put("A subject", "A text.")
    desk.outbox.run()
    desk.answer(None)
    assert desk.outbox.due_in() is None


@pytest.mark.parametrize(
    "error", [HostError("A ledger is damaged."), OSError(11, "no process"), IndexError("x")]
)
def test_a_host_that_cannot_be_looked_at_loses_no_letter(desk, later, monkeypatch, error):
    """It is taken, waits, and goes out when the host can be looked at again."""

    def broken(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(desk.host, "facts", broken)
        desk.outbox.put("s", "t")
        desk.outbox.run()
    assert desk.sent == []
    assert "is tried again" in (desk.outbox.problem or "")
    later(60.0)
    desk.outbox.run()
    assert [each.letter.subject for each in desk.sent] == ["s"]
