"""What root gives up is gone: a child process tries to get it back."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")

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


def test_root_is_given_up_for_good(outcome: dict[str, Any]) -> None:
    """Real, effective and saved; no group is left, no capability, and no way back."""
    nobody = pwd.getpwnam("nobody")
    assert outcome["uids"] == [nobody.pw_uid] * 3
    assert outcome["gids"] == [nobody.pw_gid] * 3
    assert outcome["groups"] == []
    assert all(outcome["back"])
    assert {int(each, 16) for each in outcome["capabilities"]} == {0}


def test_new_files_are_closed_to_others(outcome: dict[str, Any]) -> None:
    assert outcome["mode"] == 0o600


def test_a_user_that_does_not_exist_is_named() -> None:
    code = "; ".join(
        (
            "from mailpanel.deployment import load",
            "from mailpanel.privileges import become_user",
            "become_user(load({'mailpanel.user': 'no-such-user'}, {}))",
        )
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=False,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 1
    assert "DeploymentError" in done.stderr
    assert "no-such-user" in done.stderr
