"""Two apply services at once, and an administrator who cannot stop clicking."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from figures import ALL, FIGURES
from world import INTERVAL, SETTINGS, World

PAUSE = 0.01


def mailpanel(world: World, *arguments: str, timeout: float = 60.0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("mailpanel")), *arguments],
        env=world.panel._environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_second_apply_is_refused_and_changes_nothing(world: World) -> None:
    """Also one with another run directory: what the lock guards is the state directory."""
    ini = world.panel.ini.read_text()
    other = world.panel.ini.with_name("other.ini")
    other.write_text(ini.replace(f"{world.panel.directory}/run", f"{world.directory}/run2"))
    for path in (world.panel.ini, other):
        with mailpanel(world, "apply", "--config", str(path)) as second:
            said, _ = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "Another apply service is at work on this host" in said
    world.set(INTERVAL)
    world.wait_until_converged()
    world.assert_as_wanted()


def test_many_of_them_at_once_converge_one_after_the_other(world: World) -> None:
    """--once waits for its turn; all of them come to the same end, and so does the host."""
    world.panel.stop_service("apply")
    for setting in SETTINGS:
        world.set(setting)
    several = [mailpanel(world, "apply", "--once") for _ in range(4)]
    said = [each.communicate(timeout=120)[0] for each in several]
    assert [each.returncode for each in several] == [0, 0, 0, 0], said
    text = "".join(said)
    for setting in SETTINGS:
        assert text.count(f"{setting} revision 1: applied") == 1
    world.assert_as_wanted()
    world.start()


@pytest.mark.timeout(600)
def test_a_post_every_ten_milliseconds(world: World, rounds: int) -> None:
    """The last revision wins, nothing of one before it is left, and reloads are coalesced."""
    # As it is by default, which the other tests do not wait for.
    world.panel.stop_service("apply")
    ini = world.panel.ini.read_text()
    world.panel.ini.write_text(ini.replace("reload_interval = 0", "reload_interval = 2"))
    world.start()
    seconds = 30 if rounds >= ALL else 5
    reloads = world.dovecot.log().count("SIGHUP received")
    end = time.monotonic() + seconds
    values = []

    def post(number: int) -> int:
        value = {"junk_days": 1 + number % 3650, "trash_days": None}
        answer = world.panel.api("POST", f"settings/{INTERVAL}/", value)
        assert answer.status == 200, answer
        headers = {name.lower(): each for name, each in answer.headers.items()}
        values.append((int(headers["etag"].strip('"')), value))
        return answer.status

    with ThreadPoolExecutor(4) as executor:
        asked, number = [], 0
        while time.monotonic() < end:
            number += 1
            asked.append(executor.submit(post, number))
            time.sleep(PAUSE)
        for each in asked:
            each.result()
    revision, value = max(values)
    assert revision == number, "each POST is a revision"
    wanted = world.wanted[INTERVAL]
    wanted.revision, wanted.value = revision, value
    world.wait_until_converged()
    world.assert_as_wanted()
    took = time.monotonic() - end + seconds
    reloads = world.dovecot.log().count("SIGHUP received") - reloads
    FIGURES["POSTs to one setting in a storm"] += number
    FIGURES["reloads of Dovecot in that storm"] += reloads
    assert 1 <= reloads <= took / 2 + 1
