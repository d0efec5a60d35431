"""Where mailpanel keeps what: the directories, who owns them, and their modes.

    state_directory/        root     0755
        database/           user     0700   SQLite's files
        keys/               root     0755   seal.key 0600, seal.pub 0644
        ledger/ journal/ backups/
                            root     0700
    run_directory/          root     0755
        courier/            user     0700   the courier's socket

*user* is ``mailpanel.user``. Started as anyone but root, everything is theirs.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from mailpanel.deployment import Deployment
from mailpanel.errors import DeploymentError

__all__ = ["Owner", "current_owner", "owner_of_user_files", "prepare_run", "prepare_state"]


@dataclass(frozen=True, slots=True)
class Owner:
    """A system user: *name*, the numbers that files are given, and *home*."""

    name: str
    uid: int
    gid: int
    home: str


def owner_of_user_files(deployment: Deployment) -> Owner:
    """Return the unprivileged user where this process is root, else this process's user.

    Raises :class:`DeploymentError` where ``mailpanel.user`` does not exist.
    """
    if os.geteuid() != 0:
        return current_owner()
    try:
        entry = pwd.getpwnam(deployment.user)
    except KeyError:
        raise DeploymentError(
            f"mailpanel.user: there is no system user {deployment.user}; run mailpanel init"
        ) from None
    return Owner(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


def prepare_state(deployment: Deployment) -> list[Path]:
    """Make what is missing of the state directory; return what was made.

    Raises :class:`DeploymentError`, naming place and remedy, where what is there
    belongs to somebody else or cannot be made; nothing of it is changed then.
    """
    state = Path(deployment.state_directory)
    root, user = current_owner(), owner_of_user_files(deployment)
    made = _prepare(state, root, 0o755)
    made += _prepare(state / "database", user, 0o700)
    made += _prepare(state / "keys", root, 0o755)
    for name in ("ledger", "journal", "backups"):
        made += _prepare(state / name, root, 0o700)
    return made


def prepare_run(deployment: Deployment) -> list[Path]:
    """Make what is missing of the run directory, as :func:`prepare_state` does.

    It is often on a file system that is empty after each start of the machine.
    """
    run = Path(deployment.run_directory)
    made = _prepare(run, current_owner(), 0o755)
    return made + _prepare(run / "courier", owner_of_user_files(deployment), 0o700)


def current_owner() -> Owner:
    """Return the user that this process runs as."""
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Owner(str(uid), uid, os.getegid(), "/")
    return Owner(entry.pw_name, uid, os.getegid(), entry.pw_dir)


def _prepare(directory: Path, owner: Owner, mode: int) -> list[Path]:
    try:
        status = directory.lstat()
    except FileNotFoundError:
        return _make(directory, owner, mode)
    except OSError as error:
        raise _cannot(directory, error) from None
    if not stat.S_ISDIR(status.st_mode):
        raise DeploymentError(f"{directory}: this must be a directory; move it away")
    if status.st_uid != owner.uid:
        raise DeploymentError(
            f"{directory}: this must belong to {owner.name}: chown {owner.name} {directory}"
        )
    # Never widened: what an admin has closed further stays so.
    if status.st_mode & 0o777 & ~mode:
        directory.chmod(status.st_mode & mode)
    return []


def _make(directory: Path, owner: Owner, mode: int) -> list[Path]:
    made = []
    try:
        if not directory.parent.is_dir():
            made = _make(directory.parent, current_owner(), 0o755)
        # Closed until it has its owner; the umask does not count then.
        directory.mkdir(mode=0o700)
        if owner != current_owner():
            os.chown(directory, owner.uid, owner.gid)
        directory.chmod(mode)
    except OSError as error:
        raise _cannot(directory, error) from None
    return [*made, directory]


def _cannot(directory: Path, error: OSError) -> DeploymentError:
    return DeploymentError(f"{directory}: this directory cannot be made ({error.strerror})")
