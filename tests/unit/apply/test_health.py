"""How the live relay fares is told while it is live, and nothing is sent before it is tried."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailpanel.apply import health
from mailpanel.apply.executor import Executor
from mailpanel.apply.health import DETAIL, RelayHealth
from mailpanel.apply.rehearsal import Rehearsal
from mailpanel.errors import HostError, ProbeFailed
from mailpanel.host.relay_look import Found, RelayLook
from mailpanel.host.relay_mail import Attempt, Hop, Queued, Tally
from mailpanel.host.state import State
from mailpanel.host.testing import FakeHost
from mailpanel.plan import SmtpLogin
from mailpanel.reports import Desired, Errand, ErrandAnswer, Report, Step
from mailpanel.seal import Opener, Sealer, make_keys
from mailpanel.settings import SETTINGS

NAME = "postfix_relayhost"
SECRET = "Xyzzy a password nobody else has"
VALUE = {"server_hostname": "relay.test", "server_port": 587, "username": "u"}
RELAY, OLD = Hop("relay.test", 587), Hop("old.test", 587)
RESET = {"reset": True, "value": None, "sealed": None}


class StillLook(RelayLook):
    """A look that finds what a test has put there."""

    def __init__(self) -> None:
        self.marked = False
        self.tried: list[Attempt] = []
        self.queued: list[Queued] = []
        self.broken = False
        self.flushes = 0

    def attempts(self) -> Found:
        tried, self.tried = self.tried if self.marked else [], []
        self.marked = True
        return Found(tried, [], "file")

    def count(self, relay: Hop | None, older: Collection[Hop], since: float) -> tuple[Tally, bool]:
        if self.broken:
            raise HostError("Postfix's queue cannot be listed; postqueue -j shows why.")
        tally = Tally(relay, older, {}, since)
        for each in self.queued:
            tally.add(each)
        return tally, True

    def flush(self) -> None:
        self.flushes += 1


class Scene:
    """An executor on a host in memory, and what looks at its relay."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (directory / "ledger").mkdir()
        make_keys(directory / "seal.key", directory / "seal.pub")
        self.directory = directory
        self.host = FakeHost("relayhost =\n")
        self.look = StillLook()
        self.reports: list[Report] = []
        self.probe_error: ProbeFailed | None = None
        self.probes = 0
        self.now = 1000.0
        for module in ("executor", "health"):
            monkeypatch.setattr(f"mailpanel.apply.{module}.time.monotonic", lambda: self.now)
            monkeypatch.setattr(f"mailpanel.apply.{module}.time.time", lambda: self.now)
        self.start()

    def start(self) -> None:
        """Start; whatever was known before is what stands on disk."""
        self.state, opener = State(str(self.directory)), Opener(self.directory / "seal.key")
        rehearsal = Rehearsal(self.host, opener, SETTINGS, self._try)
        self.executor = Executor(
            host=self.host,
            state=self.state,
            opener=opener,
            settings=SETTINGS,
            report=self.reports.append,
            try_probe=self._try,
            pause=60.0,
            before=self._before,
        )
        self.health = RelayHealth(
            host=self.host,
            look=self.look,
            executor=self.executor,
            state=self.state,
            opener=opener,
            settings=SETTINGS,
            rehearsal=rehearsal,
            check_interval=60.0,
        )

    def _before(self, wanted: Desired) -> None:
        self.health.mark(wanted)

    def _try(self, _probe: SmtpLogin) -> Sequence[Step]:
        self.probes += 1
        if self.probe_error:
            raise self.probe_error
        return [Step("auth", True, 1, "")]

    def wanted(self, revision: int = 1, hop: Hop = RELAY, **change: Any) -> Desired:
        value = {**VALUE, "server_hostname": hop.hostname}
        destination = {each: value.get(each) for each in SETTINGS[NAME].destination}
        sealer = Sealer(self.directory / "seal.pub")
        sealed = sealer.seal(NAME, revision, destination, SECRET)
        return replace(Desired(NAME, revision, False, value, sealed, True), **change)

    def applied(self, wanted: Desired) -> Desired:
        self.now += 1
        self.executor.converge(wanted)
        self.executor.settle()
        assert self.reports[-1].status == "applied"
        return wanted

    def told(self, wanted: Desired) -> dict[str, Any]:
        """Look again, when it is time, and return what the last report tells."""
        self.now += health.SOONEST
        self.health.look([wanted])
        assert SECRET not in json.dumps([each.details for each in self.reports])
        told: dict[str, Any] = self.reports[-1].details.get(DETAIL, {})
        return told

    def flush(self, wanted: Desired) -> ErrandAnswer:
        return self.health.flush(Errand(7, "flush", NAME, True, None, None), [wanted])


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(tmp_path, monkeypatch)


def refused(hop: Hop = RELAY, said: str = "535 5.7.8 wrong") -> Attempt:
    return Attempt("4X", hop, "deferred", failure(hop, said))


def failure(hop: Hop = RELAY, said: str = "535 5.7.8 wrong") -> str:
    return f"SASL authentication failed; server {hop.hostname}[192.0.2.1] said: {said}"


def test_a_refusal_is_told_and_over_when_mail_gets_through(scene: Scene) -> None:
    wanted = scene.applied(scene.wanted())
    assert scene.told(wanted)["ok"]
    scene.look.tried = [refused(OLD), refused()]
    told = scene.told(wanted)
    assert (told["ok"], told["relay"]) == (False, "[relay.test]:587")
    assert "refuses the password (535 5.7.8 wrong)" in told["says"]
    scene.look.tried = [Attempt("4X", RELAY, "sent", "250 ok")]
    assert scene.told(wanted)["ok"]
    # Who else is refused says nothing of this relay.
    scene.look.tried = [refused(OLD)]
    assert scene.told(wanted)["ok"]


def test_nothing_is_reported_where_nothing_has_changed(scene: Scene) -> None:
    """Each report is written to the database."""
    wanted = scene.applied(scene.wanted())
    scene.told(wanted)
    count = len(scene.reports)
    for _ in range(3):
        scene.told(wanted)
    assert len(scene.reports) == count


def test_it_looks_once_in_its_interval(scene: Scene) -> None:
    wanted = scene.applied(scene.wanted())
    scene.told(wanted)
    assert scene.health.due_in() == health.SOONEST
    scene.look.tried = [refused()]
    scene.health.look([wanted])
    assert scene.look.tried


def test_a_restart_forgets_nothing(scene: Scene) -> None:
    wanted = scene.applied(scene.wanted())
    scene.told(wanted)
    scene.look.tried = [refused()]
    before = scene.told(wanted)
    scene.start()
    assert scene.told(wanted) == before


def test_what_may_be_of_the_revision_before_is_shown_as_codes(scene: Scene) -> None:
    """A reply to the old password could repeat it, and nobody knows that one any more."""
    wanted = scene.applied(scene.wanted())
    scene.look.tried = [refused(said="535 5.7.8 not the-old-one")]
    assert "(535 5.7.8)" in scene.told(wanted)["says"]
    scene.look.tried = [refused(said="535 5.7.8 not the-new-one")]
    assert "not the-new-one" in scene.told(wanted)["says"]
    scene.look.tried = [refused(said=f"535 5.7.8 not {SECRET}")]
    assert "(535)" in scene.told(wanted)["says"]


def test_what_is_refused_while_the_change_is_made_is_seen(scene: Scene) -> None:
    """Though the queue counts it as mail from before."""
    wanted = scene.applied(scene.wanted())
    # Logged since the change began; the first look comes only now.
    scene.look.tried = [refused()]
    assert "refuses the password" in scene.told(wanted)["says"]


@pytest.mark.parametrize("change", [{}, RESET])
def test_where_nothing_is_tried_no_log_is_read(scene: Scene, change: dict[str, Any]) -> None:
    """The journal takes its time, and there is a turn twice a second."""
    wanted = scene.applied(scene.wanted(1, **change))
    scene.look.marked = False
    for _ in range(3):
        scene.executor.converge(wanted)
    assert not scene.look.marked


def test_a_log_that_cannot_be_looked_for_stops_no_change(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent() -> Found:
        raise HostError("postconf is not installed on this host.")

    monkeypatch.setattr(scene.look, "attempts", absent)
    scene.health.mark(scene.wanted())


def test_what_was_refused_before_a_change_is_not_said_of_it(scene: Scene) -> None:
    scene.told(scene.applied(scene.wanted()))
    scene.look.tried = [refused()]
    assert scene.told(scene.applied(scene.wanted(2)))["ok"]


def test_what_is_refused_while_a_later_change_fails_is_said_of_what_is_live(scene: Scene) -> None:
    live = scene.applied(scene.wanted())
    scene.told(live)
    later = replace(scene.wanted(2), value={**VALUE, "server_port": 1})
    scene.look.tried = [refused()]
    scene.executor.converge(later)
    assert scene.reports[-1].status == "failed"
    assert "refuses the password (535 5.7.8)" in scene.told(later)["says"]


def test_where_a_later_change_has_failed_the_live_relay_is_looked_at(scene: Scene) -> None:
    """In codes: its password is not what the database has."""
    scene.told(scene.applied(scene.wanted()))
    later = scene.wanted(2, OLD)
    scene.probe_error = ProbeFailed("No.", temporary=False)
    scene.executor.converge(replace(later, value={**VALUE, "server_port": 1}))
    assert scene.reports[-1].status == "failed"
    scene.look.tried = [refused(OLD), refused(said="535 5.7.8 (words)")]
    told = scene.told(later)
    assert told["relay"] == "[relay.test]:587"
    assert "(535 5.7.8)" in told["says"]


def test_what_waits_for_the_old_relay(scene: Scene) -> None:
    """Until it is gone; after a reset, too."""
    old = scene.applied(scene.wanted(1, OLD))
    scene.told(old)
    wanted = scene.applied(scene.wanted(2))
    scene.look.queued = [Queued("4X", 900, frozenset({failure(OLD)}))]
    told = scene.told(wanted)
    assert (told["ok"], told["waiting"], told["for_older"]) == (True, 0, 1)
    reset = scene.applied(scene.wanted(3, **RESET))
    told = scene.told(reset)
    assert (told["relay"], told["for_older"]) == (None, 1)
    scene.look.queued = []
    assert scene.told(reset) == {}
    # Then there is nothing to look for.
    scene.look.broken = True
    assert scene.state.get(NAME).hops == []
    assert scene.told(reset) == {}


def test_where_the_queue_cannot_be_listed_nothing_stale_is_told(scene: Scene) -> None:
    wanted = scene.applied(scene.wanted())
    scene.look.tried = [refused()]
    scene.told(wanted)
    scene.look.broken = True
    assert scene.told(wanted) == {}


class TestFlush:
    def test_the_relay_is_tried_first(self, scene: Scene) -> None:
        wanted = scene.applied(scene.wanted())
        scene.look.tried = [refused()]
        scene.told(wanted)
        scene.probe_error = ProbeFailed("The relay refuses.", temporary=False)
        answer = scene.flush(wanted)
        assert answer.error == "The relay refuses. The mail that waits was left waiting."
        assert scene.look.flushes == 0
        scene.probe_error = None
        answer = scene.flush(wanted)
        assert (answer.number, answer.error, scene.look.flushes) == (7, None, 1)
        assert answer.steps[-1].name == "flush"
        assert answer.diffs == ()
        assert scene.told(wanted)["ok"]

    def test_two_come_not_one_after_the_other(self, scene: Scene) -> None:
        wanted = scene.applied(scene.wanted())
        assert scene.flush(wanted).error is None
        assert "a moment ago" in (scene.flush(wanted).error or "")
        scene.now += health.FLUSH_PAUSE
        assert scene.flush(wanted).error is None

    def test_it_is_looked_at_soon_after(self, scene: Scene) -> None:
        wanted = scene.applied(scene.wanted())
        scene.told(wanted)
        scene.flush(wanted)
        assert scene.health.due_in() <= 1.0

    def test_who_has_left_the_test_out_has_none(self, scene: Scene) -> None:
        """Nor is there one after a reset."""
        wanted = scene.applied(scene.wanted(probe=False))
        probes = scene.probes
        assert scene.flush(wanted).error is None
        scene.now += health.FLUSH_PAUSE
        assert scene.flush(scene.applied(scene.wanted(2, **RESET))).error is None
        assert (scene.probes, scene.look.flushes) == (probes, 2)

    def test_before_it_is_known_what_is_wanted_nothing_is_sent(self, scene: Scene) -> None:
        answer = scene.health.flush(Errand(7, "flush", NAME, True, None, None), [])
        assert "does not know yet" in (answer.error or "")
        assert scene.look.flushes == 0
