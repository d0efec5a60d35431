"""A database that goes away while a change is made: nothing is lost, and all is told later."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from figures import ALL, FIGURES
from private_postgresql import PrivatePostgresql
from real_host import PATIENCE
from world import MASTER, RELAYHOST, SETTINGS, World

from mailpanel.playground.installation import Installation


@pytest.fixture
def seconds(rounds: int) -> float:
    """How long it is away."""
    return 20.0 if rounds >= ALL else 2.0


def wait_until_told(world: World) -> None:
    """Wait until the database knows of each setting what root's own records say."""
    deadline = time.monotonic() + PATIENCE
    while any(world.status(setting)["status"] != "applied" for setting in SETTINGS):
        assert time.monotonic() < deadline, [world.status(setting) for setting in SETTINGS]
        time.sleep(0.1)
    FIGURES["databases that went away in mid-apply and came back"] += 1


def test_sqlite_is_locked_in_mid_apply(world: World, seconds: float) -> None:
    """The change goes on, and is told once that is possible."""
    for setting in SETTINGS:
        world.set(setting)
    file = world.state / "database" / "mailpanel.sqlite"
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    time.sleep(seconds)
    connection.execute("COMMIT")
    connection.close()
    world.wait_until_converged()
    wait_until_told(world)
    world.assert_as_wanted()


@pytest.fixture
def with_postgresql(
    world: World,
    postgresql: PrivatePostgresql,
    directory: Path,
    wait_until: Callable[..., None],
) -> Iterator[World]:
    """The same host, managed through PostgreSQL."""
    world.panel.stop()
    place = directory / "pg"
    place.mkdir()
    place.chmod(0o755)
    ini = world.panel.ini.read_text().replace(f"{world.panel.directory}/", f"{place}/")
    url = postgresql.url(postgresql.create_database()).replace("%", "%%")
    (place / "mailpanel.ini").write_text(f"{ini}sqlalchemy.url = {url}\n")
    (place / "mailpanel.ini").chmod(0o644)
    with Installation(place, {}, for_web={"mailpanel.check_interval": "60"}) as panel:
        # The web answers first, and apply may take its time.
        wait_until(lambda: panel.check() or panel.api("GET", "hosts/").body["hosts"])
        world.panel, world.state = panel, place / "state"
        yield world


def test_postgresql_is_stopped_in_mid_apply(
    with_postgresql: World, postgresql: PrivatePostgresql, seconds: float
) -> None:
    """And once more after a kill, so that a new apply begins without it."""
    world = with_postgresql
    for kills in (False, True):
        for setting in SETTINGS:
            world.set(setting)
        postgresql.stop()
        try:
            if kills:
                world.kill()
                world.assert_sound()
                world.start()
            time.sleep(seconds)
        finally:
            postgresql.start()
        world.wait_until_converged()
        wait_until_told(world)
        world.assert_as_wanted()
    world.reset(MASTER)
    world.reset(RELAYHOST)
    world.wait_until_converged()
    world.assert_as_wanted()
