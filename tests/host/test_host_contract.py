"""What every host keeps, the fake in memory and the real one with a Postfix alike."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
from standing import contents

from mailpanel.deployment import load
from mailpanel.errors import CheckFailed, HostError, ProbeFailed, PutBackFailed, VerifyFailed
from mailpanel.host import postfix_part
from mailpanel.host.change import Change
from mailpanel.host.compose import parameter
from mailpanel.host.mailhost import Host, MailHost
from mailpanel.host.postfix import Postfix
from mailpanel.host.testing import FakeHost
from mailpanel.layout import prepare_state
from mailpanel.plan import (
    Facts,
    MapEntries,
    Plan,
    PostfixFacts,
    PrependParameter,
    Probe,
    SetParameter,
    SetService,
    SmtpLogin,
)
from mailpanel.playground.postfix import PrivatePostfix

LOGIN = SmtpLogin("relay.test", 587, "starttls", True, "u", "p", "", "", ("PLAIN",), "me.test")
OWN = "# the admin's own\nmessage_size_limit=20480000\nrelayhost =  [old.test]:25\n"
OWN_LIST = "smtp_tls_policy_maps = inline:{ {[a.test]:25 = may}, {[b.test]:25 = may} }"


class Scene(Protocol):
    """A host, with what a test may look at and change behind its back."""

    host: Host

    def texts(self) -> tuple[str, str, dict[str, str]]:
        """Return main.cf, master.cf and the sources of mailpanel's tables."""

    def append(self, text: str) -> None:
        """Add *text* to main.cf, as the admin does."""

    def value(self, name: str) -> str:
        """Return what the daemon reads for a parameter."""

    def mail_in_flight(self, is_there: bool) -> None:
        """Say whether mail is on its way."""


class FakeScene:
    def __init__(self) -> None:
        self.host = FakeHost(OWN, "smtp unix - - n - - smtp\n")

    def texts(self) -> tuple[str, str, dict[str, str]]:
        tree = self.host.tree
        assert tree == self.host.live
        return tree.main_cf, tree.master_cf, tree.maps

    def append(self, text: str) -> None:
        tree = self.host.tree
        self.host.tree = self.host.live = type(tree)(tree.main_cf + text, tree.master_cf, tree.maps)

    def value(self, name: str) -> str:
        return parameter(self.host.tree, name)

    def mail_in_flight(self, is_there: bool) -> None:
        self.host.in_flight = is_there


class RealScene:
    def __init__(self, postfix: PrivatePostfix, state: Path, monkeypatch) -> None:
        self._postfix = postfix
        self._monkeypatch = monkeypatch
        with postfix.main_cf.open("a") as stream:
            stream.write(OWN)
        postfix.start()
        options = {
            "mailpanel.state_directory": str(state),
            "mailpanel.postfix_config_directory": str(postfix.config_directory),
        }
        deployment = load(options, {})
        prepare_state(deployment)
        monkeypatch.setattr(postfix_part, "LOOKS_APART", 0.0)
        self.host = MailHost(deployment)
        self.mail_in_flight(False)

    def texts(self) -> tuple[str, str, dict[str, str]]:
        maps = self._postfix.config_directory / "mailpanel"
        sources = maps.iterdir() if maps.is_dir() else ()
        tables = {path.name: path.read_text() for path in sources if not path.suffix}
        return self._postfix.main_cf.read_text(), self._postfix.master_cf.read_text(), tables

    def append(self, text: str) -> None:
        with self._postfix.main_cf.open("a") as stream:
            stream.write(text)
        self._postfix._age()

    def value(self, name: str) -> str:
        return self._postfix.parameter(name)

    def mail_in_flight(self, is_there: bool) -> None:
        found = frozenset({"3ABCDEF"} if is_there else ())
        self._monkeypatch.setattr("mailpanel.host.postfix.Postfix.in_flight", lambda *_: found)


@pytest.fixture(params=["fake", "real"])
def scene(request: pytest.FixtureRequest, directory: Path, monkeypatch) -> Scene:
    if request.param == "fake":
        return FakeScene()
    return RealScene(request.getfixturevalue("postfix"), directory / "s", monkeypatch)


def postfix(facts: Facts) -> PostfixFacts:
    assert facts.postfix is not None
    return facts.postfix


def plan(facts: Facts, next_hop: str = "[a.test]:587", probe: Probe = LOGIN) -> Plan:
    service = f"mailpanel unix - - {postfix(facts).smtp_chroot} - - smtp\n  -o syslog_name=own\n"
    return Plan(
        changes=(
            MapEntries("sasl", ((next_hop, "u:p: #"),)),
            PrependParameter("smtp_sasl_password_maps", postfix(facts).map("sasl"), lingers=True),
            SetParameter("smtp_sasl_auth_enable", "yes", lingers=True),
            SetParameter("relayhost", next_hop),
            SetService("mailpanel", "unix", service, lingers=True),
        ),
        probes=(probe,),
    )


def ignore(_: object) -> None:
    """Take a probe or a step, and find it good."""


def converge(
    scene: Scene, wanted: Plan, probe: Callable[[Probe], None] = ignore, step: Any = ignore
) -> bool:
    return scene.host.converge("s", wanted, scene.host.facts("postfix"), probe, step)


def set_up(scene: Scene, **change: Any) -> Plan:
    wanted = plan(scene.host.facts("postfix"), **change)
    assert converge(scene, wanted)
    return wanted


def test_what_is_wanted_is_made(scene: Scene) -> None:
    steps: list[str] = []
    probes: list[Probe] = []
    main_cf = scene.texts()[0]
    wanted = plan(scene.host.facts("postfix"))
    assert converge(scene, wanted, probes.append, steps.append)
    assert steps[0] == "check"
    assert steps[-1] == "verify"
    assert steps.index("probe") < steps.index("swap") < steps.index("reload")
    assert probes == [LOGIN]
    assert scene.value("relayhost") == "[a.test]:587"
    assert scene.value("smtp_sasl_auth_enable") == "yes"
    now, master_cf, maps = scene.texts()
    assert now.startswith(main_cf.partition("relayhost")[0])
    assert maps == {"sasl": "[a.test]:587 u:p: #\n"}
    assert "mailpanel unix" in master_cf
    assert set(scene.host.owned("s")) == {
        "main.cf: relayhost",
        "main.cf: smtp_sasl_auth_enable",
        "main.cf: smtp_sasl_password_maps",
        "master.cf: mailpanel/unix",
        "table: sasl",
    }
    assert not scene.host.leaving("s")


def test_the_same_again_changes_nothing(scene: Scene) -> None:
    wanted = set_up(scene)
    before = scene.texts()
    steps: list[str] = []
    probes: list[Probe] = []
    assert not converge(scene, wanted, probes.append, steps.append)
    assert (steps, probes) == ([], [])
    assert scene.texts() == before


def test_a_probe_that_fails_leaves_everything(scene: Scene) -> None:
    """Of nothing, and of another next hop, tables and all."""

    def fail(_: Probe) -> None:
        raise ProbeFailed("No.", temporary=False)

    for next_hop in ("[a.test]:587", "[b.test]:2525"):
        facts, before = scene.host.facts("postfix"), scene.texts()
        owned = scene.host.owned("s")
        with pytest.raises(ProbeFailed) as caught:
            converge(scene, plan(facts, next_hop), fail)
        assert not caught.value.temporary
        assert scene.texts() == before
        assert scene.host.owned("s") == owned
        assert scene.host.facts("postfix") == facts
        assert scene.host.recover() is None
        assert converge(scene, plan(facts, next_hop))


def test_the_empty_plan_brings_everything_back(scene: Scene) -> None:
    before, facts = scene.texts(), scene.host.facts("postfix")
    set_up(scene)
    set_up(scene, next_hop="[b.test]:2525")
    assert converge(scene, Plan())
    assert scene.value("relayhost") == "[old.test]:25"
    while scene.host.settle():
        pass
    assert scene.texts() == before
    assert scene.host.facts("postfix") == facts
    assert scene.host.owned("s") == []
    assert not converge(scene, Plan())


def test_what_lingers_waits_for_the_mail_in_flight(scene: Scene) -> None:
    before = scene.texts()
    set_up(scene)
    scene.mail_in_flight(True)
    set_up(scene, next_hop="[b.test]:2525")
    assert scene.texts()[2] == {"sasl": "[b.test]:2525 u:p: #\n[a.test]:587 u:p: #\n"}
    assert converge(scene, Plan())
    for _ in range(3):
        assert scene.host.settle()
    assert scene.host.leaving("s")
    assert scene.texts()[2]["sasl"]
    assert scene.value("relayhost") == "[old.test]:25"
    assert scene.value("smtp_sasl_auth_enable") == "yes"
    scene.mail_in_flight(False)
    while scene.host.settle():
        pass
    assert not scene.host.leaving("s")
    assert scene.texts() == before


def test_the_facts_are_the_admins_own(scene: Scene) -> None:
    """Whatever mailpanel has put in their place."""
    scene.append(OWN_LIST + "\n")
    facts = scene.host.facts("postfix")
    assert postfix(facts).parameters["relayhost"] == "[old.test]:25"
    assert postfix(facts).parameters["smtp_tls_policy_maps"] == OWN_LIST.partition("= ")[2]
    item = PrependParameter("smtp_tls_policy_maps", postfix(facts).map("tls"), lingers=True)
    wanted = plan(facts)
    entries = MapEntries("tls", (("[a.test]:587", "secure"),))
    assert converge(scene, Plan(changes=(*wanted.changes, entries, item)))
    ours, theirs = postfix(facts).map("tls"), OWN_LIST.partition("= ")[2]
    assert scene.value("smtp_tls_policy_maps") == f"{ours}, {theirs}"
    assert scene.host.facts("postfix") == facts


def test_lines_that_the_admin_adds_meanwhile_stay(scene: Scene) -> None:
    before = scene.texts()[0]
    set_up(scene)
    scene.append("delay_warning_time = 4h\n")
    converge(scene, Plan())
    while scene.host.settle():
        pass
    assert scene.texts()[0] == before + "delay_warning_time = 4h\n"
    assert scene.value("delay_warning_time") == "4h"


class Killed(BaseException):
    """No error that anything would put back: as if the process were gone."""


def killed(scene: Scene, at: str) -> Plan:
    """Begin another change, and have it killed at the step *at*; return its plan."""

    def die(step: str) -> None:
        if step == at:
            raise Killed

    wanted = plan(scene.host.facts("postfix"), "[b.test]:2525")
    with pytest.raises(Killed):
        converge(scene, wanted, step=die)
    return wanted


@pytest.mark.parametrize(
    ("at", "comes"),
    [
        ("check", None),
        ("probe", None),
        ("journal", None),
        ("swap", "undone"),
        ("reload", "finished"),
        ("verify", "finished"),
    ],
)
def test_a_change_that_was_killed_is_undone_or_finished(
    scene: Scene, at: str, comes: str | None
) -> None:
    """By whether the rename that counts has happened; and what was wanted can be made after it."""
    set_up(scene)
    before = scene.texts()

    wanted = killed(scene, at)
    assert scene.host.recover() == comes
    assert scene.host.recover() is None
    assert scene.value("relayhost") == ("[b.test]:2525" if comes == "finished" else "[a.test]:587")
    assert (scene.texts() == before) == (comes != "finished")
    assert converge(scene, wanted) == (comes != "finished")
    assert scene.value("relayhost") == "[b.test]:2525"


@pytest.mark.parametrize(("at", "told"), [("swap", "put back"), ("verify", "finished")])
def test_the_next_change_says_what_became_of_one_that_was_interrupted(
    scene: Scene, at: str, told: str
) -> None:
    """It is tried again: its facts were read before that."""
    set_up(scene)

    wanted = killed(scene, at)
    with pytest.raises(HostError, match=f"was interrupted has been {told} now; this is tried"):
        converge(scene, wanted)


def test_what_was_killed_is_recovered_before_anything_else_is_changed(scene: Scene) -> None:
    """Where one process goes on; the facts it has may be of what was left half-made."""

    def die(step: str) -> None:
        if step == "swap":
            raise Killed

    facts = scene.host.facts("postfix")
    with pytest.raises(Killed):
        converge(scene, plan(facts), step=die)
    with pytest.raises(HostError, match="tried again") as caught:
        scene.host.converge("s", plan(facts), facts, ignore, ignore)
    assert caught.value.temporary
    assert converge(scene, plan(facts))


def test_what_was_edited_since_is_drift(scene: Scene) -> None:
    """A look shows it and changes nothing; to apply the same once more puts it back."""
    wanted = set_up(scene)
    facts = scene.host.facts("postfix")
    assert scene.host.drift("s", wanted, facts) == []
    scene.append("relayhost = [theirs.test]:25\n")
    before = scene.texts()
    (drift,) = scene.host.drift("s", wanted, scene.host.facts("postfix"))
    assert "[theirs.test]:25" in drift.diff
    assert "u:p" not in drift.diff
    assert scene.texts() == before
    assert scene.value("relayhost") == "[theirs.test]:25"
    facts = scene.host.facts("postfix")
    assert scene.host.converge("s", wanted, facts, ignore, ignore, over_edits=True)
    assert scene.value("relayhost") == "[a.test]:587"
    assert scene.host.drift("s", wanted, scene.host.facts("postfix")) == []


def test_a_rehearsal_tells_what_would_change_and_changes_nothing(scene: Scene) -> None:
    facts, before = scene.host.facts("postfix"), scene.texts()
    with scene.host.rehearsal("s", plan(facts), facts) as (differences, _):
        told = "".join(each.diff for each in differences)
    assert "[a.test]:587" in told
    assert "u:p" not in told
    assert scene.texts() == before
    assert scene.host.owned("s") == []
    assert scene.host.recover() is None


def test_nothing_under_way_is_nothing_to_recover(scene: Scene) -> None:
    assert scene.host.recover() is None
    set_up(scene)
    assert scene.host.recover() is None
    assert not scene.host.settle()


class TestRealHost:
    """What only a real one can get wrong."""

    @pytest.fixture
    def real(self, postfix: PrivatePostfix, directory: Path, monkeypatch) -> RealScene:
        return RealScene(postfix, directory / "s", monkeypatch)

    def test_a_failed_probe_leaves_each_file_and_table(self, real, postfix) -> None:
        """The staged tables are files of their own: what stands in the live ones is not written."""
        set_up(real)
        before = snapshot(postfix.config_directory)

        def fail(_: Probe) -> None:
            assert snapshot(postfix.config_directory) == before
            raise ProbeFailed("No.")

        with pytest.raises(ProbeFailed):
            converge(real, plan(real.host.facts("postfix"), "[b.test]:2525"), fail)
        assert snapshot(postfix.config_directory) == before

    def test_a_reload_that_fails_puts_each_file_back(self, real, postfix, monkeypatch) -> None:
        before = snapshot(postfix.config_directory)
        pid = postfix.master_pid
        wanted = plan(real.host.facts("postfix"))
        monkeypatch.setattr(
            "mailpanel.host.change.Change.verify",
            lambda *_: (_ for _ in ()).throw(CheckFailed("as the test wants it")),
        )
        with pytest.raises(CheckFailed):
            converge(real, wanted)
        assert snapshot(postfix.config_directory) == before
        assert postfix.master_pid == pid

    def test_a_put_back_that_the_daemon_does_not_take_is_told(
        self, real, postfix, monkeypatch
    ) -> None:
        """A reload that says it was done and was not; it is made up for before the next change."""
        before = snapshot(postfix.config_directory)

        def fail(_change: Change) -> None:
            lying.setattr(Postfix, "reload", lambda _postfix: None)
            raise VerifyFailed("As the test wants it.")

        with monkeypatch.context() as lying:
            lying.setattr("mailpanel.host.postfix.PATIENCE", 1.0)
            lying.setattr(Change, "verify", fail)
            with pytest.raises(PutBackFailed, match=r"wants it\. The old files are back.* goes"):
                converge(real, plan(real.host.facts("postfix")))
            assert snapshot(postfix.config_directory) == before
            with pytest.raises(HostError, match="goes on with the configuration that it had"):
                real.host.recover()
        assert real.host.recover()
        assert snapshot(postfix.config_directory) == before

    def test_a_stage_that_was_left_half_made_is_made_anew(self, real, directory) -> None:
        """What is kept of it between two checks must not stop every change for ever."""
        set_up(real)
        shutil.chown(directory / "s" / "stage" / "spool" / "defer", "root", "root")
        wanted = plan(real.host.facts("postfix"), "[b.test]:2525")
        with pytest.raises(CheckFailed, match="defer"):
            converge(real, wanted)
        assert converge(real, wanted)

    def test_an_edit_during_the_probe_is_not_overwritten(self, real, postfix) -> None:
        facts = real.host.facts("postfix")

        def edit(_: Probe) -> None:
            real.append("delay_warning_time = 4h\n")

        with pytest.raises(HostError, match=r"main\.cf was edited") as caught:
            converge(real, plan(facts), edit)
        assert caught.value.temporary
        assert postfix.main_cf.read_text().endswith("delay_warning_time = 4h\n")
        assert converge(real, plan(real.host.facts("postfix")))

    def test_a_broken_main_cf_is_named_and_left(self, real, postfix) -> None:
        real.append("this is no parameter\n")
        before = snapshot(postfix.config_directory)
        with pytest.raises(CheckFailed, match="missing '='"):
            real.host.facts("postfix")
        assert snapshot(postfix.config_directory) == before
        postfix.main_cf.write_text(postfix.main_cf.read_text().replace("this is no parameter", ""))

    def test_a_stopped_postfix_is_told_and_nothing_changes(self, real, postfix) -> None:
        facts = real.host.facts("postfix")
        postfix.stop()
        before = snapshot(postfix.config_directory)
        with pytest.raises(HostError, match="not running") as caught:
            converge(real, plan(facts))
        assert caught.value.temporary
        assert snapshot(postfix.config_directory) == before

    def test_a_value_with_a_dollar_sign_is_used_as_the_daemon_does(self, real, postfix) -> None:
        """In what a probe needs; nothing else of the admin's text is expanded."""
        real.append(
            "smtp_tls_CAfile = ${config_directory}/own.pem\nsmtp_helo_name = $myhostname\n"
            "smtp_sasl_password_maps = hash:$config_directory/sasl\n"
        )
        found = real.host.facts("postfix").postfix.parameters
        assert found["smtp_tls_CAfile"] == f"{postfix.config_directory}/own.pem"
        assert found["smtp_helo_name"] == "private.test"
        assert found["smtp_sasl_password_maps"] == "hash:$config_directory/sasl"


def snapshot(directory: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Return every file below *directory* with mode, owner and content."""
    return {
        str(path): (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid, content)
        for path, content in contents(directory).items()
    }
