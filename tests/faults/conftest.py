"""Real daemons, and a mailpanel apply that is killed, starved, lied to and left alone.

``MAILPANEL_ROUNDS`` is how many times it is killed in all (1,000 in ``make soak``, and then all
else is done in full, too), and ``MAILPANEL_SEED`` what decides when. The figures are told at
the end, and written into the file that ``MAILPANEL_FIGURES`` names.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import report
from figures import FIGURES, ROUNDS, SEED
from real_host import *  # noqa: F403 (fixtures, which tests ask for by their names)
from world import World


@pytest.fixture
def chance() -> random.Random:
    return random.Random(SEED)  # noqa: S311 (it decides when to kill, and must do so again)


@pytest.fixture(scope="session")
def rounds() -> int:
    return ROUNDS


@pytest.fixture
def world(postfix, dovecot, make_relay, make_panel, directory) -> Iterator[World]:
    """A mail host with everything that mailpanel sets on it."""
    with World(postfix, dovecot, make_relay, make_panel, directory) as made:
        yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section(f"figures (MAILPANEL_ROUNDS={ROUNDS} MAILPANEL_SEED={SEED})")
        for line in report.lines():
            terminalreporter.line(line)
    if path := os.environ.get("MAILPANEL_FIGURES"):
        counts = {key: len(terminalreporter.getreports(key)) for key in ("passed", "failed")}
        report.write(Path(path), **counts)
