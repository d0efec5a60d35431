"""Apply is killed while a server has a letter and has not said so yet."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from loopback import OTHER, RELAY
from odd_relay import OddRelay
from real_host import PATIENCE
from standing import contents

from mailpanel.playground.certificates import Authority
from mailpanel.playground.installation import Installation
from mailpanel.playground.postfix import PrivatePostfix

ROOT, ME = "root@example.org", "me@example.org"
ACCOUNT = {"username": "noreply@example.net", "password": "xyzzy-plugh: #17"}
RELAYHOST, MAILER = "postfix_relayhost", "system_mailer"


@pytest.fixture
def panel(postfix: PrivatePostfix, make_panel: Callable[..., Installation]) -> Installation:
    return make_panel(postfix, options={"mailpanel.alert_address": ROOT})


@pytest.fixture
def relay(authority: Authority) -> Iterator[Callable[[str], OddRelay]]:
    """Start servers that take a message and do not answer, at port 587 of an address."""
    with ExitStack() as stack:

        def start(address: str) -> OddRelay:
            odd = OddRelay(authority.issue(address), address=address, port=587, **ACCOUNT)
            odd.answering.clear()
            stack.callback(odd.answering.set)
            return stack.enter_context(odd)

        yield start


def kill_and_start(panel: Installation) -> None:
    """Kill root's process alone, as where memory runs out; the courier finds itself alone."""
    os.kill(panel.pid("apply"), signal.SIGKILL)
    panel.stop_service("apply")
    panel.start_service("apply", "apply")


def courier_of(panel: Installation) -> int:
    """Return the process id of the courier."""
    pid = panel.pid("apply")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    (courier,) = (each for each in children if b"_courier_main" in cmdline(each))
    return int(courier)


def cmdline(pid: str) -> bytes:
    return Path("/proc", pid, "cmdline").read_bytes()


def processes_in(place: Path) -> list[str]:
    """Return the command lines of what has *place* in its arguments or works there."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            argv = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(place) in argv or (entry / "cwd").resolve().is_relative_to(place):
                found.append(argv)
        except OSError:
            continue
    return found


def test_an_alert_comes_twice_at_most_and_is_the_same(
    panel: Installation, relay: Callable[[str], OddRelay], wait_until: Any
) -> None:
    """Better twice than never; by its Message-ID a mail program knows it again."""
    mailer = relay(OTHER)
    mailer.answering.set()
    assert panel.set(MAILER, {"server_hostname": OTHER, "server_port": 587, **ACCOUNT})
    mailer.answering.clear()
    panel.set(RELAYHOST, {"server_hostname": RELAY, "server_port": 587}, probe=False)
    wait_until(lambda: len(mailer.messages) == 1)
    kill_and_start(panel)
    wait_until(lambda: len(mailer.messages) == 2)
    mailer.answering.set()
    wait_until(lambda: "mailed: mail.test: postfix_relayhost has changed" in panel.log("apply"))
    first, second = map(message_from_bytes, mailer.messages)
    assert first["Message-ID"] == second["Message-ID"]
    kept = next(panel.directory.rglob("outbox.json")).read_text()
    assert '"waiting": []' in kept


def test_a_message_through_the_relay_does_not_come_once_more(
    panel: Installation, relay: Callable[[str], OddRelay], wait_until: Any
) -> None:
    """The private Postfix ends with apply, and what it had is gone."""
    odd = relay(RELAY)
    panel.api("PATCH", "accounts/admin/", {"recovery_email": ME})
    given = {"server_hostname": RELAY, "server_port": 587, **ACCOUNT}
    path = f"settings/{RELAYHOST}/test/?message=1"

    def ask() -> None:
        # Nobody answers it any more; the web goes before it says so.
        with suppress(OSError):
            panel.api("POST", path, given)

    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: len(odd.messages) == 1)
    stage = next(panel.directory.rglob("stage"))
    assert processes_in(stage)
    kill_and_start(panel)
    wait_until(lambda: panel.log("apply").count("at work") == 2)
    wait_until(lambda: not processes_in(stage))
    odd.answering.set()
    # The next change lays the stage out anew.
    assert panel.set(RELAYHOST, given)["status"] == "applied"
    secret = ACCOUNT["password"].encode()
    # What somebody edited is looked for there once in a second, and gone again.
    wait_until(lambda: not any(secret in content for content in contents(stage).values()))
    assert len(odd.messages) == 1
    panel.stop_service("web")
    asking.join()


def test_a_courier_that_is_killed_while_it_tries_a_server_is_told_of(
    panel: Installation, relay: Callable[[str], OddRelay], wait_until: Any
) -> None:
    """It may pass, and what is wanted next finds another courier."""
    given = {"server_hostname": OTHER, "server_port": 587, **ACCOUNT}
    with socket.create_server((OTHER, 587)) as silent:
        silent.settimeout(PATIENCE)
        assert panel.api("POST", f"settings/{MAILER}/", given).status in (200, 202)
        connection, _ = silent.accept()
        os.kill(courier_of(panel), signal.SIGKILL)
        wait_until(lambda: "failed at probe" in panel.log("apply"))
        connection.close()
    (host,) = panel.api("GET", f"settings/{MAILER}/status/").body["status"]["hosts"]
    assert "The process that tries servers was ended meanwhile" in panel.log("apply")
    assert "Traceback" not in panel.log("apply")
    assert host["status"] in ("failed", "applying")
    relay(OTHER)
    assert panel.set(MAILER, given)["status"] == "applied"
