"""After a full run each secret stands where a daemon needs it, and nowhere else at all.

Looked for in each table, log, journal, backup and file, in what HTTP answered, and in the
arguments and environments of all processes while it ran; as it is, and as it is often written.
"""

from __future__ import annotations

import base64
import html
import json
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from loopback import OTHER, RELAY
from standing import contents

from mailpanel.playground.installation import Answer, Installation

RELAYHOST, MAILER = "postfix_relayhost", "system_mailer"
INTERVAL, MASTER = "junk_trash_clearing_interval", "imap_master_password"
RELAY_PASSWORD = "Relay+one/7f3a ü: & a#secret"
WRONG_PASSWORD = 'Wrong+two/91bc <nobody> "takes"'
MAILER_PASSWORD = "Mailer=three/55de ' % \\ secret"
TESTED_PASSWORD = "Tested~four/02fa & unsaved"
ACCOUNT_PASSWORD = "correct horse battery staple 77aa"


def forms(secret: str) -> set[bytes]:
    """Return *secret* as it may be written somewhere."""
    raw = secret.encode()
    found = {raw, quote(secret).encode(), quote_plus(secret).encode(), raw.hex().encode()}
    found |= {html.escape(secret).encode(), json.dumps(secret)[1:-1].encode()}
    # In base64 by itself, and behind as much as shifts it: a name before it in AUTH PLAIN.
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * shift + raw)
            found.add(text[(shift * 8 + 5) // 6 + 1 : len(text) // 4 * 4 - 4])
    return found


class Watch:
    """What is looked for, and where it was seen."""

    def __init__(self) -> None:
        self.secrets: dict[str, set[bytes]] = {}
        self.answers: list[bytes] = []
        self.processes: set[bytes] = set()

    def add(self, name: str, secret: str) -> None:
        self.secrets[name] = forms(secret)

    def found_in(self, content: bytes) -> set[str]:
        """Return which secrets are in *content*."""
        return {
            name
            for name, written in self.secrets.items()
            if any(each in content for each in written)
        }

    @contextmanager
    def processes_watched(self) -> Iterator[None]:
        """Take down all arguments and environments there are meanwhile."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.01):
                for place in Path("/proc").glob("[0-9]*"):
                    # One may end while it is looked at.
                    with suppress(OSError):
                        self.processes.add((place / "cmdline").read_bytes())
                        self.processes.add((place / "environ").read_bytes())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()


def rows(file: Path) -> bytes:
    """Return every table's every row."""
    with closing(sqlite3.connect(file)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        said = [database.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables]  # noqa: S608 (SQLite's own names)
    return repr(said).encode() + json.dumps(said, default=str, ensure_ascii=False).encode()


def run(panel: Installation, watch: Watch) -> None:
    """Set, test, fail, change, restore, reset and put back; both passwords live at the end."""
    relay = {"server_hostname": RELAY, "server_port": 587, "username": "relay-user"}
    mailer = {"server_hostname": RELAY, "server_port": 587, "username": "mailer"}
    wait = {"Prefer": "wait=30"}
    good = {**relay, "password": RELAY_PASSWORD}
    assert panel.set(RELAYHOST, good)["status"] == "applied"
    assert panel.set(MAILER, {**mailer, "password": MAILER_PASSWORD})["status"] == "applied"
    assert panel.set(INTERVAL, {"junk_days": 7, "trash_days": 9})["status"] == "applied"
    for number in range(2):
        watch.add(f"master {number}", panel.set(MASTER, {})["value"])
    tested = panel.api(
        "POST", f"settings/{RELAYHOST}/test/", {**relay, "password": TESTED_PASSWORD}, wait
    )
    assert tested.body["test"]["ok"] is False
    panel.api("POST", f"settings/{MAILER}/test/", {**mailer, "password": TESTED_PASSWORD}, wait)
    panel.api("POST", f"settings/{RELAYHOST}/?dry_run=1", {**good, "server_port": 2587}, wait)
    assert panel.set(RELAYHOST, {**relay, "password": WRONG_PASSWORD})["status"] == "failed"
    assert panel.set(MAILER, {**mailer, "password": WRONG_PASSWORD})["status"] == "failed"
    broken = {**relay, "password": f"{WRONG_PASSWORD}\n", "server_port": "x"}
    assert panel.api("POST", f"settings/{RELAYHOST}/", broken).status == 422
    elsewhere = {**relay, "server_hostname": OTHER, "password": WRONG_PASSWORD}
    assert panel.set(RELAYHOST, elsewhere)["status"] == "failed"
    for name in (RELAYHOST, MAILER):
        restored = panel.api("POST", f"settings/{name}/history/1/restore/", headers=wait)
        assert restored.body["settings"]["status"] == "applied"
    assert panel.reset(MASTER).status == 204
    assert panel.reset(RELAYHOST).status == 204
    assert panel.set(RELAYHOST, good)["status"] == "applied"
    panel.api("POST", "hosts/mail.test/put-back/", {"setting": RELAYHOST}, wait)
    account = {"username": "eve", "perm_level": "MasterAdmin", "password": ACCOUNT_PASSWORD}
    assert panel.api("POST", "accounts/", account).status in {200, 201}
    for password in (ACCOUNT_PASSWORD, WRONG_PASSWORD):
        given = panel.request("POST", "/api/v1/auth/", {"username": "eve", "password": password})
        if given.status == 200:
            watch.add("token", given.body["auth"]["auth_token"])
    for path in ("settings/", "audit/", "hosts/", f"settings/{RELAYHOST}/history/", "accounts/"):
        panel.api("GET", path)
    panel.command("keys", "rotate")
    panel.command("status", "--json")


def test_each_secret_is_only_where_a_daemon_needs_it(
    directory: Path, postfix: Any, dovecot: Any, make_relay, make_panel, *, monkeypatch
) -> None:
    make_relay(accounts={"relay-user": RELAY_PASSWORD, "mailer": MAILER_PASSWORD})
    panel: Installation = make_panel(postfix, dovecot)
    watch = Watch()
    for name, secret in (
        ("relay", RELAY_PASSWORD),
        ("mailer", MAILER_PASSWORD),
        ("wrong", WRONG_PASSWORD),
        ("tested", TESTED_PASSWORD),
        ("account", ACCOUNT_PASSWORD),
        ("admin's token", panel.token),
        ("private key", (panel.directory / "state/keys/seal.key").read_text().strip()),
    ):
        watch.add(name, secret)
    request, shown_once = panel.request, []

    def recorded(*arguments: Any, **rest: Any) -> Answer:
        answer = request(*arguments, **rest)
        body = json.dumps(answer.body, ensure_ascii=False, default=str).encode()
        is_once = b'"imap_master_password"' in body or b"auth_token" in body
        (shown_once if is_once else watch.answers).append(body)
        watch.answers.append(json.dumps(dict(answer.headers)).encode())
        return answer

    monkeypatch.setattr(panel, "request", recorded)
    with watch.processes_watched():
        run(panel, watch)
    # It looks for what there is: each of these is shown once, to whom it is for.
    assert watch.found_in(b"".join(shown_once)) == {"master 0", "master 1", "token"}
    assert watch.found_in(b"\n".join(watch.answers)) == set()
    assert watch.found_in(b"\n".join(watch.processes)) == set()
    database = panel.directory / "state/database/mailpanel.sqlite"
    assert watch.found_in(rows(database)) == set()
    # What somebody edited is looked for in a stage that comes and goes.
    panel.stop_service("apply")
    places: dict[str, set[str]] = {}
    for path, content in contents(directory).items():
        if not path.is_symlink() and (found := watch.found_in(content)):
            places[str(path)] = found
            status = path.stat()
            assert status.st_uid == 0, path
            assert stat.S_IMODE(status.st_mode) & 0o037 == 0, path
    own = str(postfix.config_directory / "mailpanel")
    kept = {"sasl": {"relay"}, "msmtprc": {"mailer"}, "seal.key": {"private key"}}
    maps = {path for path in places if path.startswith(own)}
    assert maps
    for path in maps:
        assert Path(path).name.startswith("sasl"), path
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    others = {Path(path).name: found for path, found in places.items() if path not in maps}
    assert others == {name: found for name, found in kept.items() if name != "sasl"}
    assert all(places[path] == kept["sasl"] for path in maps)
