"""A mail host on which everything is changed, and what must be true of it at every instant."""

from __future__ import annotations

import imaplib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from figures import FIGURES
from forked import Forked
from loopback import RELAY
from real_host import PATIENCE
from standing import below, contents

from mailpanel.playground.dovecot import PrivateDovecot
from mailpanel.playground.installation import MARK, Answer, Installation
from mailpanel.playground.postfix import PrivatePostfix

__all__ = ["ACCOUNTS", "ANNA", "INTERVAL", "MAILER", "MASTER", "RELAYHOST", "SETTINGS", "World"]

ANNA, PASSWORD = "anna@example.org", "anna's own: #1"
ACCOUNTS = {"first": "one: #1", "second": 'two "2"'}
MORTAL = Path(__file__).with_name("mortal_apply.py")
RELAYHOST, MAILER = "postfix_relayhost", "system_mailer"
INTERVAL, MASTER = "junk_trash_clearing_interval", "imap_master_password"
SETTINGS = (RELAYHOST, INTERVAL, MASTER, MAILER)
MOMENT, LOOK = 30.0, 0.02


@dataclass
class Wanted:
    """What the database wants of one setting: a revision, and the value; ``None`` is reset."""

    revision: int = 0
    value: Any = None


@dataclass
class World:
    """Postfix, Dovecot, msmtp and a relay, with a mailpanel that manages them; a context manager.

    ``wanted`` is what was asked for last. ``dead`` are the master passwords that were seen
    to open nothing any more, and must never do so again.
    """

    postfix: PrivatePostfix
    dovecot: PrivateDovecot
    make_relay: Callable[..., Any]
    make_panel: Callable[..., Installation]
    directory: Path
    wanted: dict[str, Wanted] = field(default_factory=lambda: {each: Wanted() for each in SETTINGS})
    dead: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    turns: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SETTINGS, 0))
    server: subprocess.Popen[str] | None = None

    def __enter__(self) -> World:
        self.relays = [
            self.make_relay(accounts=ACCOUNTS),
            self.make_relay(accounts=ACCOUNTS, port=465, implicit_tls=True),
        ]
        self.dovecot.start()
        self.dovecot.add_user(ANNA, PASSWORD)
        self.dovecot.save(ANNA, "INBOX", "one")
        self.panel = self.make_panel(self.postfix, self.dovecot)
        self.masters = self.postfix.master_pid, self.dovecot_pid()
        self.state = self.panel.directory / "state"
        self.msmtprc = self.directory / "msmtprc"
        return self

    def __exit__(self, *_: object) -> None:
        self.panel.stop_service("apply")
        if self.server is not None:
            # Its standard input ends, and so does it.
            with self.server:
                pass

    def dovecot_pid(self) -> int:
        return int((self.dovecot.run_directory / "master.pid").read_text())

    # What an administrator does.

    def set(self, setting: str) -> None:
        """Ask for another value than the one before, and do not wait."""
        turn = self.turns[setting] = self.turns[setting] + 1
        value: dict[str, Any] = {}
        if setting in (RELAYHOST, MAILER):
            # Another port each time: a new password alone needs no reload.
            port = (587, 465)[turn % 2]
            name = list(ACCOUNTS)[turn // 2 % 2]
            value = {"server_hostname": RELAY, "server_port": port, "username": name}
            answer = self._ask("POST", setting, value | {"password": ACCOUNTS[name]})
        elif setting == INTERVAL:
            value = {"junk_days": 1 + turn, "trash_days": None}
            answer = self._ask("POST", setting, value)
        else:
            answer = self._ask("POST", setting, {})
            value = {"password": answer.body["settings"]["value"]}
            self._replace_master()
        headers = {name.lower(): each for name, each in answer.headers.items()}
        self.wanted[setting] = Wanted(int(headers["etag"].strip('"')), value)

    def reset(self, setting: str) -> None:
        """Ask for what was there before mailpanel, and do not wait."""
        if self.wanted[setting].value is None:
            return
        if setting == MASTER:
            self._replace_master()
        self._ask("DELETE", setting)
        self.wanted[setting] = Wanted(self.wanted[setting].revision + 1, None)

    def _replace_master(self) -> None:
        if self.wanted[MASTER].value:
            self.replaced.append(self.wanted[MASTER].value["password"])

    def _ask(self, method: str, setting: str, value: Any = None) -> Answer:
        answer = self.panel.api(method, f"settings/{setting}/", value)
        assert answer.status in (200, 202, 204), answer
        return answer

    # What happens to it.

    def kill(self) -> None:
        """End apply at once, its courier with it, as a crash does."""
        process = self.panel._services.pop("apply")
        alive = process.poll() is None
        os.killpg(process.pid, signal.SIGKILL) if alive else None
        process.wait()
        FIGURES["kills"] += 1

    def start_forked(self) -> None:
        """Start an apply without an interpreter of its own; see mortal_apply.py."""
        if self.server is None:
            self.server = subprocess.Popen(
                [sys.executable, str(MORTAL), "serve"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        order = {
            "log": str(self.panel.log_directory / "apply.log"),
            "environment": {
                **self.panel._environment(),
                MARK: str(self.panel.directory),
                "MAILPANEL_MORTAL": str(self.directory),
            },
        }
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.write(json.dumps(order) + "\n")
        self.server.stdin.flush()
        pid = int(self.server.stdout.readline())
        self.panel._services["apply"] = Forked(pid)  # type: ignore[assignment]

    def arm(self, when: str) -> None:
        """Have the next change of a forked apply killed; see mortal_apply.py."""
        (self.directory / "arm").write_text(when)

    def disarm(self) -> None:
        (self.directory / "arm").unlink(missing_ok=True)

    def changes(self) -> int:
        """Return how often the last change that came to its end changed a file."""
        return int((self.directory / "changes").read_text())

    def start_impatient(self, mounts: str, patience: int = 3, pause: int = 60) -> None:
        """Start an apply that waits for a daemon's command *patience* seconds at most.

        What fails is tried again after *pause* seconds: not while somebody looks at what it
        has left. *mounts* is a shell script that runs before it, in a mount namespace of its own.
        """
        shell = ["unshare", "--mount", "sh", "-euc", f'{mounts}\nexec "$@"', "sh"]
        with (self.panel.log_directory / "apply.log").open("ab") as log:
            self.panel._services["apply"] = subprocess.Popen(
                [*shell, sys.executable, str(MORTAL), "patience", str(patience)],
                env={
                    **self.panel._environment(),
                    MARK: str(self.panel.directory),
                    "MAILPANEL_CHECK_INTERVAL": str(pause),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for_death(self) -> bool:
        """Say whether apply was killed in the change; where it came to the end, it lives on."""
        process = self.panel._services["apply"]
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None:
            if self.has_converged():
                return False
            assert time.monotonic() < deadline, (self.wanted, self.records())
            time.sleep(LOOK)
        return True

    def start(self) -> None:
        self.panel.start_service("apply", "apply")

    # What it says.

    def status(self, setting: str) -> dict[str, Any]:
        """Return what the API tells of the host."""
        answer = self.panel.api("GET", f"settings/{setting}/status/")
        assert answer.status == 200, answer
        (host,) = answer.body["status"]["hosts"]
        return host

    def wait_for_failure(self, setting: str) -> str:
        """Wait until what is wanted last has failed; return the error."""
        deadline = time.monotonic() + PATIENCE
        while (host := self.status(setting))["status"] != "failed":
            assert time.monotonic() < deadline, host
            time.sleep(0.05)
        FIGURES["faults that ended in failed, with their sentence"] += 1
        return host["error"]

    def configuration(self) -> dict[str, bytes]:
        """Return all that daemons and programs read, to the byte."""
        found = contents(self.postfix.config_directory, self.dovecot.config_directory)
        with suppress(FileNotFoundError):
            found[self.msmtprc] = self.msmtprc.read_bytes()
        return {str(path): each for path, each in found.items() if path.name != "filler"}

    def assert_configured(self, before: dict[str, bytes]) -> None:
        """All is as it was *before* what failed; a second try may be at it just now."""
        deadline = time.monotonic() + MOMENT
        while (present := self.configuration()) != before:
            assert time.monotonic() < deadline, present.keys() ^ before.keys()
            time.sleep(LOOK)

    # What must be true.

    def records(self) -> dict[str, Any]:
        """Return root's own records by setting."""
        try:
            rows = json.loads((self.state / "ledger" / "state.json").read_text())
        except FileNotFoundError:
            return {}
        return {row["setting"]: row for row in rows}

    def has_converged(self) -> bool:
        records = self.records()
        return all(
            (record := records.get(name))
            and (record["revision"], record["status"]) == (wanted.revision, "applied")
            for name, wanted in self.wanted.items()
            if wanted.revision
        )

    def wait_until_converged(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.has_converged():
            assert time.monotonic() < deadline, (self.wanted, self.records())
            time.sleep(LOOK)

    def gets_in(self, username: str, password: str) -> bool:
        """Say whether this log-in works, or the next.

        In the instant of a reload Dovecot may lose one under way: its log-in process asks the
        authentication process that has just ended ("auth request failed" in its log).
        """
        if self.opens(username, password):
            return True
        time.sleep(1)
        return bool(self.opens(username, password))

    def assert_sound(self) -> None:
        """Whatever was just killed: the daemons live, no file is half, users get in."""
        assert (self.postfix.master_pid, self.dovecot_pid()) == self.masters
        assert self.postfix.running
        os.kill(self.masters[1], 0)
        self.postfix.command("postconf", "-n")
        run("doveconf", "-c", str(self.dovecot.config_file), "-n")
        if self.msmtprc.exists():
            run("msmtp", "-C", str(self.msmtprc), "--pretend", "--", "nobody@localhost")
        self._assert_relayhost_has_its_account()
        assert self.gets_in(ANNA, PASSWORD)
        for password in self.dead:
            assert not self.opens(f"{ANNA}*master", password), "a revoked password came back"

    def _assert_relayhost_has_its_account(self) -> None:
        """A relay that demands an account bounces mail that comes without."""
        next_hop = self.postfix.parameter("relayhost")
        if next_hop:
            table = self.postfix.config_directory / "mailpanel" / "sasl"
            kind = self.postfix.parameter("default_database_type")
            found = self.postfix.command("postmap", "-q", next_hop, f"{kind}:{table}").strip()
            assert found in [f"{name}:{password}" for name, password in ACCOUNTS.items()]

    def assert_as_wanted(self) -> None:
        """All has converged: the daemons have what was asked for last, and nothing is left over."""
        self.assert_sound()
        relayhost = self.wanted[RELAYHOST].value
        port = relayhost["server_port"] if relayhost else None
        assert self.postfix.parameter("relayhost") == (f"[{RELAY}]:{port}" if port else "")
        text = run("doveconf", "-c", str(self.dovecot.config_file), "-n")
        interval = self.wanted[INTERVAL].value
        assert ("autoexpunge" in text) == bool(interval)
        if interval:
            days = interval["junk_days"]
            assert any(
                f"autoexpunge = {each}" in text for each in (f"{days} days", f"{days // 7} weeks")
            )
        mailer = self.wanted[MAILER].value
        assert self.msmtprc.exists() == bool(mailer)
        if mailer:
            assert f'user "{mailer["username"]}"' in self.msmtprc.read_text()
        self._assert_master()
        self._assert_nothing_left()

    def _assert_master(self) -> None:
        master = self.wanted[MASTER].value
        if master:
            assert self.gets_in(f"{ANNA}*master", master["password"])
        for password in self.replaced:
            assert not self.opens(f"{ANNA}*master", password)
        # Argon2 is dear: the last one tells.
        self.dead = (self.dead + self.replaced)[-1:]
        self.replaced.clear()

    def _assert_nothing_left(self) -> None:
        assert list((self.state / "journal").iterdir()) == []
        # A look at what somebody edited, once a second here, stages what it compares with.
        deadline = time.monotonic() + MOMENT
        while left := self._left():
            assert time.monotonic() < deadline, left
            time.sleep(LOOK)
        users = self.dovecot.config_directory / "mailpanel" / "master-users"
        assert not users.exists() or "mailpanel-probe" not in users.read_text()

    def _left(self) -> list[Path]:
        """Return what a change makes and takes away again."""
        places = (self.postfix.config_directory, self.dovecot.config_directory, self.state)
        left = [path for path in below(*places) if fnmatch(path.name, ".*.mailpanel")]
        stage = self.state / "stage" / "etc"
        return [*left, stage] if stage.exists() else left

    def opens(self, user: str, password: str) -> bool:
        """Say whether *user* gets in and sees the mailbox's own message."""
        try:
            session = self.dovecot.imap(user, password)
        except (imaplib.IMAP4.error, ConnectionError):
            return False
        with session:
            assert session.select("INBOX")[1] == [b"1"]
        return True


def run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (argv, done.stderr)
    return done.stdout
