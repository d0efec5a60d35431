"""A whole mailpanel with its daemons, and Debian's Chromium to use it with."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from person import Person
from playwright.sync_api import Browser, expect, sync_playwright

from mailpanel.playground import whole
from mailpanel.playground.postfix import free_port
from mailpanel.playground.whole import Place, Playground
from mailpanel.settings import SETTINGS

CHROMIUM = "/usr/bin/chromium"
# How long what is expected may take to come, in milliseconds.
PATIENCE = 90_000

MakePerson = Callable[..., Person]


@pytest.fixture(scope="session", autouse=True)
def _root() -> None:
    """These tests look at what real daemons do, which only root can start."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("postfix", "dovecot", CHROMIUM))):
        pytest.exit("tests/browser needs root and Chromium: run script/test", returncode=1)


@pytest.fixture(scope="session")
def playground() -> Iterator[Playground]:
    """One for all tests; each finds every setting reset."""
    with (
        tempfile.TemporaryDirectory(prefix="mp-", dir="/tmp") as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        Path(name).chmod(0o755)
        # Not those of a playground that somebody looks at meanwhile.
        patch.setattr(whole, "PORTS", {each: free_port() for each in whole.PORTS})
        # Or mail that tests count would go while they run at that time.
        patch.setitem(whole.OPTIONS, "mailpanel.clearing_time", "never")
        place = Place(Path(name) / "p")
        with Playground(place, None, say=print, on_message=lambda _: None) as running:
            yield running
            sys.stdout.write(running.installation.log("web") + running.installation.log("apply"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        # A sandbox of its own it cannot make as root.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def someone(playground: Playground, chromium: Browser) -> Iterator[MakePerson]:
    """Make people, each with a browser profile of their own; what they saved is reset at the end.

    Whatever a page complains of on its console, as a breach of its policy, is an error.
    """
    people: list[Person] = []

    def make(**options: Any) -> Person:
        person = Person(playground, chromium, **options)
        people.append(person)
        return person

    yield make
    for person in people:
        person.leave()
    for name in SETTINGS:
        assert playground.installation.reset(name).status == 204


@pytest.fixture
def admin(someone: MakePerson) -> Person:
    """An administrator who is logged in."""
    person = someone()
    person.log_in()
    return person
