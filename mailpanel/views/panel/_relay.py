"""How the live relay of a host fares, and the mail that waits for it, in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mailpanel.heard import heard
from mailpanel.waiting_words import mail_that_waits
from mailpanel.words import Words, _

__all__ = ["Relay"]


class Relay:
    """What a host tells of its relay."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.ok: bool = told["ok"]
        self.says: str | None = heard(told["says"])
        self.since: str = told["since"]
        self.mail = mail_that_waits(
            told["waiting"],
            told["for_older"],
            datetime.fromisoformat(told["oldest"]) if told["oldest"] else None,
            has_relay=told["relay"] is not None,
            growing=told["growing"],
            complete=told["complete"],
        )
        self.growing: bool = told["growing"]
        self.log: str | None = told["log"]
        self._of_before: int = told["left_over"] + told["for_older"]

    @property
    def needs_a_person(self) -> bool:
        """Say whether it needs somebody: what is well, with nothing left over, does not."""
        return not self.ok or self.growing or self._of_before > 0

    def title(self, setting: str, host: str) -> Words:
        """Return what is the matter with *setting* on *host*, in a few words."""
        about = {"setting": setting, "host": host}
        if not self.ok:
            return _("${setting}: mail does not get through to the relay on ${host}", **about)
        if self.growing:
            return _("${setting}: more and more mail waits on ${host}", **about)
        return _("${setting}: mail still waits on ${host}", **about)

    @property
    def sentences(self) -> list[str]:
        """Return what there is to say: what is wrong, what waits, and how far that is known."""
        said = [self.says, self.mail]
        if self.ok and self._of_before:
            said.append(_("Postfix tries it again by itself, which may take an hour."))
        if self.needs_a_person and self.log is None:
            said.append(_("Postfix's log cannot be read here, so only what waits is known."))
        return [each for each in said if each]

    @property
    def button(self) -> str:
        """Return what is promised where the mail that waits can be tried now."""
        return _("Send now") if self.ok else _("It is mended: send now")
