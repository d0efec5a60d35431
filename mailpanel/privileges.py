"""From root to the unprivileged user, before anything of that user's is opened.

Everything that is needed afterwards must be imported before: interpreter and
libraries may lie where that user cannot read.
"""

from __future__ import annotations

# What the standard library imports only when it is first used, and is used afterwards.
import concurrent.futures.thread  # noqa: F401
import encodings.idna
import encodings.punycode  # noqa: F401
import os
from pathlib import Path

from mailpanel.deployment import Deployment, place_of
from mailpanel.errors import DeploymentError
from mailpanel.layout import current_owner, owner_of_user_files

__all__ = ["become_user", "require_reachable"]


def become_user(deployment: Deployment) -> None:
    """Give up root for good, for ``mailpanel.user``; started as anyone else, nothing happens.

    From then on new files are closed to others. Raises :class:`DeploymentError`
    where there is no such user, or that user is root too.
    """
    os.umask(0o077)
    if os.geteuid() != 0:
        return
    user = owner_of_user_files(deployment)
    if user.uid == 0:
        raise DeploymentError(
            f"{place_of('mailpanel.user')}: {user.name} is root, and web and courier must not be; "
            "give another user, or leave the option out"
        )
    # Libraries look there for files of the user's (libpq for certificates), and take root's,
    # which cannot be read any more, for an error.
    os.environ["HOME"] = user.home
    os.setgroups([])
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)


def require_reachable(file: Path) -> None:
    """Raise :class:`DeploymentError`, naming directory and remedy, where *file* is out of reach.

    That is: where this process may not pass through a directory above it.
    """
    for directory in reversed(file.parents):
        if directory.is_dir() and not os.access(directory, os.X_OK):
            raise DeploymentError(
                f"{directory}: {current_owner().name} may not pass through this directory to the "
                f"database: chmod o+x {directory}, or put mailpanel.state_directory elsewhere"
            )
