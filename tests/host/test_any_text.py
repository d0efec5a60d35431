"""Any text in any field is refused, or read back by the daemon's own parser as just that text.

What concerns Postfix stands in test_real_parser.py, the log's lines in the unit tests, pages in
tests/functional/test_pages_with_any_text.py.
"""

from __future__ import annotations

import itertools
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from loopback import RELAY
from test_dovecot_names import ADMINS, VALUES, read_with

from mailpanel.errors import HostError, InvalidFields, Refused
from mailpanel.host.doveconf import Doveconf
from mailpanel.host.own_files import master_line
from mailpanel.plan import Facts, MsmtpFacts, WriteFile
from mailpanel.playground.dovecot import PrivateDovecot, dovecot_version
from mailpanel.settings import SETTINGS
from mailpanel.settings._dovecot import block_name

MAILER = SETTINGS["system_mailer"]
GENERATED = settings(
    deadline=None, max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True
)
# What ends a line, a word, a quotation or a block in one of the files, and anything.
SPECIAL = [
    "\n",
    "\r",
    '"',
    "'",
    "\\",
    "#",
    " ",
    "\t",
    ":",
    "=",
    "{",
    "}",
    "%u",
    "$(id)",
    "`id`",
    "|",
    ";",
]
TEXT = st.text(max_size=30) | st.lists(
    st.sampled_from([*SPECIAL, "a", "host evil.test", "user", "account x"]), max_size=7
).map("".join)


def msmtprc(place: Path, value: dict[str, Any], ca_file: str = "/etc/ca.pem") -> Path:
    """Write what the setting plans for *value*; raises what it refuses with."""
    known = MAILER.validate(value)
    facts = Facts(
        host_name="mx.test",
        ca_file=ca_file,
        msmtp=MsmtpFacts("1.8.23", str(place / "msmtprc"), str(place), False),
    )
    plan = MAILER.plan(MAILER.public(known), known["password"], facts)
    for change in plan.changes:
        assert isinstance(change, WriteFile)
        Path(change.path).write_text(change.content, encoding="utf-8")
        Path(change.path).chmod(0o600)
    return place / "msmtprc"


def told(path: Path, *options: str) -> dict[str, str]:
    """Return what msmtp makes of the file."""
    argv = ["msmtp", "-C", str(path), *options, "--pretend", "--", "nobody@localhost"]
    done = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, check=True)
    lines = done.stdout.decode().split("\n")
    return dict(line.partition(" = ")[::2] for line in lines if " = " in line)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("text")


@pytest.mark.parametrize("field", ["server_hostname", "username", "password"])
def test_msmtp_reads_one_account_with_that_text(place: Path, field: str) -> None:
    """In no field does a text make another line, or change what another line says."""
    good = {"server_hostname": "relay.test", "server_port": 587, "username": "u", "password": "p"}
    usual = told(msmtprc(place, good))
    taken = 0

    @GENERATED
    @given(text=TEXT)
    @example(text="plain")
    @example(text='"quoted"')
    def check(text: str) -> None:
        nonlocal taken
        try:
            path = msmtprc(place, {**good, field: text})
        except (InvalidFields, HostError):
            return
        taken += 1
        now = told(path)
        known = MAILER.validate({**good, field: text})
        assert now["host"] == known["server_hostname"]
        assert now["user"] == known["username"]
        changed = {"host", "user", "from", "password"}
        assert {name: each for name, each in now.items() if name not in changed} == {
            name: each for name, each in usual.items() if name not in changed
        }
        lines = path.read_text(encoding="utf-8").split("\n")
        assert [line.partition(" ")[0] for line in lines if line[:1] not in ("#", "")] == [
            *("account", "host", "port", "from", "auth", "user"),
            *("password", "tls", "tls_starttls", "tls_trust_file", "account"),
        ]

    check()
    assert taken


def test_msmtp_logs_in_with_any_password(place: Path, make_relay, ca_file: Path) -> None:
    """To the byte, as the relay sees it."""
    relay = make_relay()
    value = {"server_hostname": RELAY, "server_port": 587, "username": "u"}

    @settings(GENERATED, max_examples=12)
    @given(text=TEXT)
    @example(text="\"' \\$(id)`id`%u#{}|;: =x")
    @example(text="\U0001f511é " * 60 + "x")
    def check(text: str) -> None:
        try:
            path = msmtprc(place, {**value, "password": text}, str(ca_file))
        except (InvalidFields, HostError):
            return
        relay.accounts = {"u": text}
        relay.forget()
        argv = ["msmtp", "-C", str(path), "--from=a@example.org", "--", "b@example.org"]
        done = subprocess.run(argv, input=b"Subject: x\n\nx\n", capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert [each.username for each in relay.wait_for(1)] == ["u"]

    check()


@pytest.mark.parametrize("setting", VALUES)
@settings(GENERATED, max_examples=30)
@given(folder=TEXT, namespace=TEXT)
def test_doveconf_reads_the_blocks_and_values_that_were_meant(
    place: Path, setting: str, folder: str, namespace: str
) -> None:
    """Whatever the administrator called folder and namespace, as long as Dovecot takes it."""
    names = {"namespace": block_name(namespace), "folder": block_name(folder)}
    admins = ADMINS.format(**names, more="")
    (place / "admins.conf").write_text(admins, encoding="utf-8", errors="surrogateescape")
    argv = ["doveconf", "-c", str(place / "admins.conf"), "-n"]
    done = subprocess.run(argv, capture_output=True, check=False)
    assume(done.returncode == 0 and folder.isprintable() and namespace.isprintable())
    read = Doveconf(done.stdout.decode())
    assume(list(read.blocks("namespace")) == [namespace])
    assume(list(read.blocks("mailbox", (f"namespace {namespace}",))) == [folder])
    # As where a block's name takes in INBOX.
    with suppress(Refused):
        read_with(place, setting, admins)


def test_dovecot_finds_each_master_user_with_its_own_password(
    dovecot: PrivateDovecot, directory: Path
) -> None:
    """And its networks, and none else: of what the option allows, nothing ends the field."""
    users = directory / "master-users"
    known = {
        name: (f"{{PLAIN}}{number}", ["192.0.2.77/32", "2001:db8::/32"][: number % 3])
        for number, name in enumerate(("master", "a.b-c_d", "x@example.org", "-", "0", "z" * 64))
    }
    users.write_text("".join(master_line(name, *rest) for name, rest in known.items()))
    users.chmod(0o644)
    conf = dovecot.config_file.read_text()
    is_2_3 = dovecot_version().startswith("2.3")
    head, where = ("passdb", "args") if is_2_3 else ("passdb more", "passwd_file_path")
    passdb = f"{head} {{\n  driver = passwd-file\n  {where} = {users}\n}}\n"
    dovecot.config_file.write_text(f"{conf}\n{passdb}")
    dovecot.start()
    for name, (password, nets) in known.items():
        plain = password.removeprefix("{PLAIN}")
        for tried, address in itertools.product((plain, "other"), ("192.0.2.200", "192.0.2.77")):
            right = tried == plain and (not nets or address == "192.0.2.77")
            assert logs_in(dovecot, name, tried, address) == right, (name, tried, address)


def logs_in(dovecot: PrivateDovecot, name: str, password: str, address: str) -> bool:
    """Say whether Dovecot takes a password of a user who comes from an address."""
    argv = ["doveadm", "-c", str(dovecot.config_file), "auth", "test", "-x", f"rip={address}"]
    done = subprocess.run([*argv, "--", name, password], capture_output=True, check=False)
    return done.returncode == 0
