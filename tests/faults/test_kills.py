"""Killed at any instant, apply leaves a host that works, and the next run converges."""

from __future__ import annotations

import itertools
import random
import time

import pytest
from figures import FIGURES
from world import SETTINGS, World

STEPS = ("check", "probe", "journal", "swap", "reload", "verify")
# Of the most in the longest change: a first set with TLS from the start.
MOST_CHANGES = 90

pytestmark = pytest.mark.timeout(7200)


def change(world: World, chance: random.Random) -> None:
    """Set or reset one of the settings, as it comes."""
    setting = chance.choice(SETTINGS)
    if world.wanted[setting].value is not None and chance.random() < 0.4:
        world.reset(setting)
    else:
        world.set(setting)


def come_back(world: World) -> None:
    """Kill, where that was not done already; then look, start, wait, and look again."""
    world.kill()
    world.assert_sound()
    left = (world.state / "journal" / "journal.json").exists()
    FIGURES["kills in mid-change (a journal was left)" if left else "kills beside a change"] += 1
    world.start()
    world.wait_until_converged()
    world.assert_as_wanted()


def start_mortal(world: World, *how: str) -> None:
    world.panel.stop_service("apply")
    world.start_mortal(*how)


def test_at_each_step(world: World, chance: random.Random, rounds: int) -> None:
    """Each setting, set, set anew and reset, killed when it comes to each step."""
    cases = list(itertools.product(SETTINGS, ("set", "set anew", "reset"), STEPS))
    chance.shuffle(cases)
    for setting, action, step in itertools.islice(itertools.cycle(cases), rounds * 4 // 10):
        if (world.wanted[setting].value is None) != (action == "set"):
            getattr(world, "reset" if action == "set" else "set")(setting)
            world.wait_until_converged()
        start_mortal(world, "step", step)
        getattr(world, "reset" if action == "reset" else "set")(setting)
        # A reset comes to no probe: it is killed all the same, once it is done.
        world.wait_for_death(5.0)
        come_back(world)


def test_before_any_change_of_a_file(world: World, chance: random.Random, rounds: int) -> None:
    for _ in range(rounds * 3 // 10):
        start_mortal(world, "file", str(chance.randint(1, MOST_CHANGES)))
        change(world, chance)
        world.wait_for_death(3.0)
        come_back(world)


def test_at_random_instants(world: World, chance: random.Random, rounds: int) -> None:
    """Also while it starts and recovers from the kill before."""
    for number in range(rounds * 3 // 10):
        for _ in range(chance.randint(1, 3)):
            change(world, chance)
        time.sleep(chance.uniform(0.0, 1.5))
        if number % 3 == 0:
            world.kill()
            world.assert_sound()
            world.start()
            time.sleep(chance.uniform(0.0, 2.0))
        come_back(world)
