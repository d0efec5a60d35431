"""Whether Dovecot's log-ins go by a master users' file, seen by a probe entry in that file.

The entry has a random password that nobody learns, and counts for log-ins without an
address alone: those through Dovecot's own sockets, which only root and Dovecot reach.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from mailpanel.errors import VerifyFailed
from mailpanel.host import files
from mailpanel.host.dovecot import Dovecot
from mailpanel.host.own_files import master_line

__all__ = ["MasterLogins", "drop_probe"]

PROBE = "mailpanel-probe"
LOCAL = ("local",)
# Dovecot looks at the file's time once a second.
PATIENCE = 6.0
LOOK = 0.2
# Two looks that are further apart than that.
SECOND_LOOK = 1.2
SALT = 16


class MasterLogins:
    """Log-ins by the file at *path*, whose names follow a mailbox's and *separator*.

    *mailboxes* are some that exist; with none of them only the password can be tried.
    """

    def __init__(
        self, dovecot: Dovecot, path: Path, separator: str, mailboxes: Sequence[str]
    ) -> None:
        self._dovecot = dovecot
        self._path = path
        self._has_mailbox = bool(mailboxes)
        mailbox = mailboxes[0] if mailboxes else "mailpanel-nobody"
        self._login = f"{mailbox}{separator}{PROBE}"

    def require_they_count(self) -> None:
        """Raise :class:`VerifyFailed` unless log-ins go by the file as it stands.

        What was in it before counts no longer then. The probe entry is in it meanwhile.
        """
        state = files.read_state(self._path)
        password = secrets.token_hex(16)
        entry = master_line(PROBE, _hashed(password), LOCAL).encode()
        try:
            files.write(state.with_content((state.content or b"") + entry))
            self._require_accepted(password)
        finally:
            files.write(state)
        self._require_refused(password)

    def require_they_do_not(self) -> None:
        """Raise :class:`VerifyFailed` unless no log-in goes by the file any more.

        All that was in it is gone afterwards: it was to be revoked.
        """
        state = files.read_state(self._path)
        if state.content is None:
            return
        password = secrets.token_hex(16)
        files.write(state.with_content(master_line(PROBE, _hashed(password), LOCAL).encode()))
        for pause in (0.0, SECOND_LOOK):
            time.sleep(pause)
            if self._right(password):
                raise VerifyFailed("Dovecot still knows a master user after the reload.")

    def _require_accepted(self, password: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._right(password):
            if time.monotonic() > deadline:
                raise VerifyFailed(
                    "Dovecot does not log in by the new master password; its log says why."
                )
            time.sleep(LOOK)

    def _require_refused(self, password: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while self._right(password):
            if time.monotonic() > deadline:
                raise VerifyFailed("Dovecot still takes a master password that is gone.")
            time.sleep(LOOK)

    def _right(self, password: str) -> bool:
        self._dovecot.forget_passwords()
        right, let_in = self._dovecot.logs_in(self._login, password)
        if right and self._has_mailbox and not let_in:
            raise VerifyFailed(
                "Dovecot knows the new master password and lets it into no mailbox: the passdb of "
                "your users cannot be asked without a password (PAM cannot). Its log says more."
            )
        return right


def drop_probe(path: Path) -> None:
    """Take the probe entry out of the file at *path*, where a killed process left one.

    A file in which there was nothing else is removed with it.
    """
    state = files.read_state(path)
    lines = (state.content or b"").splitlines(keepends=True)
    kept = b"".join(line for line in lines if not line.startswith(f"{PROBE}:".encode()))
    if state.content is not None and kept != state.content:
        files.write(state.with_content(kept or None))


def _hashed(password: str) -> str:
    # It is as random as a key and lives for seconds, so it need not be slow to try.
    salt = secrets.token_bytes(SALT)
    digest = hashlib.sha512(password.encode() + salt).digest()
    return f"{{SSHA512}}{base64.b64encode(digest + salt).decode()}"
