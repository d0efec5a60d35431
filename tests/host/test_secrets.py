"""The password stands in one place of the host alone, readable by root."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loopback import RELAY
from standing import contents

SETTING = "postfix_relayhost"
PASSWORD = "Xyzzy-7f3a-a-password-nobody-else-has"


@contextmanager
def watched_processes() -> Iterator[list[str]]:
    """Collect the command lines and environments that show the password meanwhile."""
    found: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            for place in (
                *Path("/proc").glob("[0-9]*/cmdline"),
                *Path("/proc").glob("[0-9]*/environ"),
            ):
                try:
                    if PASSWORD.encode() in place.read_bytes():
                        found.append(str(place))
                except OSError:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


def _showing(name: str) -> Iterator[str]:
    for place in Path("/proc").glob(f"[0-9]*/{name}"):
        # A process may end while it is looked at.
        with suppress(OSError):
            if PASSWORD.encode() in place.read_bytes():
                yield str(place)


def holders(directory: Path) -> list[Path]:
    """Return the files below *directory* in which the password stands."""
    return [
        path
        for path, content in contents(directory).items()
        if not path.is_symlink() and PASSWORD.encode() in content
    ]


def test_the_password_stands_in_the_map_alone(make_relay, directory, postfix, panel) -> None:
    """Not in logs, process lists, the database, main.cf or an answer; 0600 where it stands."""
    relay = make_relay(accounts={"relay-user": PASSWORD})
    value = {"server_hostname": RELAY, "server_port": 587}
    value |= {"username": "relay-user", "password": PASSWORD}
    with watched_processes() as seen:
        answer = panel.set(SETTING, value)
        assert answer["status"] == "applied"
        postfix.submit("friend@example.net")
        relay.wait_for(1)
    assert seen == []
    assert PASSWORD not in str(answer)

    # What somebody edited is looked for in a stage that comes and goes.
    panel.stop_service("apply")
    standing = holders(directory)
    assert standing, "Postfix must have it from somewhere"
    for path in standing:
        status = path.stat()
        assert stat.S_IMODE(status.st_mode) == 0o600, path
        assert (status.st_uid, status.st_gid) == (0, 0), path
        own = (postfix.config_directory / "mailpanel", panel.directory / "state")
        assert any(path.is_relative_to(place) for place in own), path
    for log in (panel.log("web"), panel.log("apply"), postfix.log()):
        assert PASSWORD not in log


def test_after_a_reset_postfix_has_it_no_more(make_relay, postfix, panel, wait_until) -> None:
    """The maps go, once no mail in flight needs them."""
    make_relay(accounts={"relay-user": PASSWORD})
    value = {"server_hostname": RELAY, "server_port": 587}
    answer = panel.set(SETTING, value | {"username": "relay-user", "password": PASSWORD})
    assert answer["status"] == "applied"
    assert panel.reset(SETTING).status == 204
    wait_until(lambda: holders(postfix.directory) == [])


def test_a_failed_change_leaves_no_password(make_relay, directory, panel) -> None:
    """Neither a refused password nor the stage it was tried in stays on disk."""
    make_relay(accounts={"relay-user": "another"})
    value = {"server_hostname": RELAY, "server_port": 587}
    answer = panel.set(SETTING, value | {"username": "relay-user", "password": PASSWORD})
    assert answer["status"] == "failed"
    assert PASSWORD not in str(answer)
    assert holders(directory) == []
