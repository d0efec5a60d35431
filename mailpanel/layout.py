"""Where mailpanel keeps what: the directories, who owns them, and their modes.

    state_directory/        root     0755
        database/           user     0700   SQLite's files
        keys/               root     0755   seal.key 0600, seal.pub 0644
                    user            web.key 0400
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

from mailpanel.deployment import Deployment, place_of
from mailpanel.errors import DeploymentError

__all__ = [
    "Owner",
    "current_owner",
    "owner_of_user_files",
    "prepare_run",
    "prepare_state",
    "require_owner",
    "wrong_user",
]


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
            f"{place_of('mailpanel.user')}: there is no system user {deployment.user}; "
            "run mailpanel init"
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


def require_owner(place: Path, *others: Path) -> None:
    """Raise :class:`DeploymentError` where this user owns neither *place* nor one of *others*.

    What is missing is no reason, and root may do everything.
    """
    if os.geteuid() == 0:
        return
    try:
        owners = {each.stat().st_uid for each in (place, *others) if each.exists()}
    except PermissionError:
        owners = {0}
    if owners and os.geteuid() not in owners:
        raise wrong_user(place)


def wrong_user(place: Path) -> DeploymentError:
    """Return the error of somebody who has started what only the owner of *place* can do."""
    try:
        uid = place.stat().st_uid
    except OSError:
        uid = os.geteuid()
    if uid == os.geteuid():
        # What keeps them out is above it or in it.
        return DeploymentError(f"{place}: {_name_of(uid)} may not look there; run it as root")
    return DeploymentError(f"{place}: this belongs to {_name_of(uid)}; run it as {_name_of(uid)}")


def current_owner() -> Owner:
    """Return the user that this process runs as."""
    uid = os.geteuid()
    try:
        home = pwd.getpwuid(uid).pw_dir
    except KeyError:
        home = "/"
    return Owner(_name_of(uid), uid, os.getegid(), home)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


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
        if os.geteuid() != 0:
            # Nobody but root can give a directory away, and whose it is it shall stay.
            raise wrong_user(directory)
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
    remedy = "; run it as root" if isinstance(error, PermissionError) and os.geteuid() else ""
    return DeploymentError(f"{directory}: this directory cannot be made ({error.strerror}){remedy}")
