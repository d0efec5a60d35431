"""Whether some other tool changes a setting back, again and again."""

from __future__ import annotations

from collections.abc import Sequence

from mailpanel.host.culprit import culprit
from mailpanel.reports import FileDiff

__all__ = ["Fights"]

# The first edit may be anybody's; what comes back twice within this time, in seconds, is a tool's.
ENOUGH, WINDOW = 3, 3600.0


class Fights:
    """Counts, by setting, how often the same edit has come after mailpanel's own value stood."""

    def __init__(self) -> None:
        self._stands: dict[str, str] = {}
        self._edits: dict[str, list[tuple[float, str]]] = {}
        self._sentences: dict[str, str] = {}

    def settled(self, setting: str) -> None:
        """Take note that mailpanel's own value stands."""
        self._stands.pop(setting, None)

    def seen(self, setting: str, drift: Sequence[FileDiff], now: float) -> None:
        """Take note of *drift*, which stands at *now*, in seconds of a clock of one's own."""
        edits = [each for each in self._edits.get(setting, []) if now - each[0] < WINDOW]
        self._edits[setting] = edits
        if not drift:
            self.settled(setting)
            if not edits:
                self._sentences.pop(setting, None)
            return
        theirs = _theirs(drift)
        if self._stands.get(setting) == theirs:
            return
        self._stands[setting] = theirs
        edits.append((now, theirs))
        if sum(1 for _, each in edits if each == theirs) >= ENOUGH:
            names = ", ".join(dict.fromkeys(each.path for each in drift))
            self._sentences[setting] = (
                f"Somebody keeps changing {names}: the same edit has come back twice within an "
                f"hour. {culprit(drift[0].path)} mailpanel leaves it so. Have it changed where "
                "that tool takes it from, or take the lines out of there; then put it back."
            )

    def sentence(self, setting: str) -> str | None:
        """Return who keeps changing *setting*; ``None`` for nobody."""
        return self._sentences.get(setting)


def _theirs(drift: Sequence[FileDiff]) -> str:
    """Return what somebody wrote, whatever mailpanel would have there."""
    lines = (f"{each.path} {line}" for each in drift for line in each.diff.split("\n"))
    return "\n".join(line for line in lines if " -" in line and " ---" not in line)
