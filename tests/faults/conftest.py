"""Real daemons, and a mailpanel apply that is killed, starved, lied to and left alone.

``MAILPANEL_ROUNDS`` is how many times it is killed in all (1,000 in ``make soak``), and
``MAILPANEL_SEED`` what decides when; both are told at the end, with what came of it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from figures import FIGURES, SEED
from real_host import *  # noqa: F403 (fixtures, which tests ask for by their names)
from world import World


@pytest.fixture
def chance() -> random.Random:
    return random.Random(SEED)  # noqa: S311 (it decides when to kill, and must do so again)


@pytest.fixture(scope="session")
def rounds() -> int:
    return int(os.environ.get("MAILPANEL_ROUNDS", "30"))


@pytest.fixture
def world(postfix, dovecot, make_relay, make_panel, directory) -> Iterator[World]:
    """A mail host with everything that mailpanel sets on it."""
    with World(postfix, dovecot, make_relay, make_panel, directory) as made:
        yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section(f"figures (MAILPANEL_SEED={SEED})")
        for name, count in sorted(FIGURES.items()):
            terminalreporter.line(f"{count:8,}  {name}")
