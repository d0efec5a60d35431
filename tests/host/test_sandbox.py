"""The systemd units leave the services all that they need: under their restrictions they work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loopback import RELAY
from test_master_password import ANNA
from test_preview import counts, fill, preview

from mailpanel.playground.dovecot import PrivateDovecot
from mailpanel.playground.installation import Installation
from mailpanel.playground.postfix import PrivatePostfix

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
HERE = Path(__file__).parent
ACCOUNT = {"username": "relay-user", "password": "a password: #1"}
MAILPANEL = str(Path(sys.executable).with_name("mailpanel"))
Confined = Callable[..., subprocess.Popen[bytes]]
# Where the checkout itself lies in a place that PrivateTmp empties, it is to stay.
ROOT = Path(__file__).resolve().parents[2]
CHECKOUT = [str(ROOT)] if ROOT.is_relative_to("/tmp") or ROOT.is_relative_to("/var/tmp") else []


def unit_text(name: str) -> str:
    return (UNITS / f"mailpanel-{name}.service").read_text()


@pytest.fixture
def confined(directory: Path, ca_file: Path) -> Iterator[Confined]:
    """Start mailpanel with *arguments* as the unit *name* has it, on this test's own host."""
    started: list[subprocess.Popen[bytes]] = []
    sandbox = directory / "sandbox.py"
    sandbox.write_bytes((HERE / "sandbox.py").read_bytes())

    def start(name: str, panel: Installation, places: dict[str, list[str]], *arguments: str):
        unit = UNITS / f"mailpanel-{name}.service"
        lines = re.findall(
            r"^(?:ReadWrite|ReadOnly|Inaccessible)Paths=(.*)$", unit_text(name), re.M
        )
        every = {word.removeprefix("-"): [] for line in lines for word in line.split()}
        # What the test says stands for what the unit names; what it does not, is not there.
        assert set(places) - {"tmp", "/run/mailpanel"} <= set(every)
        every |= {"tmp": [str(directory), str(ca_file.parent), *CHECKOUT], **places}
        with (directory / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                ["/usr/bin/python3", "-I", sandbox, unit, json.dumps(every), MAILPANEL, *arguments],
                env={**os.environ, "MAILPANEL_CONFIG": str(panel.ini)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait(30)
    for log in directory.glob("*.log"):
        sys.stdout.write(log.read_text())


@pytest.fixture
def host(
    postfix: PrivatePostfix, dovecot: PrivateDovecot, directory: Path, make_panel
) -> tuple[Installation, dict[str, list[str]]]:
    """A mail host without an apply service, and what on it stands for the paths of the unit."""
    dovecot.start()
    etc = directory / "etc"
    etc.mkdir(mode=0o755)
    panel = make_panel(postfix, dovecot, {"mailpanel.msmtp_config_file": str(etc / "msmtprc")})
    panel.stop_service("apply")
    files = [etc, postfix.config_directory, dovecot.config_directory]
    return panel, {
        "/etc": [str(each) for each in files],
        "/etc/mailpanel/mailpanel.ini": [str(panel.ini)],
        "/var/lib/mailpanel": [str(panel.directory / "state")],
        "/run/mailpanel": [str(panel.directory / "run")],
        "/var/spool/postfix": [str(postfix.directory / "spool")],
        "/var/lib/postfix": [str(postfix.directory / "data")],
        "/var/mail": [str(dovecot.mail_directory)],
    }


def status(process: subprocess.Popen[bytes]) -> dict[str, str]:
    """Return what the kernel says of a process."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return {line.partition(":")[0]: line.partition(":")[2].strip() for line in lines}


def mounts(process: subprocess.Popen[bytes]) -> dict[str, set[str]]:
    """Return the options of each mount that a process has, the last one of a place."""
    lines = Path(f"/proc/{process.pid}/mountinfo").read_text().splitlines()
    return {line.split()[4]: set(line.split()[5].split(",")) for line in lines}


def capabilities(name: str) -> int:
    """Return the set that a unit leaves, as the kernel writes it."""
    (line,) = re.findall(r"^CapabilityBoundingSet=(.*)$", unit_text(name), re.M)
    numbers = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "KILL": 5, "SETGID": 6, "SETUID": 7}
    return sum(1 << numbers[word.removeprefix("CAP_")] for word in line.split())


def require_confined(process: subprocess.Popen[bytes], name: str) -> None:
    """Assert that what was shown was shown under the restrictions."""
    found = status(process)
    assert int(found["CapBnd"], 16) == capabilities(name)
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    assert "ro" in mounts(process)["/"]


def test_apply_makes_and_takes_back_all_settings(
    host, confined, make_relay, postfix, dovecot, *, directory, wait_until
) -> None:
    """With six capabilities, on a file system that is read-only but for what is the host's."""
    panel, places = host
    relay = make_relay(accounts={ACCOUNT["username"]: ACCOUNT["password"]})
    fill(dovecot, ANNA, Junk=(9, 3), INBOX=(50,))
    apply = confined("apply", panel, places, "apply")
    wait_until(lambda: "at work" in (directory / "apply.log").read_text())
    value = {"server_hostname": RELAY, "server_port": 587, **ACCOUNT}
    for setting in ("postfix_relayhost", "system_mailer"):
        assert panel.set(setting, value)["status"] == "applied"
    require_confined(apply, "apply")
    found = preview(panel, {"junk_days": 7, "trash_days": None})
    assert counts(found, "messages") == {"Junk": (1,)}
    interval = panel.set("junk_trash_clearing_interval", {"junk_days": 7, "trash_days": None})
    assert interval["status"] == "applied"
    assert panel.api("POST", "clearing/run/", {}).status == 202
    wait_until(lambda: panel.api("GET", "clearing/").body["clearing"]["runs"][0]["ended"])
    (run,) = panel.api("GET", "clearing/").body["clearing"]["runs"]
    assert (run["status"], run["messages"]) == ("done", 1), run
    assert dovecot.messages(ANNA, "Junk") == ["3 days"]
    first = panel.set("imap_master_password", {})["value"]
    session = dovecot.imap(f"{ANNA}*master", first)
    second = panel.set("imap_master_password", {})["value"]
    with dovecot.imap(f"{ANNA}*master", second) as opened:
        assert opened.select("INBOX")[1] == [b"1"]
    # The session that the first had opened is another user's process, and is ended.
    with pytest.raises((OSError, session.abort)):
        session.noop()
    session.shutdown()
    relay.forget()
    postfix.submit("friend@example.net")
    assert [each.username for each in relay.wait_for(1)] == [ACCOUNT["username"]]
    for setting in ("postfix_relayhost", "system_mailer", "imap_master_password"):
        assert panel.reset(setting).status == 204
    assert apply.poll() is None


def test_the_web_answers_and_saves(host, confined, wait_until) -> None:
    """As mailpanel's user, without any capability, where it can write SQLite's files alone."""
    panel, places = host
    panel.stop_service("web")
    keys = panel.directory / "state" / "keys"
    own = {
        "/var/lib/mailpanel/database": [str(panel.directory / "state" / "database")],
        "/var/lib/mailpanel/keys/seal.key": [str(keys / "seal.key")],
        "/etc/postfix": places["/etc"][1:2],
        "/etc/dovecot": places["/etc"][2:],
    }
    web = confined("web", panel, own, "serve", "--listen", f"127.0.0.1:{panel.port}")

    def answers() -> bool:
        try:
            return panel.request("GET", "/healthz").status == 200
        except OSError:
            return False

    wait_until(answers)
    require_confined(web, "web")
    assert {int(each) for each in status(web)["Uid"].split()} != {0}
    assert int(status(web)["CapEff"], 16) == 0
    value = {"server_hostname": RELAY, "server_port": 587, **ACCOUNT}
    answer = panel.api("POST", "settings/postfix_relayhost/", value)
    assert answer.body["settings"]["status"] == "applying"
    assert panel.api("GET", "audit/").body["audit"][0]["action"] == "setting.set"
