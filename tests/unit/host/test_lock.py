"""One process at a time, however the one before ended."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from mailpanel.errors import Busy
from mailpanel.host.lock import locked


@pytest.fixture
def holder(tmp_path: Path):
    """A process that holds the lock; its pid."""
    path = tmp_path / "lock"
    ready, done = os.pipe()
    pid = os.fork()
    if pid == 0:
        with locked(path, wait=True):
            os.write(done, b"x")
            time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    yield pid
    os.close(ready)
    os.close(done)


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_second_process_is_told_so(tmp_path: Path, holder: int) -> None:
    with pytest.raises(Busy), locked(tmp_path / "lock", wait=False):
        pytest.fail("it must not come here")
    end(holder)


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path, holder: int) -> None:
    end(holder)
    with locked(tmp_path / "lock", wait=False):
        assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_a_command_does_not_inherit_it(tmp_path: Path) -> None:
    """Else a daemon that a command leaves behind would hold the host for ever."""
    path = tmp_path / "lock"
    with locked(path, wait=False):
        child = subprocess.Popen(["sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
    with child, locked(path, wait=False):
        child.kill()


def test_it_is_free_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(ValueError, match="inside"), locked(path, wait=False):
        raise ValueError("inside")
    with locked(path, wait=False):
        pass
