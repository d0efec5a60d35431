"""How the live relay of a host fares, and the mail that waits for it, in words."""

from __future__ import annotations

from typing import Any

__all__ = ["Relay"]


class Relay:
    """What a host tells of its relay."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.ok: bool = told["ok"]
        self.says: str | None = told["says"]
        self.since: str = told["since"]
        self.mail: str | None = told["mail"]
        self.growing: bool = told["growing"]
        self.log: str | None = told["log"]
        self._of_before: int = told["left_over"] + told["for_older"]

    @property
    def needs_a_person(self) -> bool:
        """Say whether it needs somebody: what is well, with nothing left over, does not."""
        return not self.ok or self.growing or self._of_before > 0

    @property
    def title(self) -> str:
        """Return what is the matter, in a few words."""
        if not self.ok:
            return "mail does not get through to the relay"
        return "more and more mail waits" if self.growing else "mail still waits"

    @property
    def sentences(self) -> list[str]:
        """Return what there is to say: what is wrong, what waits, and how far that is known."""
        said = [self.says, self.mail]
        if self.ok and self._of_before:
            said.append("Postfix tries it again by itself, which may take an hour.")
        if self.needs_a_person and self.log is None:
            said.append("Postfix's log cannot be read here, so only what waits is known.")
        return [each for each in said if each]

    @property
    def button(self) -> str:
        """Return what is promised where the mail that waits can be tried now."""
        return "Send now" if self.ok else "It is mended: send now"
