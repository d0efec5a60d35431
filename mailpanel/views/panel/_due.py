"""What a clearing run would delete now: what is old enough by the days that are live."""

from __future__ import annotations

from typing import Any

from mailpanel.views.panel._deletions import Losses
from mailpanel.words import Words, _

__all__ = ["Due"]


class Due(Losses):
    """See the module."""

    def counts(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Leave out what waits for the grace to be over, or for a host to apply what is wanted.

        The size and the mailboxes of the rest are not told then: nobody has counted them.
        """
        preview = answer["preview"]
        if preview is None:
            return answer
        waits = any(row.get("newly") for row in preview)
        return {**answer, "preview": [_live(row) if waits else _all(row) for row in preview]}

    def nothing(self, *, complete: bool) -> Words:
        """Return the sentence where nothing is due."""
        if complete:
            return _("Nothing is old enough now.")
        return _("Nothing was found so far that is old enough.")


def _all(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "newly": row["messages"]}


def _live(row: dict[str, Any]) -> dict[str, Any]:
    messages = row["messages"] - row.get("newly", 0)
    kept = {name: row[name] for name in ("folder", "complete")}
    return {**kept, "messages": messages, "newly": messages}
