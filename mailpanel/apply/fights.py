"""Whether some other tool changes a setting back, again and again.

What was seen stands in root's own state: a tool that comes once in half an hour would else be
forgotten with each restart. Of the edits themselves only digests are kept.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from mailpanel.host import files
from mailpanel.host.culprit import culprit
from mailpanel.reports import FileDiff

__all__ = ["Fights"]

log = logging.getLogger(__name__)

# The first edit may be anybody's; what comes back twice within this time, in seconds, is a tool's.
ENOUGH, WINDOW = 3, 3600.0


@dataclass(frozen=True, slots=True)
class _Fight:
    """What has been seen of one setting: the edit that ``stands``, and when each began."""

    stands: str | None = None
    edits: list[tuple[float, str]] = field(default_factory=list)
    sentence: str | None = None


class Fights:
    """Counts, by setting, how often the same edit has come after mailpanel's own value stood.

    *path* is where that is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fights = self._read()

    def settled(self, setting: str) -> None:
        """Take note that mailpanel's own value stands."""
        self._keep(setting, replace(self._of(setting), stands=None))

    def seen(self, setting: str, drift: Sequence[FileDiff], now: float) -> None:
        """Take note of *drift*, which stands at *now*, in seconds since the epoch."""
        known = self._of(setting)
        # A clock that was set back has no edits of its own future.
        edits = [each for each in known.edits if 0 <= now - each[0] < WINDOW]
        if not drift:
            sentence = known.sentence if edits else None
            self._keep(setting, _Fight(None, edits, sentence))
            return
        theirs = _theirs(drift)
        sentence = known.sentence
        if known.stands != theirs:
            edits = [*edits, (now, theirs)]
            if sum(1 for _, each in edits if each == theirs) >= ENOUGH:
                sentence = _sentence(drift)
        self._keep(setting, _Fight(theirs, edits, sentence))

    def sentence(self, setting: str) -> str | None:
        """Return who keeps changing *setting*; ``None`` for nobody."""
        return self._of(setting).sentence

    def _of(self, setting: str) -> _Fight:
        return self._fights.get(setting) or _Fight()

    def _read(self) -> dict[str, _Fight]:
        try:
            rows = json.loads(files.read_state(self._path).content or b"{}")
            return {
                setting: _Fight(
                    row["stands"],
                    [(float(at), str(each)) for at, each in row["edits"]],
                    row["sentence"],
                )
                for setting, row in rows.items()
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            # It begins to count anew; nothing else depends on it.
            return {}

    def _keep(self, setting: str, fight: _Fight) -> None:
        """Store *fight*, where it is news; on a full disk it counts while this process runs."""
        if fight == self._of(setting):
            return
        self._fights[setting] = fight
        rows = {name: asdict(each) for name, each in self._fights.items()}
        try:
            state = files.read_state(self._path, mode=0o600)
            files.write(state.with_content(json.dumps(rows, indent=1).encode() + b"\n"))
        except OSError as error:
            log.error("who changes what back cannot be written down: %s", error.strerror)


def _sentence(drift: Sequence[FileDiff]) -> str:
    names = ", ".join(dict.fromkeys(each.path for each in drift))
    return (
        f"Somebody keeps changing {names}: the same edit has come back twice within an "
        f"hour. {culprit(drift[0].path)} mailpanel leaves it so. Have it changed where "
        "that tool takes it from, or take the lines out of there; then put it back."
    )


def _theirs(drift: Sequence[FileDiff]) -> str:
    """Return what stands for what somebody wrote, whatever mailpanel would have there."""
    lines = (f"{each.path} {line}" for each in drift for line in each.diff.split("\n"))
    text = "\n".join(line for line in lines if " -" in line and " ---" not in line)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
