"""Killed at any instant, apply leaves a host that works, and the next run converges."""

from __future__ import annotations

import itertools
import random
import time

import pytest
from figures import FIGURES
from world import MASTER, SETTINGS, World

STEPS = ("check", "probe", "journal", "swap", "reload", "verify")
ACTIONS = ("set", "set anew", "reset")
# One in so many is a process with an interpreter of its own, killed while it starts, too.
WHOLE = 4
# A rotation of the password is seen by Dovecot itself.
NEVER = (MASTER, "set anew", "reload")

pytestmark = pytest.mark.timeout(7200)


def prepare(world: World, setting: str, action: str) -> None:
    """Bring *setting* to where *action* can be done."""
    if (world.wanted[setting].value is None) != (action == "set"):
        act(world, setting, "reset" if action == "set" else "set")
        world.wait_until_converged()


def act(world: World, setting: str, action: str) -> None:
    if action == "reset":
        world.reset(setting)
    else:
        world.set(setting)


def change(world: World, chance: random.Random) -> None:
    """Set or reset one of the settings, as it comes."""
    setting = chance.choice(SETTINGS)
    if world.wanted[setting].value is not None and chance.random() < 0.4:
        world.reset(setting)
    else:
        world.set(setting)


def come_back(world: World, *, whole: bool = False) -> None:
    """Kill, where that was not done already; then look, start, wait, and look again."""
    world.kill()
    world.disarm()
    world.assert_sound()
    left = (world.state / "journal" / "journal.json").exists()
    FIGURES["kills in mid-change (a journal was left)" if left else "kills beside a change"] += 1
    start(world, whole=whole)
    world.wait_until_converged()
    world.assert_as_wanted()


def start(world: World, *, whole: bool) -> None:
    if whole:
        world.start()
    else:
        world.start_forked()


@pytest.fixture
def mortal(world: World) -> World:
    world.panel.stop_service("apply")
    world.start_forked()
    return world


def test_at_each_step(mortal: World, chance: random.Random, rounds: int) -> None:
    """Each setting, set, set anew and reset, killed when it comes to each step."""
    cases = [each for each in itertools.product(SETTINGS, ACTIONS, STEPS) if each != NEVER]
    chance.shuffle(cases)
    for setting, action, step in itertools.islice(itertools.cycle(cases), rounds * 4 // 10):
        prepare(mortal, setting, action)
        mortal.arm(f"step {step}")
        act(mortal, setting, action)
        assert mortal.wait_for_death(), (setting, action, step)
        FIGURES["kills at a step's beginning"] += 1
        come_back(mortal)


def test_before_any_change_of_a_file(mortal: World, chance: random.Random, rounds: int) -> None:
    """Each rename, write, chmod, removal and the rest of a change, as far as it was seen to go."""
    cases = list(itertools.product(SETTINGS, ACTIONS))
    # How many there are in each is seen as it goes, from one that was not killed.
    lengths: dict[tuple[str, str], int] = {}
    for number in range(rounds * 3 // 10):
        setting, action = case = cases[number % len(cases)]
        prepare(mortal, setting, action)
        if case not in lengths:
            act(mortal, setting, action)
            mortal.wait_until_converged()
            lengths[case] = mortal.changes()
            prepare(mortal, setting, action)
        mortal.arm(f"file {chance.randint(1, lengths[case])}")
        act(mortal, setting, action)
        if mortal.wait_for_death():
            FIGURES["kills right before a file is changed"] += 1
        come_back(mortal)


def test_at_random_instants(mortal: World, chance: random.Random, rounds: int) -> None:
    """Also while it starts and recovers from the kill before."""
    for number in range(rounds - rounds * 4 // 10 - rounds * 3 // 10):
        for _ in range(chance.randint(1, 3)):
            change(mortal, chance)
        time.sleep(chance.uniform(0.0, 1.5))
        whole = number % WHOLE == 0
        if number % 3 == 0:
            mortal.kill()
            mortal.assert_sound()
            start(mortal, whole=whole)
            time.sleep(chance.uniform(0.0, 2.0 if whole else 0.5))
        come_back(mortal, whole=whole)
