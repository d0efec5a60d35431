"""A PostgreSQL that goes away, and mailpanel's own user who reaches it through the network."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from panel import RELAYHOST, Panel
from private_postgresql import PrivatePostgresql

VALUE = {"server_hostname": "relay.example.org", "server_port": 25}

on_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True, scope="session")


@on_postgresql
def test_a_restart_is_503_and_then_over(panel: Panel, postgresql: PrivatePostgresql) -> None:
    """Without a restart of the web."""
    panel.set(VALUE)
    postgresql.stop()
    for method, body in (("GET", b""), ("POST", VALUE), ("DELETE", b"")):
        response = panel.call(method, RELAYHOST, body)
        assert response.status_int == 503
        assert response.headers["Retry-After"] == "5"
        assert "Nothing was changed" in response.json["detail"]
        assert str(postgresql.directory) not in response.text
    postgresql.start()
    assert panel.call("GET", RELAYHOST).headers["ETag"] == '"1"'
    assert panel.set(VALUE).headers["ETag"] == '"2"'


@on_postgresql
def test_a_change_that_is_killed_in_its_commit_may_be_stored(
    panel: Panel, postgresql: PrivatePostgresql
) -> None:
    """The answer says to look; here it is stored, while a standby was waited for."""
    name = panel.database.server["dbname"]
    # The token's last use has been noted then, and the connections that have were closed.
    panel.call("GET", RELAYHOST)
    panel.database.dispose()
    postgresql.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
    try:
        with ThreadPoolExecutor(1) as executor:
            posting = executor.submit(panel.call, "POST", RELAYHOST, VALUE)
            postgresql.terminate(postgresql.wait_for("wait_event = 'SyncRep'", name))
            response = posting.result()
    finally:
        postgresql.execute(f"ALTER DATABASE {name} RESET synchronous_commit")
    assert response.status_int == 503
    assert "GET first" in response.json["detail"]
    panel.database.dispose()
    assert panel.call("GET", RELAYHOST).headers["ETag"] == '"1"'


@pytest.fixture
def mailpanel(public_tmp: Path, postgresql: PrivatePostgresql):
    """The command on an installation of its own, and a database that only TCP and TLS reach."""
    url = postgresql.remote_url(postgresql.create_database())
    ini = public_tmp / "mailpanel.ini"
    ini.write_text(
        "[app:main]\n"
        "use = egg:mailpanel\n"
        # configparser's own escape.
        f"sqlalchemy.url = {url.replace('%', '%%')}\n"
        "mailpanel.state_directory = %(here)s/state\n"
        "mailpanel.run_directory = %(here)s/run\n"
    )
    ini.chmod(0o640)

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {name: each for name, each in os.environ.items() if not name.startswith("MAILPANEL")}
        return subprocess.run(
            [Path(sys.executable).with_name("mailpanel"), *arguments],
            env={**own, "MAILPANEL_CONFIG": str(ini), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_first_day(mailpanel, public_tmp: Path) -> None:
    """As root with a home that nobody else may enter, where there is root."""
    home = public_tmp / "home"
    home.mkdir(mode=0o700)
    for arguments in (
        ("init",),
        ("init",),
        ("account", "add", "admin", "--perm-level", "MasterAdmin"),
        ("token", "create", "admin"),
        ("setting", "set", "postfix_relayhost", "server_hostname=a.example", "server_port=25"),
    ):
        done = mailpanel(*arguments, HOME=str(home))
        assert done.returncode == 0, done.stderr
    shown = mailpanel("setting", "get", "postfix_relayhost", HOME=str(home))
    assert "a.example" in shown.stdout


def test_a_refusal_tells_the_administrator_why(mailpanel, postgresql: PrivatePostgresql) -> None:
    """In one line, without the password."""
    url = postgresql.remote_url("nowhere")
    done = mailpanel("account", "list", MAILPANEL_DATABASE_URL=url)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert 'database "nowhere" does not exist' in done.stderr
    assert "w%rd" not in done.stderr + done.stdout


def test_everything_is_loaded_before_root_is_given_up(postgresql: PrivatePostgresql) -> None:
    """Libraries may lie where mailpanel's user cannot read."""
    url = postgresql.remote_url(postgresql.create_database())
    program = f"""
import asyncio, sys
import mailpanel.privileges
from mailpanel.services.database import Database
from mailpanel.services.listen import make_listener
from mailpanel.services.migration import Migration
from mailpanel.services.wake import make_waker
database = Database({url!r})
listener, migration = make_listener(database, None), Migration()
before = set(sys.modules)
database.migrate(migration)
database.ping()
make_waker(database, None).wake()
async def listen():
    woken = asyncio.Event()
    task = asyncio.create_task(listener.listen(woken.set))
    await woken.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
asyncio.run(listen())
database.dispose()
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
