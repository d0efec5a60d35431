"""Somebody has taken over the web: what root does on a mail host all the same is bounded by root.

They have what the web has: its user, the database, the public key and the wake-up. What they
do here they do in a process of that user.
"""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loopback import OTHER, RELAY
from real_host import PATIENCE
from standing import contents
from test_preview import ANNA, fill

from mailpanel.playground.installation import Installation
from mailpanel.playground.postfix import PrivatePostfix
from mailpanel.seal import Sealer

RELAYHOST, MASTER = "postfix_relayhost", "imap_master_password"
INTERVAL = "junk_trash_clearing_interval"
ACCOUNT = {"server_hostname": RELAY, "server_port": 587, "username": "relay-user"}
PASSWORD = "the relay's own password"
# Theirs: they know its password.
HASH = (
    "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA"
    "$L1x5bXhx9vV1TBJ6Xo6JYO1tgCq6ec9sXbDSDWBs4Zo"
)
AS_THE_WEB = """
import json, os, pwd, socket, sqlite3, sys
job = json.load(sys.stdin)
user = pwd.getpwnam("mailpanel")
os.setgroups([])
os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
"""
WRITE = """
database = sqlite3.connect(job["file"], timeout=30)
for statement, values in job["statements"]:
    database.execute(statement, values)
database.commit()
try:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wake:
        wake.sendto(b"1", job["wake"])
except OSError:
    pass
"""
# Each revision is wanted and announced by itself, as fast as that goes.
STORM = """
import time
database = sqlite3.connect(job["file"], timeout=30)
number, end = 0, time.monotonic() + job["seconds"]
while time.monotonic() < end:
    number += 1
    value = json.dumps({"server_hostname": "a.test", "server_port": number})
    row = (job["setting"], number, 0, value, None, 0, "admin", "", "2026-11-22")
    database.execute(
        "INSERT OR REPLACE INTO revisions (setting, number, reset, value, sealed, probe, "
        "author, address, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    database.execute("INSERT OR REPLACE INTO desired_settings VALUES (?, ?)", row[:2])
    database.commit()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wake:
        wake.setblocking(False)
        try:
            wake.sendto(b"1", job["wake"])
        except OSError:
            pass
    time.sleep(0.05)
print(number)
"""


class HostileWeb:
    """The web of *panel*, which is told by others what to do."""

    def __init__(self, panel: Installation) -> None:
        self.panel = panel
        self.file = panel.directory / "state" / "database" / "mailpanel.sqlite"
        self.sealer = Sealer(panel.directory / "state" / "keys" / "seal.pub")

    def run(self, text: str, **job: Any) -> subprocess.CompletedProcess[str]:
        """Run *text* as the web's user."""
        return subprocess.run(
            [sys.executable, "-P", "-c", AS_THE_WEB + text],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def write(self, *statements: tuple[str, tuple[Any, ...]]) -> None:
        """Write to the database and wake the courier."""
        wake = str(self.panel.directory / "run" / "courier" / "wake")
        done = self.run(WRITE, file=str(self.file), wake=wake, statements=statements)
        assert done.returncode == 0, done.stderr

    def want(
        self,
        setting: str,
        number: int,
        value: dict[str, Any] | None,
        sealed: str | None = None,
        *,
        reset: bool = False,
    ) -> None:
        """Make revision *number* the desired one, with the probe left out."""
        row = (setting, number, reset, json.dumps(value), sealed, False, "admin", "", "2026-11-22")
        self.write(
            (
                "INSERT OR REPLACE INTO revisions (setting, number, reset, value, sealed, probe, "
                "author, address, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            ),
            ("INSERT OR REPLACE INTO desired_settings VALUES (?, ?)", (setting, number)),
        )

    def root_says(self, setting: str) -> dict[str, Any]:
        """Return where *setting* stands by root's own records."""
        state = self.panel.directory / "state" / "ledger" / "state.json"
        rows = json.loads(state.read_text()) if state.exists() else []
        return next((row for row in rows if row["setting"] == setting), {"revision": 0})

    def is_refused(self, setting: str, number: int, value: Any, sealed: str | None = None) -> str:
        """Want it, and return why root refuses."""
        self.want(setting, number, value, sealed)
        deadline = time.monotonic() + PATIENCE
        while (found := self.root_says(setting))["revision"] != number or found["error"] is None:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        assert found["status"] == "failed"
        return found["error"]

    def sealed(self) -> str:
        """Return the box in which the relay's password is."""
        text = (
            "import sqlite3 as s\nprint(s.connect(job['file']).execute(job['sql']).fetchone()[0])"
        )
        sql = f"SELECT sealed FROM revisions WHERE setting = '{RELAYHOST}' AND number = 1"  # noqa: S608 (its own words)
        return self.run(text, file=str(self.file), sql=sql).stdout.strip()


def applied(state: Path) -> list[tuple[Any, ...]]:
    """Return what root holds for applied; how the relay fares may be told meanwhile."""
    names = ("setting", "revision", "highest", "status", "error", "live", "value")
    return [tuple(each[name] for name in names) for each in json.loads(state.read_text())]


def standing(*daemons: Any) -> dict[str, bytes]:
    """Return all that is configured, to the byte."""
    return {
        str(path): content
        for daemon in daemons
        for path, content in contents(daemon.config_directory).items()
    }


@pytest.fixture
def relay(make_relay) -> Any:
    return make_relay(accounts={"relay-user": PASSWORD})


@pytest.fixture
def web(panel: Installation, relay) -> HostileWeb:
    """One that has taken over a panel whose relay is set."""
    assert panel.set(RELAYHOST, {**ACCOUNT, "password": PASSWORD})["status"] == "applied"
    return HostileWeb(panel)


def test_it_has_the_webs_rights_and_no_more(web: HostileWeb) -> None:
    """Else nothing here would prove anything."""
    state = web.panel.directory / "state"
    for path in ("keys/seal.key", "ledger/state.json", "backups"):
        done = web.run(
            "os.listdir(job['x']) if os.path.isdir(job['x']) else open(job['x'])",
            x=str(state / path),
        )
        assert "PermissionError" in done.stderr, path
    assert (
        "PermissionError" in web.run("open(job['x'], 'w')", x=str(state / "database/../x")).stderr
    )
    assert web.sealed().startswith("1.")


def test_a_stored_password_goes_nowhere_else(web: HostileWeb, make_relay, postfix, relay) -> None:
    """Not to their own server, port or account, by whatever row; what is live stays."""
    theirs = make_relay(address=OTHER, accounts={"relay-user": PASSWORD})
    before, box = standing(postfix), web.sealed()
    number = 1
    for change in (
        {"server_hostname": OTHER},
        {"server_port": 2525},
        {"username": "other"},
        {"security": "tls"},
    ):
        number += 1
        error = web.is_refused(RELAYHOST, number, {**ACCOUNT, **change}, box)
        assert "typed for another server" in error
    mailer = {"server_hostname": OTHER, "server_port": 587, "username": "relay-user"}
    assert "typed for another server" in web.is_refused("system_mailer", 1, mailer, box)
    assert theirs.logins == []
    assert standing(postfix) == before


def test_rows_that_break_a_rule_are_refused(web: HostileWeb, postfix) -> None:
    """No line, parameter, NUL, option, path or other key comes in."""
    before, number = standing(postfix), 1
    for field, text in (
        ("server_hostname", "a.test]:25\nalways_bcc = evil@evil.test"),
        ("server_hostname", "$myhostname"),
        ("server_hostname", "a\0b.test"),
        ("server_hostname", "-oQueueDirectory=/tmp"),
        ("server_hostname", "../../etc/passwd"),
        ("server_hostname", "169.254.169.254"),
        ("server_hostname", "::ffff:168.63.129.16"),
        ("server_port", "587"),
        ("server_port", 2**63),
        ("path", "/etc/passwd"),
        ("security", "none; rm"),
    ):
        number += 1
        value = {"server_hostname": "a.test", "server_port": 25, field: text}
        error = web.is_refused(RELAYHOST, number, value)
        assert "breaks the setting's own rules" in error or "no server can have" in error, text
    number += 1
    secret = "x\nalways_bcc = evil@evil.test"
    destination = {**ACCOUNT, "security": None}
    box = web.sealer.seal(RELAYHOST, number, destination, secret)
    assert "breaks the setting's own rules" in web.is_refused(RELAYHOST, number, ACCOUNT, box)
    web.want("../../../evil", 1, {"path": "/etc"})
    assert standing(postfix) == before


def test_nothing_is_deleted_by_a_row_that_breaks_a_rule(whole_panel: Installation) -> None:
    """No folder but those two, nor less than a day."""
    web = HostileWeb(whole_panel)
    for number, value in enumerate(
        (
            {"junk_days": 0, "trash_days": 1},
            {"junk_days": -1, "trash_days": 1},
            {"junk_days": "1s", "trash_days": 1},
            {"junk_days": 1, "trash_days": 1, "inbox_days": 1},
            {"INBOX": 1},
        ),
        1,
    ):
        assert "breaks the setting's own rules" in web.is_refused(INTERVAL, number, value)


def test_neither_an_old_row_nor_a_huge_one_counts(web: HostileWeb, postfix, wait_until) -> None:
    assert web.panel.set(RELAYHOST, {**ACCOUNT, "password": PASSWORD})["status"] == "applied"
    state = web.panel.directory / "state" / "ledger" / "state.json"
    before, live = standing(postfix), applied(state)
    for number, words in (
        (1, "already seen revision 2"),
        (-(2**63), "already seen"),
        (2**63 - 1, "far above"),
    ):
        said = web.panel.log("apply").count(words)
        web.want(RELAYHOST, number, {"server_hostname": OTHER, "server_port": 25})
        wait_until(lambda said=said, words=words: web.panel.log("apply").count(words) > said)
    assert applied(state) == live
    assert standing(postfix) == before
    once = web.panel.log("apply").count("far above")
    time.sleep(2.5)
    assert web.panel.log("apply").count("far above") == once, "not at each check"


def test_it_cannot_lie_to_root(web: HostileWeb) -> None:
    """What hosts have said is a row; what is so root knows itself, and the log says it."""
    web.is_refused(RELAYHOST, 2, {"server_hostname": "$x", "server_port": 25})
    web.write(("UPDATE host_settings SET status = 'applied', error = NULL", ()))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mailpanel")), "status", "--json"],
        env=web.panel._environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    (told,) = json.loads(done.stdout)
    assert (done.returncode, told["status"], told["live"]) == (1, "failed", 1)
    assert f"All mail leaves through {RELAY}, port 587, with an account." in web.panel.log("apply")


def test_whom_roots_options_do_not_name_is_no_relay(
    postfix: PrivatePostfix, dovecot, make_panel, make_relay
) -> None:
    """Nor counts a master password whose hash they know, nor is anything deleted at once."""
    dovecot.start()
    options = {
        "mailpanel.relay_allow": RELAY,
        "mailpanel.relay_ports": "587",
        "mailpanel.master_enabled": "no",
        "mailpanel.clearing_grace": "86400",
    }
    web = HostileWeb(make_panel(postfix, dovecot, options))
    before = standing(postfix)
    open_value = {"server_hostname": OTHER, "server_port": 587}
    assert "mailpanel.relay_allow" in web.is_refused(RELAYHOST, 1, open_value)
    port = {"server_hostname": RELAY, "server_port": 25}
    assert "mailpanel.relay_ports" in web.is_refused(RELAYHOST, 2, port)
    assert "mailpanel.master_enabled" in web.is_refused(MASTER, 1, {"hash": HASH})
    assert standing(postfix) == before
    web.want(INTERVAL, 1, {"junk_days": 1, "trash_days": 1})
    deadline = time.monotonic() + PATIENCE
    while (found := web.root_says(INTERVAL)).get("status") != "applied":
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    assert found["effective_from"] > time.time() + 86000
    assert found["value"] == {"junk_days": None, "trash_days": None}


@pytest.mark.parametrize(
    "text",
    [
        "{PLAIN}known",
        "{SHA512-CRYPT}$6$x$y",
        HASH.replace("m=19456", "m=8"),
        HASH.replace("{ARGON2ID}", "{ARGON2I}"),
        f"{HASH}::::::allow_nets=0.0.0.0/0",
        f"{HASH}\nmaster2:{HASH}",
    ],
)
def test_only_the_exact_form_of_a_hash_is_one(
    whole_panel: Installation, dovecot, text: str
) -> None:
    web = HostileWeb(whole_panel)
    before = standing(dovecot)
    assert "breaks the setting's own rules" in web.is_refused(MASTER, 1, {"hash": text})
    assert standing(dovecot) == before


@pytest.mark.parametrize("kind", ["symlink", "hard link", "fifo", "directory"])
def test_root_follows_nothing_in_the_databases_directory(
    web: HostileWeb, postfix, wait_until: Callable[..., None], *, kind: str
) -> None:
    """SQLite's files are the courier's to read, never root's; what is live stays."""
    secret = web.panel.directory / "state" / "ledger" / "state.json"
    public = web.panel.directory / "state" / "keys" / "seal.pub"
    before = (standing(postfix), applied(secret), secret.stat().st_mode, public.read_bytes())
    text = """
for end in ("", "-wal", "-shm", "-journal"):
    path = job["file"] + end
    if os.path.exists(path):
        os.rename(path, path + ".away")
    if job["kind"] == "symlink":
        os.symlink(job["target"], path)
    elif job["kind"] == "fifo":
        os.mkfifo(path)
    elif job["kind"] == "directory":
        os.mkdir(path)
    else:
        try:
            os.link(job["public"], path)
        except PermissionError:
            os.symlink(job["public"], path)
"""
    done = web.run(text, file=str(web.file), kind=kind, target=str(secret), public=str(public))
    assert done.returncode == 0, done.stderr
    time.sleep(2.5)
    web.panel.check()
    subprocess.run(
        [str(Path(sys.executable).with_name("mailpanel")), "init"],
        env=web.panel._environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert secret.stat().st_mode == before[2]
    assert stat.S_IMODE(public.stat().st_mode) == 0o644
    assert (standing(postfix), applied(secret), public.read_bytes()) == (
        before[0],
        before[1],
        before[3],
    )
    back = """
for end in ("", "-wal", "-shm", "-journal"):
    path = job["file"] + end
    if os.path.lexists(path):
        os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    if os.path.exists(path + ".away"):
        os.rename(path + ".away", path)
"""
    assert web.run(back, file=str(web.file)).returncode == 0
    web.panel.stop_service("web")
    web.panel.start_service("web", "serve", "--listen", f"127.0.0.1:{web.panel.port}")
    web.want(RELAYHOST, 2, {"server_hostname": "$x", "server_port": 25})
    wait_until(lambda: web.root_says(RELAYHOST)["revision"] == 2)


def test_errands_scan_nothing_and_are_few(web: HostileWeb, wait_until) -> None:
    """What is not SMTP is not repeated, metadata is not asked, and after a dozen it is enough."""
    banner = "SECRET-BANNER of something that is not SMTP"
    with socket.create_server((RELAY, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.sendall(banner.encode() + b"\r\n")

        threading.Thread(target=serve, daemon=True).start()
        places = [("169.254.169.254", 80), (RELAY, server.getsockname()[1])]
        places += [(RELAY, 1000 + number) for number in range(16)]
        ask = (
            "INSERT INTO errands (ticket, host, kind, setting, reset, value, created) VALUES "
            "(?, 'mail.test', 'test', ?, 0, ?, strftime('%Y-%m-%d %H:%M:%f000', 'now'))"
        )
        started = time.monotonic()
        for place in places:
            value = {"server_hostname": place[0], "server_port": place[1], "security": "none"}
            web.write((ask, ("t", RELAYHOST, json.dumps(value))))
        rows = "database = sqlite3.connect(job['file'])\n"
        rows += "print(json.dumps(database.execute(job['sql']).fetchall()))"
        sql = "SELECT id, answer FROM errands ORDER BY id"

        def answers() -> list[Any]:
            return [
                each for _, each in json.loads(web.run(rows, file=str(web.file), sql=sql).stdout)
            ]

        wait_until(lambda: None not in answers())
        said = answers()
    minutes = (time.monotonic() - started) // 60 + 1
    assert "no server can have" in said[0]
    assert not any("SECRET-BANNER" in each for each in said)
    many = [each for each in said if "Too many tests" in each or "busy with other tests" in each]
    assert len(many) >= len(places) - 12 * minutes


def test_a_storm_is_a_reload_now_and_then(postfix, make_panel, wait_until) -> None:
    web = HostileWeb(make_panel(postfix, options={"mailpanel.reload_interval": "2"}))
    started, reloads = time.monotonic(), postfix.log().count("reload")
    wake = str(web.panel.directory / "run" / "courier" / "wake")
    done = web.run(STORM, file=str(web.file), wake=wake, setting=RELAYHOST, seconds=4)
    assert done.returncode == 0, done.stderr
    number = int(done.stdout)
    wait_until(lambda: web.root_says(RELAYHOST)["revision"] == number)
    wait_until(lambda: web.root_says(RELAYHOST)["status"] == "applied")
    took = time.monotonic() - started
    assert number > took, "that was no storm"
    done = web.panel.log("apply").count(": applied")
    assert done <= took / 2 + 1
    assert postfix.log().count("reload") - reloads <= 2 * done


def test_rows_of_clearing_make_root_delete_nothing_else(
    postfix, make_dovecot, make_panel, wait_until
) -> None:
    """Whatever days and folders they name, and however many: it goes by what is live alone."""
    dovecot = make_dovecot()
    panel = make_panel(postfix, dovecot)
    fill(dovecot, ANNA, Junk=(90, 9), Trash=(90,), INBOX=(90,))
    assert panel.set(INTERVAL, {"junk_days": 30, "trash_days": None})["status"] == "applied"
    web = HostileWeb(panel)
    folders = json.dumps([{"folder": "INBOX", "days": 0}])
    for number, days in enumerate((0, 1, -1, None)):
        ticket, value = f"{number:032x}", json.dumps({"junk_days": days, "trash_days": days})
        web.write(
            (
                "INSERT INTO clearings (host, mail_store, ticket, started, messages, bytes, "
                "folders) VALUES (?, ?, ?, ?, 0, 0, ?)",
                ("other.test", "elsewhere", ticket, "2026-11-22 12:00:00.000000", folders),
            ),
            (
                "INSERT INTO errands (ticket, host, kind, setting, reset, value, created, "
                "asked_by) VALUES (?, 'mail.test', 'clear', 'INBOX', 0, ?, "
                "strftime('%Y-%m-%d %H:%M:%f000', 'now'), 'nobody')",
                (ticket, value),
            ),
        )
    sql = "SELECT ended, messages FROM clearings WHERE host = 'mail.test'"
    text = "print(*sqlite3.connect(job['file']).execute(job['sql']).fetchall())"

    def has_ended() -> bool:
        said = web.run(text, file=str(web.file), sql=sql).stdout
        return "None" not in said and ", 1)" in said

    wait_until(has_ended, timeout=30.0)
    left = {folder: dovecot.messages(ANNA, folder) for folder in ("Junk", "Trash", "INBOX")}
    assert left == {"Junk": ["9 days"], "Trash": ["90 days"], "INBOX": ["90 days"]}
