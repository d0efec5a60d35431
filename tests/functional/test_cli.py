"""The `mailpanel` command as scripts use it: exit status, stdout, stderr."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("mailpanel"))
RELAY = ("server_hostname=relay.example.net", "server_port=587")
# All is imported first: interpreter and libraries may be root's alone.
AS_DAEMON = """
import os, pwd, sys
from importlib import import_module
from mailpanel.cli import COMMANDS, main
from mailpanel.services.database import Database
from mailpanel.services.migration import Migration

for module, _ in COMMANDS.values():
    import_module(module)
Database("sqlite:////nowhere"), Migration()
os.setgroups([])
daemon = pwd.getpwnam("daemon").pw_uid
os.setresuid(daemon, daemon, daemon)
main(sys.argv[1:], prog_name="mailpanel")
"""


class Installation:
    """mailpanel with a directory of its own, and the command to use it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ini = directory / "mailpanel.ini"
        self.ini.write_text(
            "[app:main]\n"
            "use = egg:mailpanel\n"
            "mailpanel.state_directory = %(here)s/state\n"
            "mailpanel.run_directory = %(here)s/run\n"
        )
        self.environment = {
            name: text for name, text in os.environ.items() if not name.startswith("MAILPANEL_")
        }

    def run(self, *arguments: str, stdin: str = "", **environment: str):
        return subprocess.run(
            [COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env={**self.environment, "MAILPANEL_CONFIG": str(self.ini), **environment},
            check=False,
            timeout=60,
        )

    def must(self, *arguments: str, stdin: str = "") -> str:
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def bare(public_tmp):
    """What there is before `mailpanel init`."""
    return Installation(public_tmp)


@pytest.fixture(scope="module")
def installation():
    """What there is after `mailpanel init`; the tests of this module share it."""
    directory = Path(tempfile.mkdtemp(prefix="mailpanel-test-"))
    directory.chmod(0o755)
    installation = Installation(directory)
    installation.must("init")
    yield installation
    shutil.rmtree(directory)


def typed_at_terminal(installation: Installation, texts: tuple[str, ...], *arguments: str) -> str:
    """Run the command at a terminal, type each of *texts* where it asks; return what was seen."""
    process = subprocess.Popen(
        ["script", "-qfec", shlex.join([COMMAND, *arguments]), "/dev/null"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**installation.environment, "MAILPANEL_CONFIG": str(installation.ini)},
    )
    seen = ""
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number, text in enumerate(texts, start=1):
            while seen.count(": ") < number:
                chunk = os.read(process.stdout.fileno(), 4096)
                assert chunk, seen
                seen += chunk.decode()
            process.stdin.write(f"{text}\n".encode())
            process.stdin.flush()
        seen += process.stdout.read().decode()
    assert process.returncode == 0, seen
    return seen


def one_line(done, status=1):
    assert done.returncode == status
    assert re.fullmatch(r"mailpanel: [^\n]+\n", done.stderr), done.stderr
    assert done.stdout == ""
    return done.stderr


class TestInit:
    def test_says_what_it_made_and_nothing_when_repeated(self, bare):
        first = bare.must("init")
        assert "made the key pair" in first
        assert "made the web's own key" in first
        assert bare.must("init") == "the database is ready\n"

    def test_keeps_keys_and_database_closed(self, installation):
        state = installation.directory / "state"
        modes = {
            path: stat.S_IMODE((state / path).stat().st_mode)
            for path in (
                "keys/seal.key",
                "keys/seal.pub",
                "keys/web.key",
                "database/mailpanel.sqlite",
            )
        }
        assert list(modes.values()) == [0o600, 0o644, 0o400, 0o600]
        private_owner = (state / "keys" / "seal.key").stat().st_uid
        database_owner = (state / "database" / "mailpanel.sqlite").stat().st_uid
        assert private_owner == os.geteuid()
        assert (state / "keys" / "web.key").stat().st_uid == database_owner
        assert (database_owner == private_owner) == (os.geteuid() != 0)

    def test_takes_a_key_over_and_refuses_another(self, installation):
        keys = installation.directory / "state" / "keys"
        private, public = (keys / "seal.key").read_text(), (keys / "seal.pub").read_text()
        assert installation.run("init", "--key-stdin", stdin=private).returncode == 0
        other = "A" * 43 + "="
        assert "another key" in one_line(installation.run("init", "--key-stdin", stdin=other))
        assert (keys / "seal.key").read_text() == private
        (keys / "seal.key").unlink()
        (keys / "seal.pub").write_text("stale")
        installation.must("init", "--key-stdin", stdin=private)
        assert (keys / "seal.key").read_text() == private
        assert (keys / "seal.pub").read_text() == public

    def test_refuses_what_is_no_key(self, bare):
        assert "no private key" in bare.run("init", "--key-stdin", stdin="nonsense").stderr

    def test_names_a_directory_that_the_user_may_not_pass(self, bare):
        if os.geteuid() != 0:
            pytest.skip("only root has another user to become")
        bare.directory.chmod(0o700)
        done = bare.run("init")
        assert done.returncode == 1
        assert f"chmod o+x {bare.directory}" in done.stderr


class TestConfiguration:
    def test_without_init_every_command_names_it(self, bare):
        for arguments in (["account", "list"], ["setting", "get", "postfix_relayhost"]):
            assert "run mailpanel init" in one_line(bare.run(*arguments))

    def test_config_is_taken_before_and_after_the_command(self, installation):
        ini = str(installation.ini)
        nothing = {"MAILPANEL_CONFIG": ""}
        for arguments in (
            ["--config", ini, "account", "list"],
            ["account", "--config", ini, "list"],
            ["account", "list", "--config", ini],
            ["--config", "/nowhere", "account", "list", "--config", ini],
        ):
            assert installation.run(*arguments, **nothing).returncode == 0, arguments

    def test_missing_ini_is_named(self, bare):
        assert "/nowhere.ini" in one_line(bare.run("account", "list", "--config", "/nowhere.ini"))

    def test_environment_alone_is_enough(self, installation):
        state = str(installation.directory / "state")
        done = installation.run(
            "account", "list", MAILPANEL_CONFIG="", MAILPANEL_STATE_DIRECTORY=state
        )
        assert done.returncode == 0

    def test_wrong_option_names_itself(self, bare):
        message = one_line(bare.run("account", "list", MAILPANEL_CHECK_INTERVAL="soon"))
        assert "MAILPANEL_CHECK_INTERVAL: " in message

    def test_apply_before_init_makes_nothing(self, bare):
        assert "run mailpanel init" in one_line(bare.run("apply", "--once"))
        assert list(bare.directory.iterdir()) == [bare.ini]

    def test_unknown_user_is_named(self, installation):
        if os.geteuid() != 0:
            pytest.skip("only root has another user to become")
        for arguments in (["serve", "--listen", "127.0.0.1:0"], ["apply", "--once"]):
            done = installation.run(*arguments, MAILPANEL_USER="no-such-user")
            assert done.returncode == 1
            assert "mailpanel: MAILPANEL_USER: there is no system user" in done.stderr

    def test_what_belongs_to_somebody_else_is_left_to_them(self, installation):
        """With no remedy that would give it away or open it."""
        if os.geteuid() != 0:
            pytest.skip("only root can start it as somebody else")
        state = installation.directory / "state"
        for arguments in (
            ["init"],
            ["apply", "--once"],
            ["status"],
            ["account", "list"],
            ["setting", "get", "postfix_relayhost"],
        ):
            done = subprocess.run(
                [sys.executable, "-c", AS_DAEMON, *arguments],
                env={**installation.environment, "MAILPANEL_CONFIG": str(installation.ini)},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert done.returncode == 1
            told = f"mailpanel: {state}: this belongs to root; run it as root"
            assert done.stderr.splitlines()[-1] == told, arguments


def test_first_day(installation):
    """Each of them runs as the unprivileged user, whatever it imports."""
    installation.must("account", "add", "admin", "--perm-level", "MasterAdmin")
    token = installation.must("token", "create", "admin", "--expires", "2999-01-31")
    assert re.fullmatch(r"mp_[A-Za-z0-9_-]{43}\n", token)
    arguments = ("setting", "set", "postfix_relayhost", *RELAY, "username=u", "--password-stdin")
    stored = json.loads(installation.must(*arguments, stdin="p:a#s$s x\n"))["settings"]
    assert (stored["status"], stored["value"]["username"]) == ("applying", "u")
    again = ("account", "add", "admin", "--perm-level", "MasterAdmin")
    assert "already" in one_line(installation.run(*again))


@pytest.fixture(scope="module")
def server(installation):
    with subprocess.Popen(
        [COMMAND, "serve", "--listen", "127.0.0.1:0", "--config", str(installation.ini)],
        stderr=subprocess.PIPE,
        text=True,
        env=installation.environment,
    ) as process:
        line = process.stderr.readline()
        process.address = line.removeprefix("mailpanel: listening on ").strip()
        yield process
        process.kill()


def test_at_a_terminal_a_password_is_asked_for_twice_and_not_shown(installation):
    """Else it would wait for the end of a file that nobody has, with all that is typed shown."""
    arguments = ("account", "add", "typist", "--perm-level", "MailUser", "--password-stdin")
    seen = typed_at_terminal(installation, ("a long password", "a long password"), *arguments)
    assert "Password: " in seen
    assert "a long password" not in seen
    assert "yes" in next(
        line for line in installation.must("account", "list").splitlines() if "typist" in line
    )
    installation.must("account", "remove", "typist")


class TestServe:
    def test_runs_as_the_unprivileged_user(self, server, installation):
        owner = (installation.directory / "state" / "database").stat().st_uid
        assert Path(f"/proc/{server.pid}").stat().st_uid == owner

    def test_taken_port_is_named(self, server, installation):
        port = server.address.rpartition(":")[2]
        done = installation.run("serve", "--listen", f"127.0.0.1:{port}")
        assert port in one_line(done)

    def test_header_that_would_cost_a_second_is_refused(self, server):
        request = urllib.request.Request(  # noqa: S310
            f"{server.address}/healthz", headers={"Accept": "a/b," * 10_000}
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=60)  # noqa: S310
        with caught.value as answer:
            assert answer.code == http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE

    @pytest.mark.parametrize(
        "sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n"]
    )
    def test_what_is_no_request_is_refused_like_all_else(self, server, sent):
        """By Waitress alone, before there is an application to ask; it does not name itself."""
        port = int(server.address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(sent)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            text = answer.read().decode()
        assert answer.status in (400, 501)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Server"] is None
        assert "waitress" not in f"{answer.headers}{text}".lower()

    def test_answers_as_soon_as_it_says_so_and_ends_cleanly(self, server):
        assert server.address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{server.address}/healthz", timeout=60) as answer:  # noqa: S310
            assert answer.status == 200
            assert answer.headers.get("Server") is None
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=60) == 0


class Proxied:
    """A `serve` that trusts one address, and what it takes for a client's."""

    TRUSTED, OTHER = "127.0.0.1", "127.0.0.9"

    def __init__(self, address: str, token: str, trusts: bool) -> None:
        self.trusts = trusts
        self.host, _, self.port = address.removeprefix("http://").rpartition(":")
        self.token = token

    def seen(self, peer: str, **headers: str) -> str:
        """Return the address that stands in the history after a change that *peer* sends."""
        connection = http.client.HTTPConnection(
            self.host, int(self.port), timeout=60, source_address=(peer, 0)
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        url = "/api/v1/settings/postfix_relayhost/"
        body = json.dumps({"server_hostname": "relay.example.net", "server_port": 587})
        with contextlib.closing(connection):
            connection.request("POST", url, body, sent)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            answer.read()
            connection.request("GET", f"{url}status/", headers=sent)
            return json.load(connection.getresponse())["status"]["address"]


@pytest.fixture(params=[True, False], ids=["trusted", "none trusted"])
def proxied(request, bare):
    bare.must("init")
    bare.must("account", "add", "proxied", "--perm-level", "MasterAdmin")
    token = bare.must("token", "create", "proxied").strip()
    trusted = {"MAILPANEL_TRUSTED_PROXY": Proxied.TRUSTED} if request.param else {}
    with subprocess.Popen(
        [COMMAND, "serve", "--listen", "127.0.0.1:0", "--config", str(bare.ini)],
        stderr=subprocess.PIPE,
        text=True,
        env={**bare.environment, **trusted},
    ) as process:
        address = process.stderr.readline().removeprefix("mailpanel: listening on ").strip()
        yield Proxied(address, token, request.param)
        process.kill()


def test_the_clients_address_is_taken_from_the_trusted_proxy_alone(proxied):
    """Token networks, the throttle and the history all go by it."""
    client = {"X_Forwarded_For": "192.0.2.7", "X_Forwarded_Proto": "https"}
    assert proxied.seen(Proxied.TRUSTED, **client) == (
        "192.0.2.7" if proxied.trusts else Proxied.TRUSTED
    )
    assert proxied.seen(Proxied.OTHER, **client) == Proxied.OTHER
    assert proxied.seen(Proxied.TRUSTED) == Proxied.TRUSTED
    # A proxy adds its own client's address behind what that client has made up.
    made_up = {"X_Forwarded_For": "203.0.113.1, 192.0.2.8", "X_Forwarded_Host": "evil.test"}
    assert proxied.seen(Proxied.TRUSTED, **made_up) == (
        "192.0.2.8" if proxied.trusts else Proxied.TRUSTED
    )


def test_openapi_prints_the_description(bare):
    assert json.loads(bare.must("openapi"))["openapi"].startswith("3.1")


def test_version(bare):
    assert re.fullmatch(r"mailpanel, version \d+\.\d+\.\d+\n", bare.must("--version"))
