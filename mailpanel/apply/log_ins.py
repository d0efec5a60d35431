"""Log-ins with the master password, from Dovecot's log to the audit log, each once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from mailpanel.apply.messages import LogInsKept, LogInsSeen
from mailpanel.errors import HostError
from mailpanel.host.master_log_ins import MasterLogIns
from mailpanel.host.state import State
from mailpanel.reports import MasterLogIn
from mailpanel.system_log import ALERTS

__all__ = ["LogInWatch"]

SETTING = "imap_master_password"
log = logging.getLogger(ALERTS)


class LogInWatch:
    """Looks for log-ins with the master password while there is one.

    *send* hands a message to the courier, *amend* changes what root's state has of a setting.
    """

    def __init__(
        self,
        log_ins: MasterLogIns,
        state: State,
        send: Callable[[LogInsSeen], None],
        amend: Callable[..., None],
    ) -> None:
        self._log_ins = log_ins
        self._state = state
        self._send = send
        self._amend = amend
        self._number = 0
        self._told: set[str] = set()
        self._complained = ""

    def look(self) -> None:
        """Tell of those that are new, in root's own log too."""
        if not self._state.get(SETTING).live:
            return
        try:
            new = self._log_ins.new()
        except (HostError, OSError) as error:
            self._complain(error)
            return
        self._complained = ""
        for each in new:
            self._log(each)
        if new:
            self._number += 1
            told = {"last_log_in": _in_words(new[-1])}
            self._amend(SETTING, details={**self._state.get(SETTING).details, **told})
            self._send(LogInsSeen(self._number, tuple(new)))
        else:
            self._note()

    def kept(self, message: LogInsKept) -> None:
        """Take note that the last ones stand in the audit log."""
        if message.number == self._number:
            self._told.clear()
            self._note()

    def _note(self) -> None:
        try:
            self._log_ins.noted()
        except OSError as error:
            # They are told once more at the next look, and stand in the audit log once.
            self._complain(error)

    def _complain(self, error: HostError | OSError) -> None:
        said = str(error) if isinstance(error, HostError) else f"{error.strerror}."
        # When it comes, not at each look.
        if said != self._complained:
            self._complained = said
            log.warning("who used the master password cannot be told: %s", said)

    def _log(self, each: MasterLogIn) -> None:
        # Told again while the database is away; the log has it once.
        if each.line not in self._told:
            self._told.add(each.line)
            log.info("the master password opened %s", _in_words(each))


def _in_words(each: MasterLogIn) -> str:
    at = datetime.fromtimestamp(each.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{each.mailbox} by {each.protocol} from {each.address or 'an unknown address'}, {at}"
