"""The executor believes nothing that comes through the pipe, and reports all that it does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mailpanel.apply.executor import Executor
from mailpanel.apply.messages import encode
from mailpanel.apply.rehearsal import MOST_ERRANDS, Rehearsal
from mailpanel.errors import (
    Busy,
    CheckFailed,
    HostError,
    OutOfBounds,
    ProbeFailed,
    PutBackFailed,
    Refused,
    ReloadFailed,
    VerifyFailed,
)
from mailpanel.host.part import Counted
from mailpanel.host.state import State
from mailpanel.host.testing import FakeHost
from mailpanel.plan import Folder, SmtpLogin
from mailpanel.reports import Desired, Errand, ErrandAnswer, FolderPreview, Report, Step
from mailpanel.seal import Opener, Sealer, make_keys
from mailpanel.settings import SETTINGS

NAME = "postfix_relayhost"
SECRET = "Xyzzy a password nobody else has"
VALUE = {"server_hostname": "relay.test", "server_port": 587, "username": "u"}
OPEN_VALUE = {"server_hostname": "relay.test", "server_port": 587}
HASH = f"{{ARGON2ID}}$argon2id$v=19$m=19456,t=2,p=1${'s' * 22}${'h' * 43}"
MAIN_CF = "# the admin's own\nrelayhost = [old.test]:25\n"


class Scene:
    """An executor on a host in memory, with state on disk, keys, and a clock that a test moves."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (directory / "ledger").mkdir()
        make_keys(directory / "seal.key", directory / "seal.pub")
        self.directory = directory
        self.host = FakeHost(MAIN_CF)
        self.reports: list[Report] = []
        self.probes: list[SmtpLogin] = []
        self.probe_error: ProbeFailed | None = None
        self.courier_has_gone = False
        self.grace = 0.0
        self.now = 1000.0
        monkeypatch.setattr("mailpanel.apply.executor.time.monotonic", lambda: self.now)
        monkeypatch.setattr("mailpanel.apply.executor.time.time", lambda: EPOCH + self.now)
        self.start()

    def start(self) -> None:
        """Start the executor; whatever it knew before is what stands on disk."""
        self.state = State(str(self.directory))
        opener = Opener(self.directory / "seal.key")
        self.rehearsal = Rehearsal(self.host, opener, SETTINGS, self._try_probe)
        self.executor = Executor(
            host=self.host,
            state=self.state,
            opener=opener,
            settings=SETTINGS,
            report=self._report,
            try_probe=self._try_probe,
            pause=60.0,
            grace=self.grace,
        )

    def _report(self, report: Report) -> None:
        if self.courier_has_gone:
            raise EOFError
        self.reports.append(report)

    def _try_probe(self, probe: SmtpLogin) -> Sequence[Step]:
        self.probes.append(probe)
        if self.probe_error:
            raise self.probe_error
        return [Step("auth", True, 1, "")]

    def tested(self, **change: Any) -> ErrandAnswer:
        """Return what a test of the value answers."""
        sealed = self.seal(1)
        errand = Errand(1, "test", NAME, False, VALUE, sealed)
        return self.rehearsal.rehearse(replace(errand, **change))

    def seal(self, revision: int, value: dict[str, Any] | None = None, name: str = NAME) -> str:
        value = VALUE if value is None else value
        destination = {each: value.get(each) for each in SETTINGS[NAME].destination}
        return Sealer(self.directory / "seal.pub").seal(name, revision, destination, SECRET)

    def wanted(self, revision: int, **change: Any) -> Desired:
        sealed = self.seal(min(revision, 1))
        return replace(Desired(NAME, revision, False, VALUE, sealed, True), **change)

    def converge(self, wanted: Desired) -> Report | None:
        """Return the last report of this attempt, ``None`` where it was no attempt."""
        self.reports.clear()
        self.executor.converge(wanted)
        return self.reports[-1] if self.reports else None

    def refused(self, wanted: Desired) -> str:
        """Return the error with which *wanted* fails, nothing having been changed."""
        before = self.host.tree
        report = self.converge(wanted)
        assert report is not None
        assert report.status == "failed"
        assert self.host.tree == before
        return report.error or ""


def standing(live: int | None) -> dict[str, Any]:
    """Return what is told of every setting that does not wait for another try."""
    return {"live_revision": live, "next_attempt": None}


def beside(report: Report) -> dict[str, Any]:
    """Return what else *report* tells."""
    return {name: report.details[name] for name in report.details.keys() - standing(0).keys()}


EPOCH = 1_700_000_000.0
RESET = {"reset": True, "value": None, "sealed": None}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(tmp_path, monkeypatch)


def test_a_revision_is_applied_and_every_step_told(scene: Scene) -> None:
    last = scene.converge(scene.wanted(1))
    steps = [(report.status, report.step) for report in scene.reports]
    names = ["check", "probe", "journal", "swap", "reload", "verify"]
    assert steps == [*(("applying", name) for name in names), ("applied", None)]
    assert last == Report(NAME, 1, "applied", None, None, last.duration_ms, 1, standing(1))
    assert scene.host.facts("postfix").postfix.parameters["relayhost"] == "[old.test]:25"
    assert "relayhost = [relay.test]:587" in scene.host.live.main_cf
    assert scene.host.live.maps["sasl"] == f"[relay.test]:587 u:{SECRET}\n"
    assert [probe.username for probe in scene.host.relayed] == ["u"]


def test_the_same_revision_again_is_no_attempt(scene: Scene) -> None:
    scene.converge(scene.wanted(1))
    assert scene.converge(scene.wanted(1)) is None
    assert scene.host.reloads == 1


def test_an_identical_revision_reloads_nothing(scene: Scene) -> None:
    scene.converge(scene.wanted(1))
    assert scene.converge(scene.wanted(2)).status == "applied"
    assert scene.host.reloads == 1


@pytest.mark.parametrize("step", ["check", "probe", "reload", "verify"])
def test_a_failure_names_its_step(scene: Scene, step: str) -> None:
    scene.host.failing = step
    assert f"step {step} fails" in scene.refused(scene.wanted(1))
    assert scene.reports[-1].step == step
    assert scene.executor.failed()


@pytest.mark.parametrize(
    ("error", "step"),
    [(VerifyFailed("No."), "verify"), (PutBackFailed("Twice no."), "put back")],
)
def test_what_was_put_back_failed_where_it_did(
    scene: Scene, monkeypatch, error: HostError, step: str
) -> None:
    """Putting back is no step of the change, unless that is what failed."""

    def converge(*arguments: Any, **_: Any) -> bool:
        for name in ("check", "swap", "verify", "put back"):
            arguments[-1](name)
        raise error

    monkeypatch.setattr(scene.host, "converge", converge)
    report = scene.converge(scene.wanted(1))
    assert (report.status, report.step, report.error) == ("failed", step, str(error))
    # What is live after that nobody knows without a look at the host.
    assert ("not_put_back" in report.details) == isinstance(error, PutBackFailed)


def test_facts_that_cannot_be_read_fail_with_their_reason(scene: Scene, monkeypatch) -> None:
    def facts(_part: str) -> None:
        raise CheckFailed("Postfix cannot read its present configuration.")

    monkeypatch.setattr(scene.host, "facts", facts)
    assert "present configuration" in scene.refused(scene.wanted(1))
    assert scene.reports[-1].step == "read"


def test_a_file_that_cannot_be_used_is_a_failure(scene: Scene, monkeypatch) -> None:
    def converge(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scene.host, "converge", converge)
    assert "No space left" in scene.refused(scene.wanted(1))
    scene.now += 1e6
    assert scene.converge(scene.wanted(1)) is not None


def test_a_lower_revision_is_refused(scene: Scene) -> None:
    """A replayed row of the database, whatever is in it, and also after a restart."""
    scene.converge(scene.wanted(5))
    scene.start()
    for old in (scene.wanted(4), scene.wanted(4, **RESET), scene.wanted(-1), scene.wanted(0)):
        assert "already seen revision 5" in scene.refused(old)
    assert scene.state.get(NAME).status == "applied"
    assert scene.converge(scene.wanted(5)) is None
    assert scene.converge(scene.wanted(6)).status == "applied"


def test_a_failed_revision_counts_as_seen(scene: Scene) -> None:
    scene.refused(scene.wanted(5, sealed=None))
    assert "already seen revision 5" in scene.refused(scene.wanted(4))


@pytest.mark.parametrize(
    "change",
    [
        {"server_hostname": "evil.test"},
        {"server_port": 2525},
        {"username": "another"},
        {"security": "starttls"},
    ],
)
def test_a_secret_for_another_destination_is_refused(scene: Scene, change: dict[str, Any]) -> None:
    """It is not even probed: the password would go to that server."""
    error = scene.refused(scene.wanted(1, value=VALUE | change))
    assert "typed for another server" in error
    assert scene.host.relayed == []


@pytest.mark.parametrize(
    ("sealed", "words"),
    [
        ("", "another key"),
        ("1.0.x", "another key"),
        ("garbage", "another key"),
        ("1.{key}.", "damaged"),
        ("1.{key}.AAAA", "damaged"),
        ("2.{key}.AAAA", "another key"),
    ],
)
def test_a_broken_seal_is_a_failure_and_no_more(scene: Scene, sealed: str, words: str) -> None:
    key = Opener(scene.directory / "seal.key").key_id
    assert words in scene.refused(scene.wanted(1, sealed=sealed.format(key=key)))


def test_a_secret_of_another_setting_or_a_later_revision_is_refused(scene: Scene) -> None:
    assert "another server" in scene.refused(scene.wanted(1, sealed=scene.seal(1, name="other")))
    assert "later revision" in scene.refused(scene.wanted(2, sealed=scene.seal(3)))


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        VALUE | {"server_hostname": "a.test\nrelayhost = evil"},
        VALUE | {"server_hostname": "A.TEST"},
        VALUE | {"server_hostname": "$myhostname"},
        VALUE | {"server_port": "587"},
        VALUE | {"server_port": 587.0},
        VALUE | {"server_port": True},
        VALUE | {"username": "u:v"},
        VALUE | {"username": "u\0"},
        VALUE | {"security": "none"},
        VALUE | {"more": 1},
        VALUE | {"password": "in clear"},
        OPEN_VALUE,
        OPEN_VALUE | {"username": None},
    ],
)
def test_a_value_that_breaks_the_schema_is_refused(scene: Scene, value: Any) -> None:
    """Root validates again; and the error repeats nothing of it."""
    sealed = scene.seal(1, value or {})
    error = scene.refused(scene.wanted(1, value=value, sealed=sealed))
    assert error.startswith("The database holds a value that breaks the setting's own rules.")


def test_an_account_without_its_secret_is_refused(scene: Scene) -> None:
    assert "breaks the setting's own rules" in scene.refused(scene.wanted(1, sealed=None))
    with_clear = VALUE | {"password": "in clear"}
    assert "breaks" in scene.refused(scene.wanted(2, value=with_clear, sealed=None))


def test_a_setting_that_this_version_does_not_know_is_left_alone(scene: Scene) -> None:
    assert scene.converge(scene.wanted(1, setting="from_the_future")) is None


def test_a_refused_password_is_not_tried_again(scene: Scene) -> None:
    """Trying on would lock the account; not after a day, nor after a restart."""
    scene.host.relay_fails = ProbeFailed("The relay refuses the password.", temporary=False)
    assert "refuses the password" in scene.refused(scene.wanted(1))
    scene.now += 86_400
    assert scene.converge(scene.wanted(1)) is None
    scene.start()
    assert scene.converge(scene.wanted(1)) is None
    assert len(scene.host.relayed) == 1
    scene.host.relay_fails = None
    assert scene.converge(scene.wanted(2)).status == "applied"


def attempts(scene: Scene, wanted: Desired, seconds: int) -> list[float]:
    """Return when *wanted* was tried, offered every ten seconds."""
    began, times = scene.now, []
    while scene.now - began < seconds:
        if scene.converge(wanted):
            times.append(scene.now - began)
        scene.now += 10
    return times


def test_what_may_pass_is_tried_again_ever_more_rarely(scene: Scene) -> None:
    scene.host.relay_fails = ProbeFailed("It does not answer.")
    assert attempts(scene, scene.wanted(1), 2000) == [0, 60, 180, 420, 900, 1860]
    scene.now += 100_000
    assert attempts(scene, scene.wanted(1), 7500) == [0, 3600, 7200]
    scene.host.relay_fails = None
    scene.now += 3600
    assert scene.converge(scene.wanted(1)).status == "applied"


def test_a_new_revision_is_tried_at_once_and_patiently_from_the_start(scene: Scene) -> None:
    scene.host.relay_fails = ProbeFailed("It does not answer.")
    attempts(scene, scene.wanted(1), 2000)
    assert attempts(scene, scene.wanted(2), 200) == [0, 60, 180]


# Each kind of failure: whether it is tried again by itself, and after how many seconds.
RETRIED = {
    "what stands there is in the way": (Refused("Remove that line."), "read", 30.0),
    "root's options forbid it": (OutOfBounds("Not here."), "read", 30.0),
    "the admin's own configuration is broken": (CheckFailed("main.cf, line 1"), "read", 30.0),
    "the daemon does not run": (HostError("Start it."), "read", 30.0),
    "the staged tree is wrong": (CheckFailed("bad"), "check", 60.0),
    "the relay is away": (ProbeFailed("It does not answer."), "probe", 60.0),
    "the password is refused": (ProbeFailed("Refused.", temporary=False), "probe", None),
    "the daemon does not take it": (ReloadFailed("busy"), "reload", 60.0),
    "the daemon does not live with it": (VerifyFailed("dead"), "verify", 60.0),
    "putting back failed": (PutBackFailed("worse"), "verify", 60.0),
    "another process is at it": (Busy("wait"), "read", 30.0),
    "the disk is full": (OSError(28, "No space left on device"), "journal", 60.0),
    "a fault of mailpanel's own": (KeyError("x"), "check", 60.0),
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("failure", RETRIED.values(), ids=RETRIED)
def test_what_may_pass_is_tried_again_and_what_may_not_is_not(
    scene: Scene, monkeypatch, name: str, failure: tuple[Exception, str, float | None]
) -> None:
    """For every setting; when is told to the database, and to root on the host."""
    setting = SETTINGS[name]
    error, step, pause = failure
    appstruct = {"hash": HASH} if setting.generates else setting.validate(dict(setting.example))
    value = setting.public(appstruct)
    sealed = None
    if setting.secret_field:
        destination = {each: value.get(each) for each in setting.destination}
        sealed = Sealer(scene.directory / "seal.pub").seal(name, 1, destination, SECRET)
    wanted = Desired(name, 1, False, value, sealed, probe=True)

    def converge(*arguments: Any, **_: object) -> bool:
        if step != "read":
            arguments[4](step)
        raise error

    monkeypatch.setattr(scene.host, "converge", converge)
    report = scene.converge(wanted)
    assert report is not None
    assert (report.status, report.step) == ("failed", step)
    record = scene.state.get(name)
    if pause is None:
        assert (report.details["next_attempt"], record.next_attempt) == (None, 0.0)
        scene.now += 1e6
        assert scene.converge(wanted) is None
        return
    told = datetime.fromisoformat(report.details["next_attempt"]).timestamp()
    assert told == int(record.next_attempt) == int(EPOCH + scene.now + pause)
    scene.now += pause - 1
    assert scene.converge(wanted) is None
    scene.now += 1
    assert scene.converge(wanted) is not None


def test_what_stands_in_the_way_is_looked_at_before_each_check(scene: Scene) -> None:
    """However long it has stood there; so the change goes on as soon as it is mended."""
    scene.host.bounds = {"relay_allow": ("other.test",)}
    assert attempts(scene, scene.wanted(1), 120) == [0, 30, 60, 90]
    scene.now += 100_000
    scene.converge(scene.wanted(1))
    scene.host.bounds = {}
    scene.now += 30
    report = scene.converge(scene.wanted(1))
    assert report is not None
    assert report.status == "applied"


def test_the_same_failure_is_logged_once(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "mailpanel")
    scene.host.relay_fails = ProbeFailed("It does not answer.")
    attempts(scene, scene.wanted(1), 2000)
    assert len(caplog.records) == 1
    scene.host.relay_fails = ProbeFailed("It answers something else.")
    scene.now += 100_000
    scene.converge(scene.wanted(1))
    assert len(caplog.records) == 2


def test_after_a_failure_what_is_live_is_told(scene: Scene) -> None:
    """To root and to the database the same."""
    scene.converge(scene.wanted(1))
    scene.host.relay_fails = ProbeFailed("It does not answer.")
    report = scene.converge(scene.wanted(2, value=OPEN_VALUE, sealed=None))
    assert report is not None
    assert (report.revision, report.details["live_revision"]) == (2, 1)
    assert scene.state.get(NAME).live == 1
    scene.start()
    scene.reports.clear()
    scene.executor.tell_all()
    assert scene.reports[-1].details["live_revision"] == 1


def edit(scene: Scene, relayhost: str = "[edited.test]:25") -> None:
    """Write another relayhost into main.cf, as somebody may by hand."""
    tree = scene.host.tree
    text = tree.main_cf.replace("relayhost = [relay.test]:587", f"relayhost = {relayhost}")
    scene.host.tree = scene.host.live = replace(tree, main_cf=text)


def test_an_edit_is_not_overwritten_where_nobody_asked(scene: Scene) -> None:
    """As where root's options have changed; to save it once more is to ask."""
    scene.converge(scene.wanted(1))
    edit(scene)
    scene.executor._bounds = "others"
    error = scene.refused(scene.wanted(1))
    assert "not applied anew by itself" in error
    scene.now += 1e6
    assert scene.converge(scene.wanted(1)) is None
    assert "[edited.test]:25" in scene.host.tree.main_cf
    assert scene.converge(scene.wanted(2)).status == "applied"
    assert "relayhost = [relay.test]:587" in scene.host.tree.main_cf


def test_who_changes_it_back_twice_is_told_of(scene: Scene) -> None:
    """Put back is done all the same; mailpanel itself never takes part."""
    wanted = scene.wanted(1)
    scene.converge(wanted)
    for _ in range(3):
        assert scene.executor.fight(NAME) is None
        edit(scene)
        for _ in range(2):
            scene.executor.look(wanted)
            scene.converge(wanted)
        assert "[edited.test]:25" in scene.host.tree.main_cf
        details = scene.state.get(NAME).details
        assert details["drift"]
        assert scene.executor.put_back(wanted) is None
        scene.executor.look(wanted)
    assert "Somebody keeps changing main.cf" in details["fight"]
    assert scene.executor.fight(NAME) == details["fight"]
    assert not {"drift", "fight"} & scene.state.get(NAME).details.keys()


def test_a_line_that_counts_in_its_place_is_told_and_no_put_back_hides_it(scene: Scene) -> None:
    """Nor is it asked for where mailpanel's own files were edited: those come first."""
    wanted = scene.wanted(1)
    scene.converge(wanted)
    scene.host.overriding = "A line of your own sets it too."
    scene.executor.look(wanted)
    assert scene.state.get(NAME).details["overridden"] == scene.host.overriding
    assert scene.executor.put_back(wanted) == scene.host.overriding
    edit(scene)
    scene.executor.look(wanted)
    details = scene.state.get(NAME).details
    assert (bool(details["drift"]), "overridden" in details) == (True, False)
    scene.host.overriding = None
    assert scene.executor.put_back(wanted) is None
    assert not {"drift", "overridden"} & scene.state.get(NAME).details.keys()


def test_edits_that_the_next_change_makes_live_are_announced(scene: Scene) -> None:
    """In a test and a dry run that would change something, and in the status."""
    scene.host.unread = "master.cf was edited."
    for kind in ("test", "dry_run"):
        steps = scene.tested(kind=kind).steps
        assert [each.says for each in steps if each.name == "edits"] == ["master.cf was edited."]
    scene.converge(scene.wanted(1))
    scene.executor.look(scene.wanted(1))
    assert scene.state.get(NAME).details["unread_edits"] == "master.cf was edited."
    assert not [each for each in scene.tested(kind="dry_run").steps if each.name == "edits"]


def test_postfix_itself_decides(scene: Scene) -> None:
    """The plain probe is not even asked in an apply, and only tells the finer steps in a test."""
    scene.probe_error = ProbeFailed("It looks bad.", steps=[Step("tls", False, 1, "It looks bad.")])
    assert scene.converge(scene.wanted(1)).status == "applied"
    assert scene.probes == []
    answer = scene.tested()
    assert answer.error is None
    told = [(step.name, step.ok, step.says) for step in answer.steps[2:]]
    assert told == [("tls", False, "It looks bad."), ("postfix", True, "It goes there.")]
    scene.probe_error, scene.host.relay_fails = None, ProbeFailed("It is bad.")
    answer = scene.tested()
    assert answer.error == "It is bad."
    assert [(step.name, step.ok) for step in answer.steps[2:]] == [
        ("auth", True),
        ("postfix", False),
    ]


def test_a_test_sends_a_refused_password_once(scene: Scene) -> None:
    scene.probe_error = ProbeFailed("The relay refuses the password.", temporary=False)
    answer = scene.tested()
    assert answer.error == "The relay refuses the password."
    assert "relay.test" in answer.diffs[0].diff
    assert (len(scene.probes), scene.host.relayed) == (1, [])


def test_a_dry_run_tries_nothing(scene: Scene) -> None:
    answer = scene.tested(kind="dry_run")
    assert (answer.error, scene.probes, scene.host.relayed) == (None, [], [])
    assert [step.name for step in answer.steps] == ["read", "check"]


def test_probe_no_skips_the_probes_alone(scene: Scene) -> None:
    scene.host.relay_fails = ProbeFailed("It does not answer.")
    assert scene.converge(scene.wanted(1, probe=False)).status == "applied"
    assert scene.host.relayed == []
    assert "breaks" in scene.refused(scene.wanted(2, probe=False, sealed=None))


def test_a_reset_brings_the_admins_own_back(scene: Scene) -> None:
    scene.converge(scene.wanted(1))
    scene.converge(scene.wanted(2, **RESET))
    scene.executor.settle()
    assert scene.host.tree.main_cf == MAIN_CF
    assert scene.host.tree.maps == {}
    assert scene.reports[-1].status == "applied"


def test_a_reset_with_mail_in_flight_is_applying_until_it_has_gone(scene: Scene) -> None:
    """The database learns of it when what stood before mailpanel stands again."""
    scene.converge(scene.wanted(1))
    scene.host.in_flight = True
    report = scene.converge(scene.wanted(2, **RESET))
    assert (report.status, report.step) == ("applying", "wait for mail in flight")
    assert "relayhost = [old.test]:25" in scene.host.tree.main_cf
    assert scene.host.tree.maps["sasl"]
    for _ in range(3):
        assert scene.executor.settle()
        assert scene.executor.resetting()
        assert scene.converge(scene.wanted(2, **RESET)) is None
    # A restart in between changes nothing of it.
    scene.start()
    assert scene.executor.resetting()
    scene.host.in_flight = False
    assert not scene.executor.settle()
    assert scene.reports[-1] == Report(
        NAME, 2, "applied", None, None, scene.reports[-1].duration_ms, 2, standing(None)
    )
    assert not scene.executor.resetting()
    assert scene.host.tree.main_cf == MAIN_CF


def test_a_new_value_while_a_reset_waits(scene: Scene) -> None:
    scene.converge(scene.wanted(1))
    scene.host.in_flight = True
    scene.converge(scene.wanted(2, **RESET))
    assert scene.converge(scene.wanted(3)).status == "applied"
    scene.host.in_flight = False
    assert not scene.executor.settle()
    assert scene.state.get(NAME).revision == 3
    assert scene.host.tree.maps["sasl"]


def test_settling_that_fails_is_tried_again(scene: Scene, monkeypatch) -> None:
    """Whatever the reason: what lingers does no harm, and the service lives on."""
    for error in (CheckFailed("no"), OSError(28, "No space left on device")):

        def settle(error: Exception = error) -> bool:
            raise error

        monkeypatch.setattr(scene.host, "settle", settle)
        assert scene.executor.settle()


def test_a_ledger_that_cannot_be_read_does_not_end_the_service(scene: Scene, monkeypatch) -> None:
    """It is asked what lingers at each turn of the loop."""
    scene.converge(scene.wanted(1))
    scene.host.in_flight = True
    scene.converge(scene.wanted(2, **RESET))

    def damaged(_: str) -> bool:
        raise HostError("The ledger in the state directory is damaged.")

    with monkeypatch.context() as patch:
        patch.setattr(scene.host, "leaving", damaged)
        assert scene.executor.settle()
    assert scene.reports[-1].error == "The ledger in the state directory is damaged."
    scene.host.in_flight = False
    scene.now += 60.0
    assert not scene.executor.settle()
    assert scene.reports[-1].status == "applied"


def test_nothing_is_put_back_to_a_revision_that_is_out_of_turn(scene: Scene) -> None:
    """Whoever asked hears so, not that it was done."""
    scene.converge(scene.wanted(3))
    edit(scene)
    for _ in range(2):
        assert "has already seen revision 3" in (scene.executor.put_back(scene.wanted(2)) or "")
    assert "edited.test" in scene.host.tree.main_cf
    assert scene.executor.put_back(scene.wanted(3)) is None


def test_after_a_restart_it_goes_on_where_it_was(scene: Scene) -> None:
    """Killed in the midst of a try, it tries again; what is applied is told anew."""
    scene.converge(scene.wanted(1))

    def killed(*_: object, **__: object) -> bool:
        raise SystemExit

    real, scene.host.converge = scene.host.converge, killed  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        scene.executor.converge(scene.wanted(2, value=OPEN_VALUE, sealed=None))
    scene.host.converge = real  # type: ignore[method-assign]
    scene.start()
    scene.reports.clear()
    scene.executor.tell_all()
    assert [(each.revision, each.status) for each in scene.reports] == [(2, "applying")]
    assert scene.converge(scene.wanted(2, value=OPEN_VALUE, sealed=None)).status == "applied"
    scene.start()
    assert scene.converge(scene.wanted(2, value=OPEN_VALUE, sealed=None)) is None


def test_a_courier_that_ends_in_the_midst_stops_no_change(scene: Scene) -> None:
    """A change half made is worse than one that nobody is told of."""
    scene.courier_has_gone = True
    scene.executor.converge(scene.wanted(1))
    assert scene.state.get(NAME).status == "applied"
    assert scene.host.reloads == 1
    scene.courier_has_gone = False
    scene.executor.tell_all()
    assert scene.reports[-1].status == "applied"


@pytest.mark.parametrize(
    "prepare",
    [
        lambda _: None,
        lambda scene: setattr(scene.host, "failing", "verify"),
        lambda scene: setattr(scene.host, "relay_fails", ProbeFailed("no", temporary=False)),
    ],
    ids=["applied", "failed", "refused"],
)
def test_the_secret_is_in_no_report_and_not_on_disk(
    scene: Scene, prepare: Callable[[Scene], None]
) -> None:
    prepare(scene)
    wanted = scene.wanted(1)
    scene.converge(wanted)
    scene.executor.tell_all()
    assert SECRET.encode() not in b"".join(map(encode, scene.reports))
    assert SECRET not in repr(scene.reports) + repr(wanted) + repr(scene.host.relayed)
    for path in scene.directory.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()
    state = scene.directory / "ledger" / "state.json"
    assert state.stat().st_mode & 0o077 == 0
    (row,) = json.loads(state.read_text())
    assert "password" not in (row["value"] or {})


INTERVAL = "junk_trash_clearing_interval"
DAY = 86_400.0


class Clearing:
    """The interval on a host whose executor waits a day before it clears more than before."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.revision = 0
        scene.grace = DAY
        scene.start()

    def wanted(self, junk: int | None, trash: int | None, **change: Any) -> Desired:
        value = {"junk_days": junk, "trash_days": trash}
        return replace(Desired(INTERVAL, self.revision, False, value, None, True), **change)

    def set(self, junk: int | None, trash: int | None, **change: Any) -> Report:
        """Ask for that in a revision of its own; return the last report."""
        self.revision += 1
        return self.again(junk, trash, **change)

    def again(self, junk: int | None, trash: int | None, **change: Any) -> Report:
        report = self.scene.converge(self.wanted(junk, trash, **change))
        assert report is not None
        return report

    def standing(self) -> dict[str, str]:
        """Return after how long which folder is cleared now."""
        content = "".join(text for _, text in self.scene.host.files.values())
        return dict(re.findall(r"mailbox \"?(\w+)\"? \{\n\s+autoexpunge = (\w+)", content))

    def from_(self, report: Report) -> float:
        """Return in how many seconds the report says that what is asked for counts."""
        text = report.details["effective_from"]
        return datetime.fromisoformat(text).timestamp() - EPOCH - self.scene.now


@pytest.fixture
def clearing(scene: Scene) -> Clearing:
    return Clearing(scene)


def test_what_would_newly_be_deleted_waits_a_day(clearing: Clearing) -> None:
    """It is applied, says from when it counts, and then does by itself."""
    report = clearing.set(7, 14)
    assert (report.status, clearing.from_(report)) == ("applied", DAY)
    assert clearing.standing() == {}
    clearing.scene.now += DAY - 1
    assert clearing.scene.converge(clearing.wanted(7, 14)) is None
    clearing.scene.now += 1
    report = clearing.again(7, 14)
    assert (report.status, beside(report)) == ("applied", {})
    assert clearing.standing() == {"Junk": "7d", "Trash": "14d"}
    assert clearing.scene.converge(clearing.wanted(7, 14)) is None


def test_what_deletes_less_counts_at_once(clearing: Clearing) -> None:
    clearing.set(7, 14)
    clearing.scene.now += DAY
    clearing.again(7, 14)
    for junk, trash, standing in (
        (30, 14, {"Junk": "30d", "Trash": "14d"}),
        (30, None, {"Junk": "30d"}),
        (None, None, {}),
    ):
        report = clearing.set(junk, trash)
        assert (report.status, beside(report)) == ("applied", {})
        assert clearing.standing() == standing


def test_of_two_fields_each_is_as_mild_as_it_may_be(clearing: Clearing) -> None:
    clearing.set(7, 14)
    clearing.scene.now += DAY
    clearing.again(7, 14)
    assert clearing.from_(clearing.set(30, 3)) == DAY
    assert clearing.standing() == {"Junk": "30d", "Trash": "14d"}
    clearing.scene.now += DAY
    clearing.again(30, 3)
    assert clearing.standing() == {"Junk": "30d", "Trash": "3d"}


def test_the_same_or_less_does_not_begin_the_wait_anew(clearing: Clearing) -> None:
    clearing.set(7, 14)
    clearing.scene.now += DAY / 2
    assert clearing.from_(clearing.set(7, 14)) == DAY / 2
    assert clearing.from_(clearing.set(8, 30)) == DAY / 2
    clearing.scene.now += DAY / 2
    clearing.again(8, 30)
    assert clearing.standing() == {"Junk": "8d", "Trash": "30d"}


def test_more_begins_the_wait_anew(clearing: Clearing) -> None:
    clearing.set(7, 14)
    clearing.scene.now += DAY / 2
    assert clearing.from_(clearing.set(6, 14)) == DAY
    clearing.scene.now += DAY / 2
    assert clearing.scene.converge(clearing.wanted(6, 14)) is None
    assert clearing.standing() == {}
    clearing.scene.now += DAY / 2
    clearing.again(6, 14)
    assert clearing.standing() == {"Junk": "6d", "Trash": "14d"}


def test_the_wait_outlives_the_process(clearing: Clearing) -> None:
    clearing.set(7, 14)
    clearing.scene.now += DAY / 2
    clearing.scene.start()
    assert clearing.scene.converge(clearing.wanted(7, 14)) is None
    assert clearing.from_(clearing.set(7, 14)) == DAY / 2
    clearing.scene.now += DAY / 2
    clearing.scene.start()
    clearing.again(7, 14)
    assert clearing.standing() == {"Junk": "7d", "Trash": "14d"}


def test_a_reset_ends_the_wait(clearing: Clearing) -> None:
    clearing.set(7, 14)
    report = clearing.set(0, 0, **RESET)
    assert (report.status, beside(report)) == ("applied", {})
    record = clearing.scene.state.get(INTERVAL)
    assert (record.pending, record.effective_from, record.live) == (None, 0.0, 0)
    clearing.scene.now += 2 * DAY
    assert clearing.scene.converge(clearing.wanted(0, 0, **RESET)) is None
    assert clearing.standing() == {}
    # What comes after it waits a day of its own.
    assert clearing.from_(clearing.set(7, 14)) == DAY


def test_a_try_that_fails_keeps_the_wait(clearing: Clearing) -> None:
    """Neither does it begin anew, nor does it end before its time."""
    clearing.set(7, 14)
    clearing.scene.now += DAY / 2
    clearing.scene.host.failing = "reload"
    assert clearing.set(9, 14).status == "applied", "nothing changes yet, so nothing can fail"
    clearing.scene.now += DAY / 2
    assert clearing.again(9, 14).status == "failed"
    assert clearing.standing() == {}
    clearing.scene.host.failing = None
    clearing.scene.now += 60
    assert clearing.again(9, 14).status == "applied"
    assert clearing.standing() == {"Junk": "9d", "Trash": "14d"}


def test_without_a_grace_it_counts_at_once(clearing: Clearing) -> None:
    """Also what waited when the option was taken away."""
    clearing.set(7, 14)
    clearing.scene.grace = 0.0
    clearing.scene.start()
    assert beside(clearing.set(7, 14)) == {}
    assert clearing.standing() == {"Junk": "7d", "Trash": "14d"}


def test_the_admins_own_interval_is_what_it_is_measured_by(clearing: Clearing) -> None:
    """On a host that clears already nothing new is deleted by the same interval."""
    folders = {
        "Junk": Folder(frozenset({"\\Junk"}), 7 * DAY),
        "Trash": Folder(frozenset({"\\Trash"}), 7 * DAY),
    }
    clearing.scene.host.dovecot = replace(clearing.scene.host.dovecot, folders=folders)
    assert beside(clearing.set(7, 14)) == {}
    assert clearing.standing() == {"Junk": "7d", "Trash": "14d"}
    assert clearing.from_(clearing.set(7, 6)) == DAY


def test_what_the_administrator_should_know_is_in_report_and_record(scene: Scene) -> None:
    """And goes with the setting; a failure keeps what is live."""
    wanted = Desired("imap_master_password", 1, False, {"hash": HASH}, None, True)
    report = scene.converge(wanted)
    assert beside(report) == {"log_in_as": "user@example.net*master"}
    scene.start()
    record = scene.state.get("imap_master_password")
    assert (record.details, record.live) == (beside(report), 1)
    scene.host.failing = "verify"
    report = scene.converge(replace(wanted, revision=2, value={"hash": HASH[:-1] + "b"}))
    assert (report.status, beside(report)) == ("failed", {"log_in_as": "user@example.net*master"})
    assert scene.state.get("imap_master_password").live == 1
    scene.host.failing = None
    report = scene.converge(replace(wanted, revision=3, **RESET))
    assert (report.status, beside(report)) == ("applied", {})


def test_a_dovecot_that_is_broken_does_not_stop_the_relayhost(scene: Scene, monkeypatch) -> None:
    """Each part is read by itself; what is mended goes on by itself."""
    facts = scene.host.facts

    def broken(part: str) -> Any:
        if part == "dovecot":
            raise CheckFailed("Dovecot cannot read its configuration: dovecot.conf line 5: x.")
        return facts(part)

    monkeypatch.setattr(scene.host, "facts", broken)
    interval = Desired(INTERVAL, 1, False, {"junk_days": 7, "trash_days": None}, None, True)
    report = scene.converge(interval)
    assert (report.status, report.step) == ("failed", "read")
    assert "dovecot.conf line 5" in (report.error or "")
    assert scene.converge(scene.wanted(1)).status == "applied"
    monkeypatch.undo()
    scene.now = 2000.0
    monkeypatch.setattr("mailpanel.apply.executor.time.monotonic", lambda: scene.now)
    assert scene.converge(interval).status == "applied"


class TestPreviews:
    """What a test tells beside trying the values."""

    INTERVAL = Errand(
        1, "test", "junk_trash_clearing_interval", False, {"junk_days": 7, "trash_days": None}, None
    )
    JUNK = FolderPreview("Junk", 7, 3, 2, 600, 1, "2026-10-13", True, "Junk: 3 messages.")

    def test_what_would_be_deleted_is_a_step(self, scene: Scene) -> None:
        scene.host.counted = Counted((self.JUNK,), "3 messages due.")
        answer = scene.rehearsal.rehearse(self.INTERVAL)
        assert (answer.error, answer.preview) == (None, (self.JUNK,))
        assert [step.name for step in answer.steps] == ["read", "check", "count"]
        assert answer.steps[-1].says == "3 messages due."

    def test_what_cannot_be_counted_fails_nothing(self, scene: Scene) -> None:
        scene.host.counted = HostError("Dovecot cannot list its users.")
        answer = scene.rehearsal.rehearse(self.INTERVAL)
        assert (answer.error, answer.preview) == (None, None)
        assert (answer.steps[-1].name, answer.steps[-1].ok) == ("count", True)
        assert answer.steps[-1].says.endswith("cannot be told. Dovecot cannot list its users.")

    @pytest.mark.parametrize(
        ("change", "preview"),
        [
            ({"kind": "dry_run"}, None),
            ({"kind": "dry_run", "reset": True, "value": None}, None),
            ({"value": {"junk_days": None, "trash_days": None}}, ()),
        ],
    )
    def test_where_nothing_is_asked_nothing_is_counted(
        self, scene: Scene, change: dict[str, Any], preview: Any
    ) -> None:
        scene.host.counted = HostError("It was asked.")
        answer = scene.rehearsal.rehearse(replace(self.INTERVAL, **change))
        assert (answer.error, answer.preview) == (None, preview)
        assert [step.name for step in answer.steps] == ["read", "check"]

    def test_values_that_are_refused_are_not_counted(self, scene: Scene) -> None:
        scene.host.failing = "check"
        answer = scene.rehearsal.rehearse(self.INTERVAL)
        assert answer.error is not None
        assert answer.preview is None
        assert answer.steps[-1].name == "check"

    def test_more_than_anybody_tries_by_hand_are_refused(self, scene: Scene) -> None:
        answers = [scene.rehearsal.rehearse(self.INTERVAL) for _ in range(MOST_ERRANDS + 1)]
        assert [answer.error for answer in answers[:-1]] == [None] * MOST_ERRANDS
        assert "Too many tests" in (answers[-1].error or "")


class TestBounds:
    """Root's options count for what is live, whatever the database wants."""

    MASTER = "imap_master_password"

    def converged(self, scene: Scene, bounds: str, **facts: Any) -> Report | None:
        scene.start()
        scene.executor._bounds = bounds
        scene.host.bounds = facts
        wanted = Desired(self.MASTER, 1, False, {"hash": HASH}, None, True)
        return scene.converge(wanted)

    def test_what_they_forbid_is_taken_off_the_host(self, scene: Scene) -> None:
        assert self.converged(scene, "a").status == "applied"
        assert scene.host.files
        assert self.converged(scene, "a") is None
        report = self.converged(scene, "b", master_enabled=False)
        assert report.status == "failed"
        assert "mailpanel.master_enabled" in report.error
        assert scene.host.files == {}
        assert scene.state.get(self.MASTER).live == 0

    def test_a_revision_that_no_change_led_to_is_refused(self, scene: Scene) -> None:
        """After the highest number there is none could be counted any more."""
        report = scene.converge(replace(scene.wanted(1), revision=2**31 - 2))
        assert report.status == "failed"
        assert "far above" in report.error
        assert scene.converge(scene.wanted(1)).status == "applied"
