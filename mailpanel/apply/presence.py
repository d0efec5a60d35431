"""What stands on the host without mailpanel: told when a courier comes, and when it changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from mailpanel.apply.faults import log_frames, unforeseen
from mailpanel.apply.messages import Hello, Present
from mailpanel.errors import HostError
from mailpanel.host.mailhost import Host
from mailpanel.host.words import whole_text
from mailpanel.plan import Facts
from mailpanel.settings import Setting

__all__ = ["Presence"]

log = logging.getLogger(__name__)


class Presence:
    """Tells, by *send*, which parts the host has and what its own configuration amounts to."""

    def __init__(
        self,
        host: Host,
        settings: Mapping[str, Setting],
        send: Callable[[Hello | Present], None],
    ) -> None:
        self._host = host
        self._settings = settings
        self._send = send
        self._parts = dict.fromkeys(setting.part for setting in settings.values())
        self._told: dict[str, Any] = {}
        self._wrong: dict[str, str] = {}

    def forget(self) -> None:
        """Tell all anew next time: another courier has come."""
        self._told.clear()

    def tell(self) -> None:
        """Tell what has changed since the last time."""
        facts = {part: self._facts(part) for part in self._parts}
        versions: dict[str, Any] = {part: _version(part, facts[part]) for part in self._parts}
        if self._is_news("versions", versions):
            self._send(Hello(versions))
        for setting in self._settings.values():
            known = facts[setting.part]
            if known is not None:
                self._tell_value(setting, known)

    def _tell_value(self, setting: Setting, facts: Facts) -> None:
        try:
            value = whole_text(setting.read(facts))
        except Exception as error:  # noqa: BLE001 (a look must not stop the service)
            log_frames(error)
            return
        if self._is_news(setting.name, (value,)):
            self._send(Present(setting.name, value))

    def _is_news(self, name: str, said: object) -> bool:
        if self._told.get(name) == said:
            return False
        self._told[name] = said
        return True

    def _facts(self, part: str) -> Facts | None:
        """Return the facts of *part*; ``None`` where its configuration cannot be read."""
        try:
            facts = self._host.facts(part)
        except HostError as error:
            self._say(part, str(error))
            return None
        except Exception as error:  # noqa: BLE001 (a look must not stop the service)
            self._say(part, str(unforeseen(error)))
            return None
        if self._wrong.pop(part, None) is not None:
            log.info("the configuration of %s can be read again", part)
        return facts

    def _say(self, part: str, sentence: str) -> None:
        # When it comes and when it goes, not at each look.
        if self._wrong.get(part) != sentence:
            self._wrong[part] = sentence
            log.error("%s", sentence)


def _version(part: str, facts: Facts | None) -> str:
    if facts is None:
        return "unreadable configuration"
    described = getattr(facts, part)
    return described.version if described else "not installed"
