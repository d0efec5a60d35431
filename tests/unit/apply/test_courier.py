"""The courier between a real database and an executor that the test plays."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from mailpanel.apply.courier import Courier
from mailpanel.apply.messages import (
    DesiredSettings,
    Dispatch,
    Dispatched,
    Goodbye,
    Hello,
    LogInsSeen,
    Message,
    ProbeRequest,
    ProbeResult,
    encode,
)
from mailpanel.apply.pipe import Pipe
from mailpanel.errors import DatabaseAway
from mailpanel.letters import letter
from mailpanel.plan import SmtpLogin
from mailpanel.reports import ErrandAnswer, Report
from mailpanel.seal import Sealer
from mailpanel.services.changes import Author, Changes
from mailpanel.services.claimed_clearings import ClaimedClearings
from mailpanel.services.database import Database
from mailpanel.services.hosts import Hosts
from mailpanel.services.listen import SocketListener, make_listener
from mailpanel.services.taken_errands import TakenErrands
from mailpanel.services.wake import SocketWaker, make_waker

NAME = "postfix_relayhost"
VALUE = {"server_hostname": "relay.example.net", "server_port": 25}
NEVER = 3600.0  # a check interval: what comes earlier came by a wake-up
LONG = 90.0


class Running:
    """A courier at work, and the executor's end of its pipe."""

    def __init__(self, url: str, wake_socket: Path, host: str) -> None:
        self._ours, theirs = socket.socketpair()
        self.pipe = Pipe(self._ours)
        self.database = Database(url)
        listener = make_listener(self.database, wake_socket)
        courier = Courier(
            Hosts(self.database),
            TakenErrands(self.database),
            host,
            listener,
            NEVER,
            clearings=ClaimedClearings(self.database, host, "store"),
        )
        self._thread = threading.Thread(
            target=lambda: asyncio.run(courier.run(theirs)), daemon=True
        )
        self._thread.start()
        self.pipe.send(Hello({"postfix": "3.7.11"}))

    def wanted(self, timeout: float = LONG) -> list[int] | None:
        """Return the revisions of the next message about what is wanted."""
        message = self.pipe.receive(timeout)
        assert message is None or isinstance(message, DesiredSettings)
        return None if message is None else [each.revision for each in message.settings]

    def wanted_at_last(self, revisions: list[int]) -> None:
        """Wait until *revisions* are wanted."""
        while (wanted := self.wanted()) != revisions:
            assert wanted is not None

    def settle(self) -> None:
        """Wait until there is nothing more to say."""
        while self.wanted(1.0) is not None:
            pass

    def send_at_once(self, *messages: Message) -> None:
        self._ours.sendall(b"".join(map(encode, messages)))

    def report(self, revision: int, status: str = "applied") -> None:
        self.pipe.send(Report(NAME, revision, status, None, None, 12, revision))

    def end(self, goodbye: bool = True) -> None:
        """End it, with a good-bye or as an executor that is gone."""
        if self._ours.fileno() < 0:
            return
        if goodbye:
            self.pipe.send(Goodbye())
        else:
            self._ours.shutdown(socket.SHUT_RDWR)
        self._thread.join(LONG)
        self._ours.close()
        self.database.dispose()
        assert not self._thread.is_alive()


@pytest.fixture
def start(database_url, tmp_path):
    """Start couriers; they are ended with the test."""
    started = []

    def start(host: str = "mx1") -> Running:
        started.append(Running(database_url, tmp_path / "wake", host))
        return started[-1]

    yield start
    for running in started:
        running.end()


@pytest.fixture
def changes(database, tmp_path):
    waker = make_waker(database, tmp_path / "wake")
    return Changes(database, Sealer(tmp_path / "unused"), waker)


def change(changes: Changes) -> None:
    changes.set(NAME, VALUE, Author("admin", None, ""))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_change_wakes_it(start, changes):
    running = start()
    running.settle()
    change(changes)
    running.wanted_at_last([1])


def test_what_was_reported_is_written_before_it_ends(start, changes):
    running = start()
    change(changes)
    running.report(1)
    running.end()
    assert changes.get(NAME).status == "applied"


def test_what_a_gone_executor_said_last_is_written(start, changes):
    running = start()
    change(changes)
    # What it would still write to a pipe without a reader takes with it what it has not read.
    running.wanted_at_last([1])
    running.settle()
    running.report(1)
    running.end(goodbye=False)
    assert changes.get(NAME).status == "applied"


def test_it_does_not_outlive_its_executor_for_a_database_that_is_away(start, monkeypatch):
    """What it would write later could be older than what the next one has written."""
    running = start()
    running.settle()

    def away():
        raise DatabaseAway("Away.")

    monkeypatch.setattr(running.database, "writing", away)
    running.report(1)
    running.end(goodbye=False)


@pytest.mark.parametrize("error", [ValueError("a reply like none"), OSError(107, "not connected")])
def test_whatever_a_server_brings_about_is_told(start, monkeypatch, error):
    """Of a probe and of a letter; the courier goes on."""

    async def odd(*_: object) -> None:
        raise error

    monkeypatch.setattr("mailpanel.apply.courier.try_smtp_login", odd)
    running = start()
    running.settle()
    login = SmtpLogin("relay.test", 587, "tls", True, "u", "p", "", "", ("PLAIN",), "me.test")
    running.pipe.send(ProbeRequest(1, login, 5))
    result = running.pipe.receive(LONG)
    assert isinstance(result, ProbeResult)
    assert result.temporary
    assert type(error).__name__ in (result.error or "")
    assert str(error) not in (result.error or "")
    running.pipe.send(Dispatch(2, login, letter("a@x.test", "b@x.test", "s", "t"), 5))
    done = running.pipe.receive(LONG)
    assert isinstance(done, Dispatched)
    assert (done.number, done.temporary, done.of_letter) == (2, True, False)


def test_a_courier_without_wake_ups_ends(tmp_path):
    """The executor starts another one; half a courier would look alive."""
    (tmp_path / "wake").mkdir()
    ours, theirs = socket.socketpair()
    database = Database(f"sqlite:///{tmp_path}/x.sqlite")
    courier = Courier(
        Hosts(database),
        TakenErrands(database),
        "mx1",
        SocketListener(tmp_path / "wake"),
        NEVER,
        clearings=ClaimedClearings(database, "mx1", "store"),
    )
    with ours, pytest.raises(OSError, match="wake"):
        asyncio.run(courier.run(theirs))


def test_what_is_left_of_another_courier_is_no_hindrance(tmp_path):
    """Nor does it take away the socket of the one that follows."""

    async def woken_once() -> None:
        woken = asyncio.Event()
        first = asyncio.create_task(SocketListener(tmp_path / "wake").listen(lambda: None))
        await asyncio.sleep(0)
        second = asyncio.create_task(SocketListener(tmp_path / "wake").listen(woken.set))
        await woken.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        woken.clear()
        SocketWaker(tmp_path / "wake").wake()
        await asyncio.wait_for(woken.wait(), LONG)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)

    asyncio.run(woken_once())


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ((TakenErrands, "answer"), ErrandAnswer(7, None, (), ())),
        ((Hosts, "log_ins"), LogInsSeen(1, ())),
    ],
)
def test_what_was_reported_before_stands_there_already(
    start, changes, monkeypatch, written, message
):
    """Whoever reads of one thing in the database reads of what went before it, too."""
    seen = []
    monkeypatch.setattr(*written, lambda *_: seen.append(changes.get(NAME).status))
    change(changes)
    running = start()
    running.wanted_at_last([1])
    report = Report(NAME, 1, "applied", None, None, 12, 1)
    # In one go, so that the courier has both at once.
    running.send_at_once(report, message)
    until(lambda: seen)
    assert seen == ["applied"]


class TestPostgresql:
    @pytest.fixture
    def name(self, slate):
        """The database's name."""
        return slate.wiped()

    @pytest.fixture
    def database_url(self, postgresql, name):
        return postgresql.url(name)

    def test_one_change_wakes_every_host(self, start, changes):
        couriers = [start("mx1"), start("mx2")]
        for each in couriers:
            each.settle()
        change(changes)
        for each in couriers:
            each.wanted_at_last([1])

    def test_a_wake_up_never_breaks_a_change(self, database, postgresql):
        """The change is stored already."""
        waker = make_waker(database, Path("/unused"))
        waker.wake()
        postgresql.stop()
        waker.wake()
        postgresql.start()
        waker.wake()

    def test_it_asks_while_it_listens(self, start, changes, postgresql, name):
        """On another connection."""
        running = start()
        postgresql.wait_for("query = 'LISTEN mailpanel' AND state = 'idle'", name)
        change(changes)
        running.report(1)
        until(lambda: changes.get(NAME).status == "applied")

    def test_a_new_connection_is_a_wake_up(self, start, database, postgresql, name, tmp_path):
        """What was notified while there was none is lost."""
        running = start()
        pid = postgresql.wait_for("query = 'LISTEN mailpanel' AND state = 'idle'", name)
        running.settle()
        change(Changes(database, Sealer(tmp_path / "unused"), SocketWaker(tmp_path / "nobody")))
        assert running.wanted(0.3) is None
        postgresql.terminate(pid)
        running.wanted_at_last([1])

    def test_reports_outlast_a_restart_of_the_server(self, start, changes, postgresql):
        running = start()
        change(changes)
        running.wanted_at_last([1])
        running.settle()
        postgresql.stop()
        running.report(1, "applying")
        running.report(1, "applied")
        time.sleep(0.3)
        postgresql.start()
        until(lambda: changes.get(NAME).status == "applied")
        change(changes)
        running.wanted_at_last([2])


class TestBrokenRows:
    """Whoever can write to the database can stop no setting but the one that they break."""

    @pytest.fixture
    def backend(self):
        """SQLite takes anything in any column."""
        return "sqlite"

    def test_it_goes_on_without_what_is_broken(self, start, changes, database, caplog):
        running = start()
        change(changes)
        running.report(1)
        until(lambda: changes.get(NAME).status == "applied")
        with database.writing() as session:
            session.execute(text("UPDATE host_settings SET details = '{'"))
            session.execute(text("UPDATE hosts SET versions = '{'"))
        running.report(1)
        until(lambda: _is_applied(changes, NAME))
        days = {"junk_days": 7, "trash_days": 14}
        changes.set("junk_trash_clearing_interval", days, Author("admin", None, ""))
        running.wanted_at_last([1, 1])
        running.pipe.send(Report("junk_trash_clearing_interval", 1, "applied", None, None, 12, 1))
        until(lambda: _is_applied(changes, "junk_trash_clearing_interval"))
        said = [each.getMessage() for each in caplog.records if "is broken" in each.getMessage()]
        assert said.count(f"what the database holds of {NAME} is broken") == 1


def _is_applied(changes: Changes, name: str) -> bool:
    with suppress(ValueError):  # while what was broken is not mended yet
        return changes.get(name).status == "applied"
    return False
