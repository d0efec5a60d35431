"""The Dovecot that runs: whether it takes a configuration, lives with it, and runs again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mailpanel.errors import ReloadFailed, VerifyFailed
from mailpanel.host.daemon import Daemon, children, wait_for
from mailpanel.host.dovecot import Dovecot

__all__ = ["DovecotDaemon"]

# A daemon that dies of a reload does so a moment after the command.
MOMENT = 0.3
PATIENCE = 10.0


class DovecotDaemon:
    """The master process of *dovecot* as it runs now."""

    def __init__(self, dovecot: Dovecot, base_dir: str, pid: int, log_path: str) -> None:
        self._dovecot = dovecot
        self._base_dir = base_dir
        self._daemon = Daemon(pid)
        self._readers: frozenset[int] | None = None
        # It may also be syslog, or a stream.
        self.log_file = Path(log_path) if Path(log_path).is_file() else None

    @classmethod
    def ended(cls, dovecot: Dovecot, note: Mapping[str, str | None] | None) -> DovecotDaemon | None:
        """Return the one that a journal's *note* tells of, which has ended since.

        Raises :class:`CheckFailed` where the configuration cannot be read.
        """
        if (daemon := Daemon.noted(note)) is None:
            return None
        parameters = dovecot.configuration().parameters
        found = cls(dovecot, parameters["base_dir"], 0, parameters["log_path"])
        found._daemon = daemon
        return found

    @classmethod
    def running(cls, dovecot: Dovecot) -> DovecotDaemon | None:
        """Return the one that runs, ``None`` where none does.

        Raises :class:`CheckFailed` where the configuration cannot be read.
        """
        parameters = dovecot.configuration().parameters
        pid = dovecot.master_pid(parameters["base_dir"])
        return cls(dovecot, parameters["base_dir"], pid, parameters["log_path"]) if pid else None

    def reload(self) -> None:
        """Make it read its configuration; raises :class:`ReloadFailed`."""
        # What reads the configuration for all others is started anew with each reload.
        self._readers = children(self._daemon.pid, "config")
        self._dovecot.reload()

    def revive(self) -> None:
        """Make it read its configuration, or start it where it has ended.

        Raises :class:`ReloadFailed`.
        """
        if self._dovecot.master_pid(self._base_dir) is not None:
            self.reload()
            time.sleep(MOMENT)
        if self._dovecot.master_pid(self._base_dir) is None:
            self._daemon.start(self._dovecot.argv("dovecot"))
            if not self._daemon.pid:
                # It was down already, so it is this one that has to live on.
                wait_for(lambda: self._dovecot.master_pid(self._base_dir) is not None, PATIENCE)
                self._daemon.pid = self._dovecot.master_pid(self._base_dir) or 0

    def note(self) -> dict[str, str | None]:
        """Return what a journal keeps of it."""
        return self._daemon.note()

    def require_alive(self, mailboxes: Sequence[str]) -> None:
        """Raise :class:`VerifyFailed` unless it lives, with what it was told to read.

        The same process must run, its authentication answer, and *mailboxes* open.
        """
        time.sleep(MOMENT)
        deadline = time.monotonic() + PATIENCE
        while not self._dovecot.answers():
            if not self._runs():
                raise VerifyFailed("Dovecot ended after the reload; its log says why.")
            if time.monotonic() > deadline:
                raise VerifyFailed("Dovecot does not answer after the reload; its log says why.")
            time.sleep(MOMENT)
        if not self._runs():
            raise VerifyFailed("Another Dovecot runs after the reload than before it.")
        self._require_reloaded()
        for name in mailboxes:
            if not self._dovecot.opens(name):
                raise VerifyFailed(
                    "A mailbox that could be opened before cannot be opened any more."
                )

    def _require_reloaded(self) -> None:
        if self._readers is None:
            return
        # An answer of the authentication takes one, so there is one.
        if not children(self._daemon.pid, "config") - self._readers:
            raise ReloadFailed(
                "doveadm reload says that it was done, and Dovecot goes on with the configuration "
                "that it had."
            )

    def _runs(self) -> bool:
        return self._dovecot.master_pid(self._base_dir) == self._daemon.pid
