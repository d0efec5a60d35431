"""Leaving a host: what is live stays as plain files, and mailpanel forgets that it wrote them."""

from __future__ import annotations

import shutil
from pathlib import Path

from mailpanel.deployment import Deployment
from mailpanel.errors import HostError
from mailpanel.host import files
from mailpanel.host.lock import locked
from mailpanel.host.mailhost import MailHost
from mailpanel.host.own_files import FileLedger
from mailpanel.host.state import LEDGERS, read_state

__all__ = ["eject", "left_behind", "require_idle"]

# Only what root keeps; the database is the administrator's to keep or to remove.
KEPT_BY_ROOT = ("ledger", "journal", "backups", "stage", "keys")
NOTICE = b"# mailpanel's own,"


def require_idle(deployment: Deployment) -> None:
    """Raise :class:`Busy` where an apply service runs: before anybody is asked anything."""
    if deployment.lock_file.exists():
        with locked(deployment.lock_file, wait=False):
            pass


def left_behind(deployment: Deployment) -> dict[str, list[str]]:
    """Return, by setting, the names of what stays on the host as it is."""
    rows = read_state(deployment)
    return {row["setting"]: row["owns"] for row in rows if row["owns"]}


def eject(deployment: Deployment) -> None:
    """Forget that anything on this host is mailpanel's; afterwards its daemons go on as they are.

    A change that was interrupted is finished or undone first. Raises :class:`Busy` where
    an apply service runs, and :class:`HostError` where mail in flight still waits for
    something to be put back; nothing is forgotten then. Killed half-way, it can be run
    again: what is live is never touched but for a comment.
    """
    with locked(deployment.lock_file, wait=False):
        host = MailHost(deployment)
        host.recover()
        if any(host.leaving(row["setting"]) for row in read_state(deployment)):
            raise HostError(
                "A reset waits for the mail in flight to be gone; let mailpanel apply finish it."
            )
        _drop_notices(deployment)
        for name in KEPT_BY_ROOT:
            _remove(Path(deployment.state_directory, name))


def _remove(directory: Path) -> None:
    if not directory.exists():
        return
    try:
        shutil.rmtree(directory)
    except OSError as error:
        raise HostError(
            f"{error.filename} cannot be removed ({error.strerror}); remove it, and what else is "
            "left of the state directory's keys, ledger, journal and backups."
        ) from None


def _drop_notices(deployment: Deployment) -> None:
    """Take out the first lines that say whose the files were."""
    for part, kind in LEDGERS.items():
        path = Path(deployment.state_directory, "ledger", f"{part}.json")
        ledger = kind.loads(files.read_state(path).content)
        for name in ledger.files if isinstance(ledger, FileLedger) else ():
            state = files.read_state(Path(name))
            first, _, rest = (state.content or b"").partition(b"\n")
            if first.startswith(NOTICE):
                files.write(state.with_content(rest))
