"""Directories, their owners and modes."""

from __future__ import annotations

import os
import pwd
import stat

import pytest

from mailpanel.deployment import load
from mailpanel.errors import DeploymentError
from mailpanel.layout import owner_of_user_files, prepare_run, prepare_state

NOBODY = "nobody"
ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")


@pytest.fixture
def deployment(tmp_path):
    options = {
        "mailpanel.state_directory": str(tmp_path / "lib" / "state"),
        "mailpanel.run_directory": str(tmp_path / "run"),
        "mailpanel.user": NOBODY,
    }
    return load(options, {})


def seen(root):
    return {
        str(path.relative_to(root)): (
            pwd.getpwuid(path.stat().st_uid).pw_name,
            stat.S_IMODE(path.stat().st_mode),
        )
        for path in root.rglob("*")
    }


def test_directories_have_their_owners_and_modes_whatever_the_umask(deployment, tmp_path):
    before = os.umask(0o077)
    try:
        made = prepare_state(deployment) + prepare_run(deployment)
    finally:
        os.umask(before)
    ours = pwd.getpwuid(os.geteuid()).pw_name
    theirs = NOBODY if os.geteuid() == 0 else ours
    assert seen(tmp_path) == {
        "lib": (ours, 0o755),
        "lib/state": (ours, 0o755),
        "lib/state/database": (theirs, 0o700),
        "lib/state/keys": (ours, 0o755),
        "lib/state/ledger": (ours, 0o700),
        "lib/state/journal": (ours, 0o700),
        "lib/state/backups": (ours, 0o700),
        "run": (ours, 0o755),
        "run/courier": (theirs, 0o700),
    }
    assert {str(path.relative_to(tmp_path)) for path in made} == set(seen(tmp_path))


def test_repeating_makes_nothing_and_closes_what_was_opened(deployment, tmp_path):
    prepare_state(deployment)
    before = seen(tmp_path)
    (tmp_path / "lib" / "state" / "database").chmod(0o755)
    assert prepare_state(deployment) == []
    assert seen(tmp_path) == before


def test_what_an_admin_has_closed_further_stays_so(deployment, tmp_path):
    prepare_run(deployment)
    (tmp_path / "run").chmod(0o750)
    prepare_run(deployment)
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o750


def test_file_or_link_in_the_way_is_named(deployment, tmp_path):
    prepare_run(deployment)
    (tmp_path / "run" / "courier").rmdir()
    (tmp_path / "run" / "courier").symlink_to("/etc")
    with pytest.raises(DeploymentError, match="must be a directory"):
        prepare_run(deployment)


@ONLY_ROOT
def test_directory_of_somebody_else_is_left_alone(deployment, tmp_path):
    prepare_state(deployment)
    other = pwd.getpwnam("daemon").pw_uid
    os.chown(tmp_path / "lib" / "state" / "database", other, other)
    with pytest.raises(DeploymentError, match=r": chown nobody /"):
        prepare_state(deployment)
    assert (tmp_path / "lib" / "state" / "database").stat().st_uid == other


@ONLY_ROOT
def test_missing_user_asks_for_init():
    with pytest.raises(DeploymentError, match="run mailpanel init"):
        owner_of_user_files(load({"mailpanel.user": "no-such-user-here"}, {}))


def test_unprivileged_everything_is_ours(deployment, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    assert owner_of_user_files(deployment).uid == 1
