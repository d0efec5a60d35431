"""What is said of a relay before a change is what happens to mail after it.

Each relay is tried by a test of values that are not saved, and by an apply; then the values
are made live, whatever was said, and a message is handed in.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from loopback import NOBODY, RELAY
from odd_relay import OddRelay, self_signed
from real_host import PATIENCE
from standing import below, contents

from mailpanel import deployment
from mailpanel.apply import probes, reaching, rehearsal
from mailpanel.apply.executor import Executor
from mailpanel.apply.probes import try_smtp_login
from mailpanel.apply.rehearsal import Rehearsal
from mailpanel.apply.steps import Steps
from mailpanel.errors import ProbeFailed
from mailpanel.host import trial
from mailpanel.host.mailhost import MailHost
from mailpanel.host.state import State
from mailpanel.layout import prepare_state
from mailpanel.plan import SmtpLogin
from mailpanel.playground.certificates import Authority
from mailpanel.playground.postfix import PrivatePostfix
from mailpanel.reports import Desired, Errand, ErrandAnswer, Report, Step
from mailpanel.seal import Opener, Sealer, make_keys
from mailpanel.settings import SETTINGS

NAME = "postfix_relayhost"
USERNAME, PASSWORD = "relay-user", "xyzzy-plugh: #17"
ACCOUNT = {"username": USERNAME, "password": PASSWORD}


@dataclass
class Desk:
    """An executor for one private Postfix, asked as the courier asks it."""

    place: Path
    postfix: PrivatePostfix
    ca_file: Path
    revision: int = 0
    reports: list[Report] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.options = deployment.load(
            {
                "mailpanel.state_directory": str(self.place),
                "mailpanel.postfix_config_directory": str(self.postfix.config_directory),
                "mailpanel.ca_file": str(self.ca_file),
                "mailpanel.host_name": "mail.test",
            },
            {},
        )
        prepare_state(self.options)
        make_keys(self.place / "seal.key", self.place / "seal.pub")
        host, opener = MailHost(self.options), Opener(self.place / "seal.key")
        self.rehearsal = Rehearsal(host, opener, SETTINGS, self._try_plainly)
        self.executor = Executor(
            host=host,
            state=State(str(self.place)),
            opener=opener,
            settings=SETTINGS,
            report=self.reports.append,
            try_probe=self._try_plainly,
            pause=60.0,
        )

    @staticmethod
    def _try_plainly(probe: SmtpLogin) -> list[Step]:
        steps = Steps()
        try:
            asyncio.run(try_smtp_login(probe, steps))
        except ProbeFailed as error:
            error.steps = steps.taken
            raise
        return steps.taken

    def test(self, given: dict[str, Any]) -> ErrandAnswer:
        """Return the answer to a test of *given*."""
        value, sealed = self._sealed(given, 1)
        return self.rehearsal.rehearse(Errand(1, "test", NAME, False, value, sealed))

    def apply(self, given: dict[str, Any], probe: bool = True) -> Report:
        """Make *given* the next revision, and return what comes of it."""
        self.revision += 1
        value, sealed = self._sealed(given, self.revision)
        self.executor.converge(Desired(NAME, self.revision, False, value, sealed, probe))
        return self.reports[-1]

    def _sealed(self, given: dict[str, Any], revision: int) -> tuple[dict[str, Any], str | None]:
        value = {name: each for name, each in given.items() if name != "password"}
        if "password" not in given:
            return value, None
        destination = {name: value.get(name) for name in SETTINGS[NAME].destination}
        sealer = Sealer(self.place / "seal.pub")
        return value, sealer.seal(NAME, revision, destination, given["password"])


@pytest.fixture
def desk(directory: Path, postfix: PrivatePostfix, ca_file: Path) -> Desk:
    place = directory / "m"
    place.mkdir(mode=0o700)
    return Desk(place, postfix, ca_file)


@pytest.fixture
def relay(authority: Authority) -> Iterator[Callable[..., OddRelay]]:
    """Start odd relays with the account, at port 587 of RELAY and with its certificate."""
    with ExitStack() as stack:

        def start(*names: str, **more: Any) -> OddRelay:
            given = {"address": RELAY, "port": 587, "username": USERNAME, "password": PASSWORD}
            certificate = more.pop("certificate", authority.issue(*(names or (RELAY,))))
            return stack.enter_context(OddRelay(certificate, **given | more))

        yield start


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, postfix: PrivatePostfix) -> None:
    """Nobody waits for longer than a second or two, Postfix itself neither."""
    for each in (probes, reaching):
        monkeypatch.setattr(each, "TIMEOUT", 1.0)
    names = ("smtp_connect_timeout", "smtp_helo_timeout", "smtp_starttls_timeout")
    monkeypatch.setattr(trial, "OVERRIDES", trial.OVERRIDES | dict.fromkeys(names, "2s"))
    postfix.set_parameters(dict.fromkeys(names, "2s"))


def value(**more: Any) -> dict[str, Any]:
    return {"server_hostname": RELAY, "server_port": 587, **ACCOUNT, **more}


def steps(answer: ErrandAnswer) -> dict[str, Step]:
    return {step.name: step for step in answer.steps}


@dataclass
class Checker:
    """Sees that test, apply and mail agree."""

    desk: Desk
    wait_until: Callable[..., None]

    def gets_through(self, relay: OddRelay, given: dict[str, Any]) -> ErrandAnswer:
        """Test, apply, send; return what the test answered."""
        self._started()
        answer = self.desk.test(given)
        assert answer.error is None, answer
        assert relay.messages == []
        assert self.desk.apply(given).status == "applied"
        assert relay.messages == []
        self.desk.postfix.submit("friend@example.net")
        self.wait_until(lambda: relay.messages)
        return answer

    def fails(self, given: dict[str, Any], *, for_good: bool = False) -> ErrandAnswer:
        """Test, apply, make live in spite of that, send; return what the test answered."""
        self._started()
        answer = self.desk.test(given)
        report = self.desk.apply(given)
        assert report.status == "failed"
        assert answer.error is not None
        assert self.desk.executor._state.get(NAME).retry is not for_good
        assert self.desk.apply(given, probe=False).status == "applied"
        self.desk.postfix.submit("friend@example.net")
        self.wait_until(lambda: "status=" in self.desk.postfix.log())
        assert "status=sent" not in self.desk.postfix.log()
        assert PASSWORD not in repr(answer) + repr(report)
        return ErrandAnswer(1, report.error, answer.steps, answer.diffs)

    def _started(self) -> None:
        if not self.desk.postfix.running:
            self.desk.postfix.start()


@pytest.fixture
def checker(desk: Desk, wait_until: Callable[..., None]) -> Iterator[Checker]:
    yield Checker(desk, wait_until)
    # However it ended, nothing of it runs, and nothing is left but empty directories.
    stage = desk.place / "stage"
    assert [str(path) for path in below(stage) if not path.is_dir()] == []
    assert in_directory(stage / "spool") == []


def in_directory(directory: Path) -> list[str]:
    """Return the processes that stay in *directory*."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == directory:
                found.append(entry.name)
        except OSError:
            continue
    return found


class TestWhatGetsThrough:
    def test_by_starttls(self, relay, checker) -> None:
        answer = checker.gets_through(relay(), value())
        assert list(steps(answer))[-2:] == ["auth", "postfix"]
        assert "gets as far as naming a recipient" in steps(answer)["postfix"].says

    def test_by_tls_from_the_start(self, relay, checker) -> None:
        checker.gets_through(relay(port=465, implicit_tls=True), value(server_port=465))

    @pytest.mark.parametrize("implicit_tls", [False, True])
    def test_a_server_with_another_certificate_for_who_names_it_not(
        self, relay, checker, authority, implicit_tls
    ) -> None:
        names = {"certificate": authority.issue("wrong.test"), "sni": authority.issue("localhost")}
        odd = relay(address="127.0.0.1", port=0, implicit_tls=implicit_tls, **names)
        security = {"security": "tls" if implicit_tls else "starttls"}
        checker.gets_through(
            odd, value(server_hostname="localhost", server_port=odd.port, **security)
        )

    def test_a_mechanism_that_only_postfix_has(self, relay, checker) -> None:
        """The plain probe cannot log in so, and does not pretend."""
        answer = checker.gets_through(relay(mechanisms=("DIGEST-MD5",)), value())
        assert "Postfix's own way to log in: DIGEST-MD5" in steps(answer)["auth"].says

    def test_the_mechanism_that_postfix_prefers(self, relay, checker) -> None:
        answer = checker.gets_through(relay(mechanisms=("PLAIN", "CRAM-MD5")), value())
        assert "CRAM-MD5" in steps(answer)["auth"].says

    def test_without_an_account(self, relay, checker) -> None:
        open_value = {"server_hostname": RELAY, "server_port": 587}
        checker.gets_through(relay(username="", certificate=None), open_value)

    def test_a_size_that_is_too_small_is_told(self, relay, checker) -> None:
        answer = checker.gets_through(relay(says=("SIZE 5000000",)), value())
        assert "takes messages of up to 5,000,000 bytes" in steps(answer)["tls"].says

    @pytest.mark.parametrize(
        ("reply", "told"),
        [
            ({"MAIL FROM:<POSTMASTER@": "553 5.7.1 not your address"}, "not the sender postmaster"),
            ({"RCPT TO:<MAILPANEL-TEST@": "553 5.7.1 Sender not owned"}, "not the sender"),
            ({"RCPT TO:<MAILPANEL-TEST@": "450 4.7.1 Greylisted"}, "as greylisting does"),
            ({"RCPT TO:<MAILPANEL-TEST@": "550 5.1.1 no such user"}, "not the recipient of a test"),
            (
                {"RCPT TO:<MAILPANEL-TEST@": f"550-5.1.1 {'x ' * 200}\r\n" * 7 + "550 5.1.1 no"},
                "not the sender or the recipient of a test (550-5.1.1 x x",
            ),
        ],
    )
    def test_what_is_refused_for_the_tests_sake_is_a_remark(
        self, relay, checker, reply, told
    ) -> None:
        """Log-in and connection went well; another sender or recipient gets through."""
        answer = checker.gets_through(relay(replies=reply), value())
        assert told in steps(answer)["postfix"].says


CERTIFICATES: dict[str, Callable[[Authority], Any]] = {
    "it has expired": lambda authority: authority.issue("localhost", expired=True),
    "it is self-signed": lambda _: self_signed("localhost"),
    "nobody here knows who issued it": lambda _: Authority().issue("localhost"),
    "it is for another name": lambda authority: authority.issue("wrong.test"),
}


class TestWhatDoesNot:
    def test_a_wrong_password(self, relay, checker) -> None:
        odd = relay(password="another")
        answer = checker.fails(value(), for_good=True)
        assert "refuses the password (535 5.7.8 wrong)" in answer.error
        # Once in the test, once in the apply, once by the mail itself.
        assert odd.logins == [False] * 3

    @pytest.mark.parametrize(
        "reply", ["535 5.7.8 Account locked", "535 5.7.139 SmtpClientAuthentication is disabled"]
    )
    def test_an_account_that_is_locked(self, relay, checker, reply) -> None:
        relay(replies={"AUTH": reply})
        assert "locked or disabled" in checker.fails(value(), for_good=True).error

    def test_a_password_that_is_not_checked_now(self, relay, checker) -> None:
        relay(replies={"AUTH": "454 4.7.0 later"})
        assert "cannot check the password at the moment" in checker.fails(value()).error

    def test_a_reply_that_repeats_the_password(self, relay, checker) -> None:
        relay(replies={"AUTH": f"535 5.7.8 not {PASSWORD}"})
        assert "refuses the password (535)" in checker.fails(value(), for_good=True).error

    def test_a_mechanism_without_its_plugin(self, relay, checker, directory, postfix) -> None:
        """The plain probe logs in; Postfix cannot."""
        plugins = directory / "sasl2"
        plugins.mkdir()
        for plugin in Path("/usr/lib").glob("*/sasl2/libplain.so*"):
            (plugins / plugin.name).symlink_to(plugin)
        known = postfix.parameter("import_environment")
        postfix.set_parameters({"import_environment": f"{known} SASL_PATH={plugins}"})
        relay(mechanisms=("CRAM-MD5",))
        answer = checker.fails(value())
        assert "no way to log in in common" in answer.error
        assert steps(answer)["auth"].ok
        assert not steps(answer)["postfix"].ok

    def test_a_mechanism_that_nobody_has(self, relay, checker) -> None:
        relay(mechanisms=("XOAUTH2",))
        answer = checker.fails(value())
        assert "it offers XOAUTH2" in steps(answer)["auth"].says

    def test_a_kind_of_address_that_postfix_does_not_use(self, relay, checker) -> None:
        """The plain probe gets there."""
        odd = relay("::1", address="::1", port=0)
        answer = checker.fails(value(server_hostname="::1", server_port=odd.port))
        assert "has no address of the kind that Postfix here uses" in answer.error
        assert steps(answer)["auth"].ok

    def test_a_version_of_tls_that_the_admin_forbids(self, relay, checker, postfix) -> None:
        """The plain probe knows nothing of main.cf's rule."""
        postfix.set_parameters({"smtp_tls_mandatory_protocols": ">=TLSv1.3"})
        relay(newest_tls=ssl.TLSVersion.TLSv1_2)
        answer = checker.fails(value())
        assert "does not speak TLS, or none that this host accepts" in answer.error
        assert steps(answer)["auth"].ok

    @pytest.mark.parametrize("told", CERTIFICATES)
    @pytest.mark.parametrize("implicit_tls", [False, True])
    def test_a_certificate(self, relay, checker, authority, told, implicit_tls) -> None:
        certificate = CERTIFICATES[told](authority)
        odd = relay(certificate=certificate, address="127.0.0.1", port=0, implicit_tls=implicit_tls)
        security = {"security": "tls" if implicit_tls else "starttls"}
        given = value(server_hostname="localhost", server_port=odd.port, **security)
        answer = checker.fails(given)
        assert told in answer.error
        # In the same words.
        assert steps(answer)["tls" if not implicit_tls else "greeting"].says == answer.error
        assert odd.logins == []

    def test_no_starttls(self, relay, checker) -> None:
        relay(certificate=None)
        assert "offers no STARTTLS" in checker.fails(value()).error

    def test_plain_smtp_where_tls_is_expected(self, relay, checker) -> None:
        relay(port=465, certificate=None)
        answer = checker.fails(value(server_port=465))
        assert "port 465, does not speak TLS from the start" in answer.error

    @pytest.mark.usefixtures("impatient")
    def test_tls_from_the_start_where_starttls_is_expected(self, relay, checker) -> None:
        relay(implicit_tls=True)
        assert "it may want TLS from the start" in checker.fails(value()).error

    def test_nobody_listens(self, checker) -> None:
        answer = checker.fails(value(server_hostname=NOBODY))
        assert "the connection is refused" in answer.error

    @pytest.mark.usefixtures("impatient")
    @pytest.mark.parametrize(("port", "told"), [(25, "block outgoing port 25"), (587, "firewalls")])
    def test_a_port_that_swallows(self, checker, port, told) -> None:
        with socket.create_server((RELAY, port), backlog=0), ExitStack() as stack:
            # With its queue full the kernel answers no more.
            for _ in range(2):
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex((RELAY, port))
            answer = checker.fails(value(server_port=port))
        assert told in answer.error

    def test_a_name_that_is_none(self, checker) -> None:
        assert "cannot be resolved" in checker.fails(value(server_hostname="no.invalid")).error

    def test_a_server_that_turns_this_host_away(self, relay, checker) -> None:
        relay(replies={"GREETING": "-", "greeting": "554 5.7.1 you are on a list"})
        assert "turns this host away (554 5.7.1 you" in checker.fails(value()).error

    def test_a_server_that_wants_an_account(self, relay, checker) -> None:
        relay()
        open_value = {"server_hostname": RELAY, "server_port": 587}
        assert "wants an account (530" in checker.fails(open_value, for_good=True).error

    @pytest.mark.parametrize(
        "reply",
        ["554 5.7.1 Relay access denied", "550 relay not permitted", "553 5.7.1 no rcpthosts"],
    )
    def test_a_server_that_relays_for_others_alone(self, relay, checker, reply) -> None:
        """Each mail to the outside would bounce."""
        relay(username="", replies={"RCPT": reply})
        open_value = {"server_hostname": RELAY, "server_port": 587}
        assert "takes no mail for others" in checker.fails(open_value).error

    def test_a_server_that_bears_this_hosts_name(self, relay, checker, postfix) -> None:
        """smtp(8) takes it for itself (at port 25)."""
        postfix.set_parameters({"myhostname": "relay.test"})
        relay(port=25, username="", certificate=None)
        answer = checker.fails({"server_hostname": RELAY, "server_port": 25})
        assert "is this host's own mail server, or bears its name" in answer.error


class TestTheInstance:
    """What runs for a test, and what becomes of it."""

    def test_nobody_can_reach_it_and_the_password_is_roots_alone(self, desk, postfix) -> None:
        """Looked at while the relay keeps it waiting."""
        postfix.start()
        stage = desk.place / "stage"
        with waiting() as wait, ExitStack() as later:
            thread = threading.Thread(target=lambda: desk.apply(value()))
            thread.start()
            later.callback(thread.join)
            wait()
            assert in_directory(stage / "spool")
            master_cf = (stage / "etc" / "master.cf").read_text()
            assert " inet " not in master_cf
            assert listening(in_directory(stage / "spool")) == set()
            assert stage.stat().st_mode & 0o777 == 0o700
            standing = contents(stage).items()
            holders = [path for path, content in standing if PASSWORD.encode() in content]
            assert {path.name.partition(".")[0] for path in holders} == {"sasl"}
            assert {path.stat().st_mode & 0o777 for path in holders} == {0o600}
            agents = [Path("/proc", pid) for pid in in_directory(stage / "spool")]
            users = {path.owner() for path in agents if (path / "comm").read_text() == "smtp\n"}
            assert users == {"postfix"}
        assert in_directory(stage / "spool") == []

    @pytest.mark.parametrize("supervised", [True, False])
    def test_nothing_of_it_outlives_an_apply_that_is_killed(
        self, panel, wait_until, supervised
    ) -> None:
        """At once, or, where its supervisor was killed as well, with the next start."""
        with waiting() as wait:
            panel.api("POST", f"settings/{NAME}/", value())
            wait()
            (spool,) = panel.directory.rglob("stage/spool")
            master = int((spool / "pid" / "master.pid").read_text())
            os.kill(panel.pid("apply"), signal.SIGSTOP)
            if not supervised:
                end_supervisors_of(master)
            os.kill(panel.pid("apply"), signal.SIGKILL)
            if supervised:
                wait_until(lambda: in_directory(spool) == [])
            assert (str(master) in in_directory(spool)) is not supervised
            panel.stop_service("apply")
        panel.start_service("apply", "apply")
        wait_until(lambda: "at work" in panel.log("apply").partition("at work")[2])
        assert in_directory(spool) == []

    def test_one_that_takes_too_long_is_ended(self, desk, postfix, monkeypatch) -> None:
        for each in (probes, reaching):
            monkeypatch.setattr(each, "TIMEOUT", 1.0)
        monkeypatch.setattr(rehearsal, "PATIENCE", 1.0)
        postfix.start()
        with waiting():
            answer = desk.test(value())
        assert "is too slow: the log-in was not done within 1 s" in answer.error
        assert in_directory(desk.place / "stage" / "spool") == []

    def test_a_value_that_smtp_dies_of(self, relay, desk, postfix) -> None:
        """Neither Postfix's checks nor a reload see it; all mail would wait."""
        relay()
        postfix.set_parameters({"smtp_tls_security_level": "nonsense"})
        postfix.start()
        report = desk.apply(value())
        assert report.status == "failed"
        assert "cannot use these values" in report.error

    def test_the_admins_own_rules_for_messages_do_not_see_it(
        self, relay, checker, postfix, directory
    ) -> None:
        """Blind copies, filters, holds, aliases and transports are for mail, not for a test."""
        copies = postfix.table("everybody", {"@example.com": "copy@example.net"})
        postfix.set_parameters(
            {
                "always_bcc": "archive@example.net",
                "virtual_alias_maps": copies,
                "transport_maps": postfix.table("routes", {"example.com": "error:no way"}),
                "header_checks": "static:HOLD",
                "defer_transports": "error",
            }
        )
        relay()
        postfix.start()
        assert checker.desk.test(value()).error is None
        assert postfix.queue() == []


@contextmanager
def waiting() -> Iterator[Callable[[], None]]:
    """Listen where the relay should and say nothing; yield what waits for a client."""
    with socket.create_server((RELAY, 587)) as listener, ExitStack() as held:
        listener.settimeout(PATIENCE)
        yield lambda: held.enter_context(listener.accept()[0]) and None


def end_supervisors_of(master: int) -> None:
    """Kill the shells that would end it: its parent, and that one's other child."""
    group = os.getpgid(master)
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            name = (entry / "comm").read_text().strip()
            if name == "sh" and os.getpgid(int(entry.name)) == group:
                os.kill(int(entry.name), signal.SIGKILL)


def listening(pids: list[str]) -> set[str]:
    """Return the inodes of the TCP sockets that *pids* listen on (proc(5))."""
    listens = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                listens.add(f"socket:[{fields[9]}]")
    held = set()
    for pid in pids:
        with suppress(OSError):
            held |= {str(link.readlink()) for link in Path("/proc", pid, "fd").iterdir()}
    return listens & held
