"""A private Postfix and Dovecot, strict relays and a whole mailpanel for each test.

What they logged is printed when a test is over; pytest shows it where one failed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from loopback import CELLAR, RELAY

from mailpanel.playground.certificates import Authority
from mailpanel.playground.dovecot import PrivateDovecot
from mailpanel.playground.installation import Installation
from mailpanel.playground.postfix import PrivatePostfix
from mailpanel.playground.relay import StrictRelay

__all__ = [
    "authority",
    "ca_file",
    "directory",
    "dovecot",
    "make_dovecot",
    "make_panel",
    "make_relay",
    "needs_root",
    "open_relay",
    "panel",
    "postfix",
    "prepared",
    "wait_until",
    "whole_panel",
]

# How long a test waits for what is to come true. Longer than any machine takes: what is waited for
# in vain fails all the same, and what comes costs nothing but its own time.
PATIENCE = 90.0

MakeRelay = Callable[..., StrictRelay]
MakeDovecot = Callable[..., PrivateDovecot]
MakePanel = Callable[..., Installation]


@pytest.fixture(scope="session", autouse=True)
def needs_root() -> None:
    """These tests prove something on real daemons, which only root can start."""
    if os.geteuid() != 0 or not (shutil.which("postfix") and shutil.which("dovecot")):
        pytest.exit("This needs root, Postfix and Dovecot: run script/test", returncode=1)


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


@pytest.fixture
def make_dovecot(directory: Path) -> Iterator[MakeDovecot]:
    """Make a Dovecot that is not started yet, with the options of PrivateDovecot."""
    made: list[PrivateDovecot] = []

    def make(**options) -> PrivateDovecot:
        place = directory / f"d{len(made)}"
        place.mkdir()
        place.chmod(0o755)
        made.append(PrivateDovecot(place, **options))
        return made[-1]

    yield make
    for dovecot in made:
        dovecot.stop()
        sys.stdout.write(dovecot.log())


@pytest.fixture
def dovecot(make_dovecot: MakeDovecot) -> PrivateDovecot:
    """A Dovecot that is not started yet: a test may write its configuration first."""
    return make_dovecot()


@pytest.fixture(scope="session")
def prepared() -> Iterator[Installation]:
    """Database, keys, account and token, made once and then copied."""
    with tempfile.TemporaryDirectory(prefix="mp-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        installation = Installation(Path(name), {})
        installation.prepare()
        yield installation


@pytest.fixture
def make_panel(
    directory: Path, ca_file: Path, prepared: Installation, wait_until: Callable[..., None]
) -> Iterator[MakePanel]:
    """Start the daemons, where they do not run yet, and a mailpanel that manages them.

    *options* are deployment options, by their names in the ini. The web knows of the host then.
    """
    with ExitStack() as stack:

        def make(
            postfix: PrivatePostfix,
            dovecot: PrivateDovecot | None = None,
            options: Mapping[str, str] | None = None,
        ) -> Installation:
            for daemon in (postfix, dovecot):
                if daemon is not None and not daemon.running:
                    daemon.start()
            place = directory / "m"
            place.mkdir()
            place.chmod(0o755)
            # Where no Dovecot is wanted there is none: never the machine's own.
            dovecot_conf = dovecot.config_file if dovecot else directory / "none" / "dovecot.conf"
            own = {
                "mailpanel.host_name": "mail.test",
                "mailpanel.postfix_config_directory": str(postfix.config_directory),
                "mailpanel.dovecot_config_file": str(dovecot_conf),
                "mailpanel.msmtp_config_file": str(directory / "msmtprc"),
                "mailpanel.ca_file": str(ca_file),
                "mailpanel.check_interval": "1",
                "mailpanel.clearing_grace": "0",
                # Else what a test leaves for later goes, where it starts apply anew.
                "mailpanel.clearing_time": "never",
                "mailpanel.reload_interval": "0",
            }
            panel = Installation(
                place,
                {**own, **(options or {})},
                # A host that is silent for three of them is away, and a busy machine is.
                for_web={"mailpanel.check_interval": "60"},
            )
            panel.take_over(prepared)
            stack.callback(lambda: sys.stdout.write(panel.log("web") + panel.log("apply")))
            stack.enter_context(panel)
            # The web answers first, and apply may take its time.
            wait_until(lambda: panel.check() or panel.api("GET", "hosts/").body["hosts"])
            return panel

        yield make


@pytest.fixture
def panel(postfix: PrivatePostfix, make_panel: MakePanel) -> Installation:
    """A mailpanel that manages ``postfix``, both started."""
    return make_panel(postfix)


@pytest.fixture
def whole_panel(
    postfix: PrivatePostfix, dovecot: PrivateDovecot, make_panel: MakePanel
) -> Installation:
    """A mailpanel that manages ``postfix`` and ``dovecot``, all started."""
    return make_panel(postfix, dovecot)


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Wait for a condition; fail where it does not come true."""

    def wait(condition: Callable[[], object], timeout: float = PATIENCE) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.05)

    return wait
