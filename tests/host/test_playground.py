"""``mailpanel playground``: from the first start to one after a kill."""

from __future__ import annotations

import imaplib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from mailpanel.playground.mailboxes import AGES
from mailpanel.settings import SETTINGS

MAILPANEL = Path(sys.executable).with_name("mailpanel")
START_TIMEOUT = 120.0


class Running:
    """A ``mailpanel playground`` that has told where it is."""

    def __init__(self, process: subprocess.Popen[bytes], directory: Path, output: Path) -> None:
        self.process = process
        self.directory = directory
        self._output = output

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    @cached_property
    def record(self) -> dict[str, Any]:
        return json.loads((self.directory / "playground.json").read_bytes())

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def calls(self) -> dict[str, tuple[str, str]]:
        """The call that it prints for each setting, and what there is to try then."""
        paragraphs = self.output.split("\n\n")
        begun = f"  curl -u admin:{self.record['token']}"
        return {
            call.rpartition("/settings/")[2].strip("/\n"): (call, attempt)
            for call, attempt in pairwise(paragraphs)
            if call.startswith(begun) and "\n    -d " in call
        }

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def api(self, path: str) -> requests.Response:
        account = (self.record["username"], self.record["token"])
        return requests.get(f"{self.record['url']}/api/v1/{path}", auth=account, timeout=60)

    def subjects(self, user: str, folder: str) -> list[str]:
        with imaplib.IMAP4("127.0.0.1", self.record["ports"]["imap"], 60) as client:
            client.login(user, self.record["mailboxes"][user])
            client.select(folder, readonly=True)
            _, found = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return [part[1].decode().strip() for part in found if isinstance(part, tuple)]


def processes_of(directory: Path) -> list[str]:
    """Return the command lines of all that has to do with *directory*."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            place = os.fsencode((process / "cwd").readlink())
        except OSError:
            continue
        if os.fsencode(directory) in told + place and process.name != str(os.getpid()):
            found.append(told.split(b"\0\0")[0].decode())
    return found


def refusal(directory: Path, *arguments: str) -> str:
    """Return what a start says that fails with exit status 1."""
    done = subprocess.run(
        [MAILPANEL, "playground", "--directory", directory, *arguments],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done
    return done.stderr


Start = Callable[..., Running]


@contextmanager
def starting() -> Iterator[Start]:
    """Start playgrounds; end those that still run."""
    with ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory()))

        def start(directory: Path, until: str = "Ctrl-C") -> Running:
            output = logs / str(time.monotonic())
            with output.open("wb") as stream:
                # One that nohup(1) keeps from a signal would not hear it here, either (env(1)).
                process = subprocess.Popen(
                    ["env", "--default-signal", MAILPANEL, "playground", "--directory", directory],
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=stream,
                )
            stack.callback(process.wait, 60)
            stack.callback(process.terminate)
            running = Running(process, directory, output)
            running.wait_for(until)
            return running

        yield start


@pytest.fixture
def start() -> Iterator[Start]:
    with starting() as start:
        yield start


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """The directory of a playground that was started and ended once."""
    with tempfile.TemporaryDirectory(prefix="mp-", dir="/tmp") as name, starting() as start:
        directory = Path(name, "p")
        Path(name).chmod(0o755)
        assert start(directory).end() == 0
        yield directory


@pytest.fixture
def running(made: Path, start: Start) -> Running:
    return start(made)


def test_mailboxes_hold_mail_of_one_to_sixty_days(running) -> None:
    """Before anything is set: first in this file, since one playground serves for many tests."""
    for user in running.record["mailboxes"]:
        for folder in ("INBOX", "Junk", "Trash"):
            days = [int(text.split()[-3]) for text in running.subjects(user, folder)]
            assert (days[0], days[-1]) == (60, 1), (user, folder)


def shell(command: str) -> str:
    """Run what it prints just as it stands there; return the output."""
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, check=False, text=True, timeout=60
    )
    assert done.returncode == 0, done
    return done.stdout


def test_what_it_prints_for_each_setting_makes_it_live_and_shows_it(running, wait_until) -> None:
    """The call, and then the command to see that it counts."""
    assert set(running.calls) == set(SETTINGS)
    for name, (call, attempt) in running.calls.items():
        answer = json.loads(shell(call))["settings"]
        assert answer["status"] == "applied", answer
        SEEN[name](running, attempt, answer["value"], wait_until)


def see_relayhost(running: Running, attempt: str, _value, wait_until) -> None:
    shell(attempt)
    wait_until(lambda: "to friend@example.net as relay-user over TLS" in running.output)


def see_mailer(running: Running, attempt: str, _value, wait_until) -> None:
    shell(attempt)
    wait_until(lambda: "to friend@example.net as mailer-user over TLS" in running.output)


def see_clearing(_running: Running, attempt: str, value, wait_until) -> None:
    young = sum(days < value["junk_days"] for days in AGES)
    wait_until(lambda: shell(attempt).split() == ["*", "SEARCH", *map(str, range(1, young + 1))])


def see_master(_running: Running, attempt: str, value, _wait_until) -> None:
    assert "Junk" in shell(attempt.replace("PASSWORD", value))


SEEN = {
    "postfix_relayhost": see_relayhost,
    "system_mailer": see_mailer,
    "junk_trash_clearing_interval": see_clearing,
    "imap_master_password": see_master,
}


def test_api_and_panel_answer_to_the_account_that_it_tells(running) -> None:
    assert running.api("settings/").status_code == 200
    assert requests.get(f"{running.record['url']}/login", timeout=60).status_code == 200
    refused = requests.get(f"{running.record['url']}/api/v1/settings/", timeout=60)
    assert refused.status_code == 401
    assert running.record["password"] in running.output
    assert running.record["token"] in running.output


def test_nobody_else_reads_what_scripts_are_told(running) -> None:
    for name in ("playground.json", "authority.pem"):
        assert (running.directory / name).stat().st_mode & 0o777 == 0o600
    assert running.record["pid"] == running.process.pid
    running.end()
    assert json.loads((running.directory / "playground.json").read_bytes())["pid"] is None


def test_a_later_start_goes_on_with_what_there_is(made, start) -> None:
    """Keys, database, account, mail and configuration."""
    first = start(made)
    url = f"{first.record['url']}/api/v1/settings/postfix_relayhost/"
    value = {"server_hostname": "localhost", "server_port": first.record["ports"]["relay"]}
    value |= first.record["relay"]
    account = ("admin", first.record["token"])
    wait = {"Prefer": "wait=30"}
    answer = requests.post(url, json=value, auth=account, headers=wait, timeout=60)
    assert answer.json()["settings"]["status"] == "applied"
    main_cf = Path(first.record["directories"]["postfix"], "main.cf").read_bytes()
    assert first.end() == 0

    second = start(made)
    assert "First start" not in second.output
    assert {**second.record, "pid": None} == {**first.record, "pid": None}
    assert Path(second.record["directories"]["postfix"], "main.cf").read_bytes() == main_cf
    answer = second.api("settings/postfix_relayhost/").json()
    assert answer["settings"]["status"] == "applied"


def test_a_start_beside_a_running_one_is_refused(running) -> None:
    assert running.record["url"] in refusal(running.directory)
    assert running.api("settings/").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_when_it_is_told_to_end(made, start, number) -> None:
    running = start(made)
    assert len(processes_of(made)) > 5
    assert running.end(number) == 0
    assert processes_of(made) == []


def test_a_start_after_a_kill_ends_what_was_left(made, start) -> None:
    killed = start(made)
    killed.end(signal.SIGKILL)
    left = processes_of(made)
    assert any("serve" in each for each in left)
    assert any("dovecot" in each for each in left)
    again = start(made)
    assert again.api("settings/").status_code == 200
    assert sum("dovecot/log" in each for each in processes_of(made)) == 1
    assert again.end() == 0
    assert processes_of(made) == []


def test_a_first_start_that_was_killed_half_way_begins_anew(start, directory: Path) -> None:
    place = directory / "p"
    half = start(place, until="Saving old mail")
    half.end(signal.SIGKILL)
    (place / "notes").touch()
    whole = start(place)
    assert "First start" in whole.output
    assert len(whole.subjects("alice@example.net", "INBOX")) == len(AGES)
    assert (place / "notes").exists()
    assert whole.end() == 0
    assert processes_of(place) == []


def test_a_port_that_is_taken_is_changed_everywhere(made, start) -> None:
    before = start(made)
    before.end()
    with ExitStack() as stack:
        for port in before.record["ports"].values():
            taken = stack.enter_context(socket.socket())
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", port))
            taken.listen()
        after = start(made)
    assert set(after.record["ports"].values()).isdisjoint(before.record["ports"].values())
    assert after.api("settings/").status_code == 200
    assert after.subjects("bob@example.net", "INBOX")


def test_a_port_of_ones_own_choice_that_is_taken_is_refused(made) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert port in refusal(made, "--port", port)


def test_a_directory_with_something_else_in_it_is_left_alone(tmp_path) -> None:
    (tmp_path / "letters").touch()
    assert str(tmp_path) in refusal(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["letters"]


def test_a_checkout_deep_in_a_closed_home_will_do(tmp_path, start) -> None:
    """The daemons' users cannot pass through it, it is not root's, and its path is long."""
    home = tmp_path / "home"
    directory = home / "a name with blanks" / ("deep" * 30) / "playground"
    directory.mkdir(parents=True)
    shutil.chown(home, "nobody")
    home.chmod(0o700)
    running = start(directory)
    files = Path(running.record["directories"]["files"])
    try:
        assert running.api("settings/").status_code == 200
        assert running.subjects("alice@example.net", "Junk")
        running.end(signal.SIGKILL)
        again = start(directory)
        assert again.record["token"] == running.record["token"]
        assert again.api("settings/").status_code == 200
        assert again.end() == 0
        assert processes_of(files) == []
    finally:
        shutil.rmtree(files)
