"""A private Postfix, strict relays and a whole mailpanel for each test.

What they logged is printed when a test is over; pytest shows it where one failed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from loopback import CELLAR, RELAY

from mailpanel.playground.certificates import Authority
from mailpanel.playground.installation import Installation
from mailpanel.playground.postfix import PrivatePostfix
from mailpanel.playground.relay import StrictRelay

MakeRelay = Callable[..., StrictRelay]
MakePanel = Callable[[PrivatePostfix], Installation]


@pytest.fixture(scope="session", autouse=True)
def _root() -> None:
    """These tests prove something on a real Postfix, which only root can start."""
    if os.geteuid() != 0 or shutil.which("postfix") is None:
        pytest.exit("tests/host needs root and Postfix: run script/test", returncode=1)


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def ca_file(authority: Authority) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mp-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield authority.write_bundle(Path(name, "ca.pem"))


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that all may enter, with a name short enough for unix sockets."""
    with tempfile.TemporaryDirectory(prefix="mp-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def make_relay(authority: Authority) -> Iterator[MakeRelay]:
    """Start relays, by default at port 587 of RELAY, with a certificate for their address."""
    with ExitStack() as stack:

        def make(*names: str, address: str = RELAY, port: int = 587, **rest) -> StrictRelay:
            certificate = authority.issue(*(names or (address,)))
            relay = StrictRelay(certificate, address=address, port=port, **rest)
            return stack.enter_context(relay)

        yield make


@pytest.fixture
def open_relay() -> Iterator[StrictRelay]:
    """A server that takes everything, without TLS and without an account."""
    with StrictRelay(address=CELLAR) as relay:
        yield relay


@pytest.fixture
def postfix(directory: Path) -> Iterator[PrivatePostfix]:
    """A Postfix that is not started yet: a test may write its main.cf first."""
    place = directory / "p"
    place.mkdir()
    place.chmod(0o755)
    private = PrivatePostfix(place)
    try:
        yield private
    finally:
        private.stop()
        sys.stdout.write(private.log())


@pytest.fixture(scope="session")
def prepared() -> Iterator[Installation]:
    """Database, keys, account and token, made once and then copied."""
    with tempfile.TemporaryDirectory(prefix="mp-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        installation = Installation(Path(name), {})
        installation.prepare()
        yield installation


@pytest.fixture
def make_panel(directory: Path, ca_file: Path, prepared: Installation) -> Iterator[MakePanel]:
    """Start Postfix, where it does not run yet, and a mailpanel that manages it."""
    with ExitStack() as stack:

        def make(postfix: PrivatePostfix) -> Installation:
            if not postfix.running:
                postfix.start()
            place = directory / "m"
            place.mkdir()
            place.chmod(0o755)
            options = {
                "mailpanel.host_name": "mail.test",
                "mailpanel.postfix_config_directory": str(postfix.config_directory),
                "mailpanel.ca_file": str(ca_file),
                "mailpanel.check_interval": "1",
            }
            panel = Installation(place, options)
            panel.take_over(prepared)
            stack.callback(lambda: sys.stdout.write(panel.log("web") + panel.log("apply")))
            return stack.enter_context(panel)

        yield make


@pytest.fixture
def panel(postfix: PrivatePostfix, make_panel: MakePanel) -> Installation:
    """A mailpanel that manages ``postfix``, both started."""
    return make_panel(postfix)


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Wait for a condition; fail where it does not come true."""

    def wait(condition: Callable[[], bool], timeout: float = 15.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.05)

    return wait
