"""Whatever happens to a host, and in whatever order, it has what a model of it says."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mailpanel.apply.executor import Executor
from mailpanel.errors import ProbeFailed
from mailpanel.host.compose import Tree, parameter
from mailpanel.host.state import State
from mailpanel.host.testing import FakeHost
from mailpanel.plan import SmtpLogin
from mailpanel.reports import Desired, Report, Step
from mailpanel.seal import Opener, Sealer, make_keys
from mailpanel.settings import SETTINGS

RELAYHOST, MAILER = "postfix_relayhost", "system_mailer"
INTERVAL, MASTER = "junk_trash_clearing_interval", "imap_master_password"
NAMES = st.sampled_from([RELAYHOST, MAILER, INTERVAL, MASTER])
# Mostly all goes well, and then apply is there at once.
PERHAPS = st.sampled_from([None, None, None, "check", "journal", "swap", "reload", "verify"])
SOON = st.sampled_from([True, True, True, False])
MAIN_CF = "# the admin's own\nrelayhost = [old.test]:25\nbiff = no\n"
MASTER_CF = "smtp unix - - n - - smtp\n"
HASH = f"{{ARGON2ID}}$argon2id$v=19$m=19456,t=2,p=1${'s' * 22}${'h' * 42}"
# Of the soak's thousand rounds; each example is up to STEPS_EACH steps.
EXAMPLES = int(os.environ.get("MAILPANEL_ROUNDS", "100")) // 2
STEPS_EACH = 60
PAUSE = 60.0


class Killed(BaseException):
    """As if the process were gone: nothing puts anything back."""


@dataclass
class Model:
    """What is ``wanted`` of one setting, and what is ``live``; ``None`` for none."""

    revision: int = 0
    wanted: int | None = None
    live: int | None = None


@dataclass
class Clock:
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000.0 + self.now


@dataclass
class World:
    """A host in memory, what is on root's disk, and whoever kills the executor."""

    place: Path
    clock: Clock = field(default_factory=Clock)
    host: FakeHost = field(default_factory=lambda: FakeHost(MAIN_CF, MASTER_CF))
    dies_at: str | None = None
    relay_is_away: bool = False

    def __post_init__(self) -> None:
        (self.place / "ledger").mkdir()
        make_keys(self.place / "seal.key", self.place / "seal.pub")
        self.start()

    def start(self) -> None:
        """Start anew, as after a kill: with what is on the disk, and recovery first of all."""
        self.dies_at = None
        self.host.recover()
        self.state = State(str(self.place))
        self.executor = Executor(
            host=self.host,
            state=self.state,
            opener=Opener(self.place / "seal.key"),
            settings=SETTINGS,
            report=self._report,
            try_probe=self._try,
            pause=PAUSE,
        )

    def _report(self, report: Report) -> None:
        if report.status == "applying" and report.step == self.dies_at is not None:
            raise Killed

    def _try(self, probe: SmtpLogin) -> list[Step]:
        if self.relay_is_away:
            raise ProbeFailed("The relay does not answer.")
        return []

    def desired(self, name: str, revision: int, number: int | None) -> Desired:
        """Return the row of *name* that has *number* in its value; ``None`` is a reset."""
        if number is None:
            return Desired(name, revision, True, None, None, True)
        value = {
            RELAYHOST: {"server_hostname": host(number), "server_port": 587, "username": "u"},
            MAILER: {"server_hostname": host(number), "server_port": 587, "username": "u"},
            INTERVAL: {"junk_days": 1 + number, "trash_days": None},
            MASTER: {"hash": HASH + chr(ord("a") + number)},
        }[name]
        destination = {each: value.get(each) for each in SETTINGS[name].destination}
        sealed = None
        if SETTINGS[name].secret_field:
            sealer = Sealer(self.place / "seal.pub")
            sealed = sealer.seal(name, revision, destination, f"secret {number}")
        return Desired(name, revision, False, value, sealed, True)


def host(number: int) -> str:
    return f"relay{number}.test"


def live(host_: FakeHost, name: str) -> str:
    """Return what stands on the host of *name*, as text; empty for nothing."""
    if name == RELAYHOST:
        return parameter(host_.tree, "relayhost")
    return "".join(text for whose, text in host_.files.values() if whose == name)


def has(text: str, name: str, number: int) -> bool:
    """Say whether *text* is what the value with *number* makes of *name*."""
    if name == INTERVAL:
        return (
            f"autoexpunge = {1 + number}" in text or f"autoexpunge = {(1 + number) // 7}w" in text
        )
    return {
        RELAYHOST: f"[{host(number)}]:587",
        MAILER: host(number),
        MASTER: HASH + chr(ord("a") + number),
    }[name] in text


class AnyOrder(RuleBasedStateMachine):
    """Set, reset, hand edits, kills, faults, restarts and put-backs, as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.patch = pytest.MonkeyPatch()
        self.world = World(Path(self.directory.name))
        for name in ("monotonic", "time"):
            there = f"mailpanel.apply.executor.time.{name}"
            self.patch.setattr(there, getattr(self.world.clock, name))
        self.models = {name: Model() for name in SETTINGS}
        self.rows: dict[str, Desired] = {}
        self.lines: list[str] = []
        self.admins = "[old.test]:25"
        self.edited: str | None = None
        # Those to which mail may still be on its way.
        self.relays: set[int] = set()

    def teardown(self) -> None:
        try:
            self.everything_passes()
        finally:
            self.patch.undo()
            self.directory.cleanup()

    # What an administrator does.

    @rule(name=NAMES, number=st.integers(0, 9), dies=PERHAPS, fails=PERHAPS, soon=SOON)
    def set(
        self, name: str, number: int, dies: str | None, fails: str | None, *, soon: bool
    ) -> None:
        model = self.models[name]
        model.revision += 1
        model.wanted = number
        self.rows[name] = self.world.desired(name, model.revision, number)
        self._be_there(name, dies, fails, soon=soon)

    def _be_there(
        self, name: str, dies: str | None = None, fails: str | None = None, *, soon: bool = True
    ) -> None:
        """Let apply come to *name*, *soon*, and let it be killed or fail there."""
        if soon:
            self.world.dies_at, self.world.host.failing = dies, fails
            self._converge(name)
            self.world.dies_at = self.world.host.failing = None

    @rule(name=NAMES, dies=PERHAPS, fails=PERHAPS, soon=SOON)
    def reset(self, name: str, dies: str | None, fails: str | None, *, soon: bool) -> None:
        model = self.models[name]
        if model.wanted is not None:
            model.revision += 1
            model.wanted = None
            self.rows[name] = self.world.desired(name, model.revision, None)
            self._be_there(name, dies, fails, soon=soon)

    @rule(number=st.integers(0, 99))
    def write_a_line_of_his_own(self, number: int) -> None:
        line = f"own_{len(self.lines)} = {number}\n"
        self.lines.append(line)
        self._write(self.world.host.tree.main_cf + line)

    @rule(number=st.integers(0, 9))
    def edit_the_relayhost(self, number: int) -> None:
        """His value stays until the setting is saved again, and a reset leaves it."""
        self.edited = self.admins = f"[theirs{number}.test]:25"
        line = f"relayhost = {self.edited}\n"
        self._write(re.sub(r"(?m)^relayhost = .*\n", line, self.world.host.tree.main_cf))
        assert live(self.world.host, RELAYHOST) == self.edited

    def _write(self, main_cf: str) -> None:
        tree = self.world.host.tree
        self.world.host.tree = self.world.host.live = Tree(main_cf, tree.master_cf, tree.maps)

    @precondition(lambda self: RELAYHOST in self.rows)
    @rule()
    def put_back(self) -> None:
        self._converge(RELAYHOST, put_back=True)

    # What happens to it.

    @rule(away=st.booleans())
    def lose_the_relay(self, away: bool) -> None:
        self.world.relay_is_away = away

    @rule(in_flight=st.booleans())
    def send_mail(self, in_flight: bool) -> None:
        self.world.host.in_flight = in_flight

    @rule(minutes=st.integers(1, 120))
    def wait(self, minutes: int) -> None:
        self.world.clock.now += 60.0 * minutes

    @rule()
    def restart(self) -> None:
        self.world.start()

    # What apply does, over and over.

    @rule()
    def converge(self) -> None:
        for name in self.rows:
            self._converge(name)

    @rule()
    def settle(self) -> None:
        self.world.executor.settle()
        if not self.world.host.in_flight:
            number = self.models[RELAYHOST].live
            self.relays = set() if number is None else {number}

    @rule()
    def look(self) -> None:
        before = self.world.host.tree, self.world.host.files
        for row in self.rows.values():
            self.world.executor.look(row)
        assert (self.world.host.tree, self.world.host.files) == before
        problems = [self.world.state.get(name).details.get("problem") for name in self.rows]
        assert not any(problems), problems
        record = self.world.state.get(RELAYHOST)
        if RELAYHOST in self.rows and self.is_applied(RELAYHOST) and record.live:
            assert ("drift" in record.details) == (self.edited is not None)

    def _converge(self, name: str, *, put_back: bool = False) -> None:
        executor, row, text = self.world.executor, self.rows[name], live(self.world.host, name)
        try:
            if put_back:
                executor.put_back(row)
            else:
                executor.converge(row)
        except Killed:
            self.world.start()
            assert self.world.state.get(name).revision == row.revision
        self._learn(name, text)

    def _learn(self, name: str, before: str) -> None:
        """Find out what became of *name*: it is what it was, or what is wanted."""
        model, text = self.models[name], live(self.world.host, name)
        if self.world.state.get(name).status == "failed":
            assert text == before, "what failed has changed nothing"
        # A reset that only waits for mail on its way is done, as far as this goes.
        if self.is_applied(name, "settling") or text != before:
            assert self.is_as_wanted(name, text), (model, text)
            model.live = model.wanted
            if name == RELAYHOST and model.live is not None:
                self.relays.add(model.live)
            if name == RELAYHOST and (text != self.edited or model.wanted is None):
                self.edited = None

    def is_applied(self, name: str, *others: str) -> bool:
        record = self.world.state.get(name)
        is_done = record.status in ("applied", *others)
        return record.revision == self.rows[name].revision and is_done

    def is_as_wanted(self, name: str, text: str) -> bool:
        number = self.models[name].wanted
        if name == RELAYHOST and self.edited is not None and text == self.edited:
            return True
        if number is None:
            return text == (self.admins if name == RELAYHOST else "")
        return has(text, name, number)

    @invariant()
    def every_file_is_what_it_was_or_what_is_wanted(self) -> None:
        for name, model in self.models.items():
            text = live(self.world.host, name)
            if name == RELAYHOST and self.edited is not None:
                assert text == self.edited
            elif model.live is None:
                assert text == (self.admins if name == RELAYHOST else "")
            else:
                assert has(text, name, model.live)

    @invariant()
    def the_admins_own_lines_are_there(self) -> None:
        main_cf = self.world.host.tree.main_cf
        for line in ("# the admin's own\n", "biff = no\n", *self.lines):
            assert line in main_cf

    @invariant()
    def a_relay_with_an_account_has_its_key(self) -> None:
        tree = self.world.host.tree
        if (next_hop := parameter(tree, "relayhost")).endswith(":587"):
            number = int(re.findall(r"\d+", next_hop)[0])
            assert f"{next_hop} u:secret {number}\n" in tree.maps["sasl"]
            assert f"{next_hop} secure" in tree.maps["tls"]

    @invariant()
    def a_relay_to_which_mail_is_on_its_way_keeps_its_key(self) -> None:
        for number in self.relays:
            assert f"[{host(number)}]:587 u:secret" in self.world.host.tree.maps["sasl"]

    @invariant()
    def root_never_forgets_a_revision(self) -> None:
        for name, row in self.rows.items():
            assert self.world.state.get(name).revision <= row.revision

    def everything_passes(self) -> None:
        """In the end all is as it was asked for last, and then as it was before mailpanel."""
        self._come_to_rest()
        for name in list(self.rows):
            self.reset(name, None, None, soon=True)
        self._come_to_rest()
        assert self.world.host.files == {}
        assert self.world.host.tree.master_cf == MASTER_CF
        assert self.world.host.tree.maps == {}
        expected = MAIN_CF.replace("[old.test]:25", self.admins) + "".join(self.lines)
        assert self.world.host.tree.main_cf == expected

    def _come_to_rest(self) -> None:
        world = self.world
        world.host.failing = world.dies_at = None
        world.relay_is_away = world.host.in_flight = False
        for _ in range(3):
            world.clock.now += 7200.0
            self.converge()
            self.settle()
        for name in self.rows:
            assert self.is_applied(name), world.state.get(name)
            assert self.is_as_wanted(name, live(world.host, name))


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS_EACH,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
