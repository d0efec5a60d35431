"""What lingers after a reset is put back once the mail that needs it has gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mailpanel.apply.faults import log_frames, unforeseen
from mailpanel.apply.pace import Pace
from mailpanel.apply.telling import Teller
from mailpanel.apply.turns import Attempts
from mailpanel.errors import MailpanelError
from mailpanel.host.mailhost import Host
from mailpanel.host.state import State
from mailpanel.settings import Setting

__all__ = ["Settling"]


class Settling:
    """Ends the resets on one host; *pause*, in seconds, is how long a failure rests at first."""

    def __init__(
        self,
        host: Host,
        state: State,
        settings: Mapping[str, Setting],
        *,
        teller: Teller,
        pace: Pace,
        pause: float,
    ) -> None:
        self._host = host
        self._state = state
        self._settings = settings
        self._teller = teller
        self._pace = pace
        self._attempts = Attempts(pause)

    def settle(self) -> bool:
        """Put back what lingered, where its time has come; say whether any is left."""
        if self._attempts.rests:
            return True
        try:
            before = self._leaving()
            left = self._host.settle()
            after = self._leaving()
        except Exception as error:  # noqa: BLE001 (what lingers does no harm until the next try)
            self._failed(error)
            return True
        self._attempts.succeeded()
        for name in (before - after) & self._settings.keys():
            self._pace.reloaded(self._settings[name].part)
        for record in self._state.all():
            if record.status == "settling" and record.setting not in after:
                self._teller.settled(record)
        return left

    def waits(self) -> bool:
        """Say whether a reset still waits for the mail in flight."""
        return any(record.status == "settling" for record in self._state.all())

    def _leaving(self) -> set[str]:
        """Return the settings of which something lingers."""
        names = (record.setting for record in self._state.all())
        return {name for name in names if self._host.leaving(name)}

    def _failed(self, error: Exception) -> None:
        """Say what keeps a reset from its end, and try again after a pause that grows."""
        log_frames(error)
        known = error if isinstance(error, MailpanelError) else unforeseen(error)
        self._attempts.failed()
        for record in self._state.all():
            if record.status == "settling":
                self._teller.store(replace(record, error=str(known)))
