"""No room and no right to write: what fails says so, the old configuration lives, and goes on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from world import INTERVAL, MAILER, MASTER, RELAYHOST, World

PLACES: dict[str, Callable[[World], Path]] = {
    "Postfix's configuration": lambda world: world.postfix.config_directory,
    "Dovecot's configuration": lambda world: world.dovecot.config_directory,
    "journal": lambda world: world.state / "journal",
    "ledger": lambda world: world.state / "ledger",
    "stage": lambda world: world.state / "stage",
}
CASES = [
    ("Postfix's configuration", RELAYHOST),
    ("Dovecot's configuration", INTERVAL),
    ("Dovecot's configuration", MASTER),
    ("journal", RELAYHOST),
    ("journal", MASTER),
    ("ledger", INTERVAL),
    ("ledger", MAILER),
    ("stage", RELAYHOST),
    ("stage", MAILER),
]


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], capture_output=True, check=True)


@contextmanager
def full(place: Path) -> Iterator[None]:
    """Let *place* be a disk of its own without any room; then it gets some."""
    kept = place.with_name("kept")
    place.mkdir(exist_ok=True)
    subprocess.run(["cp", "--archive", str(place), str(kept)], check=True)
    mode = f"{place.stat().st_mode & 0o777:o}"
    mount("-t", "tmpfs", "-o", f"size=512k,mode={mode}", "none", str(place))
    subprocess.run(["cp", "--archive", f"{kept}/.", str(place)], check=True)
    shutil.rmtree(kept)
    filler = place / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 512)
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    place.mkdir(exist_ok=True)
    mount("--bind", str(place), str(place))
    mount("-o", "remount,ro,bind", str(place))
    try:
        yield
    finally:
        mount("-o", "remount,rw,bind", str(place))


REASONS = {full: "No space left on device", read_only: "Read-only file system"}


@pytest.mark.parametrize("earlier", [False, True], ids=["first", "later"])
@pytest.mark.parametrize(("name", "setting"), CASES)
@pytest.mark.parametrize("how", REASONS)
def test_nothing_can_be_written(
    world: World, how: Callable, name: str, setting: str, *, earlier: bool
) -> None:
    place = PLACES[name](world)
    try:
        if earlier:
            world.set(setting)
            world.wait_until_converged()
            world.assert_as_wanted()
        before = world.configuration()
        with how(place):
            world.set(setting)
            error = world.wait_for_failure(setting)
            assert REASONS[how] in error
            assert "Putting the old files back" not in error
            world.assert_configured(before)
            world.replaced.clear()
            world.assert_sound()
        world.wait_until_converged()
        world.assert_as_wanted()
    finally:
        world.panel.stop()
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_an_apply_service_that_starts_on_a_read_only_disk_says_so(world: World) -> None:
    """And leaves the host alone; it is the service manager's to try again."""
    before = world.configuration()
    world.panel.stop_service("apply")
    with read_only(world.state):
        world.start()
        assert world.panel._services["apply"].wait(60) != 0
        assert "Read-only file system" in world.panel.log("apply")
        assert "Traceback" not in world.panel.log("apply")
        world.panel._services.pop("apply")
    subprocess.run(["umount", "-l", str(world.state)], check=True)
    assert world.configuration() == before
