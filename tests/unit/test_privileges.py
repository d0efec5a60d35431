"""mailpanel.privileges: what root gives up is gone, or nothing goes on."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mailpanel.deployment import load
from mailpanel.errors import DeploymentError
from mailpanel.privileges import become_user

ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="nobody else has root to give up")

# A child process gives root up and tries to get it back.
TRY = """
import json, os, sys
from mailpanel.deployment import load
from mailpanel.privileges import become_user

os.setgroups([0, 4])
become_user(load({"mailpanel.user": "nobody"}, {}))

def fails(function, *arguments):
    try:
        function(*arguments)
    except PermissionError:
        return True
    return False

open(sys.argv[1] + "/made", "w").close()
print(json.dumps({
    "uids": os.getresuid(), "gids": os.getresgid(), "groups": os.getgroups(),
    "back": [
        fails(os.setuid, 0), fails(os.seteuid, 0), fails(os.setresuid, 0, 0, 0),
        fails(os.setgid, 0), fails(os.setgroups, [0]), fails(open, "/etc/shadow"),
    ],
    "capabilities": [
        line.split()[1]
        for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm"))
    ],
}))
"""


@pytest.fixture
def outcome(public_tmp: Path) -> dict[str, Any]:
    os.chown(public_tmp, pwd.getpwnam("nobody").pw_uid, -1)
    done = subprocess.run(
        [sys.executable, "-c", TRY, str(public_tmp)],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    found: dict[str, Any] = json.loads(done.stdout)
    found["mode"] = (public_tmp / "made").stat().st_mode & 0o777
    return found


@ONLY_ROOT
def test_root_is_given_up_for_good(outcome: dict[str, Any]) -> None:
    """Real, effective and saved; no group is left, no capability, and no way back."""
    nobody = pwd.getpwnam("nobody")
    assert outcome["uids"] == [nobody.pw_uid] * 3
    assert outcome["gids"] == [nobody.pw_gid] * 3
    assert outcome["groups"] == []
    assert all(outcome["back"])
    assert {int(each, 16) for each in outcome["capabilities"]} == {0}


@ONLY_ROOT
def test_new_files_are_closed_to_others(outcome: dict[str, Any]) -> None:
    assert outcome["mode"] == 0o600


@ONLY_ROOT
def test_a_user_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "umask", lambda mode: mode)
    with pytest.raises(DeploymentError, match=r"mailpanel\.user: .* no-such-user;"):
        become_user(load({"mailpanel.user": "no-such-user"}, {}))


@ONLY_ROOT
def test_root_is_no_unprivileged_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else web and courier would keep root in silence."""
    monkeypatch.setattr(os, "umask", lambda mode: mode)
    with pytest.raises(
        DeploymentError, match=r"mailpanel\.user: root is root, .* give another user"
    ):
        become_user(load({"mailpanel.user": "root"}, {}))


def test_whoever_is_not_root_stays_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "umask", lambda mode: mode)
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    become_user(load({"mailpanel.user": "root"}, {}))
    monkeypatch.undo()
