"""What was refused, in the audit log; no stranger can fill the disk with it.

Each account, and each network of nobody's, is noted sixty times an hour, and all of nobody's
together a thousand times a day, which is a third of a megabyte. The last that is
noted says that more may have followed.
"""

from __future__ import annotations

from typing import Any

from mailpanel.errors import Throttled
from mailpanel.services import audit
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock, utc_now
from mailpanel.services.database import Database
from mailpanel.services.throttle import Throttle

__all__ = ["AN_HOUR", "A_DAY", "Refusals"]

AN_HOUR, A_DAY = 60, 1000
NOBODYS = "nobody"
MORE = "further ones are not noted for a while"


class Refusals:
    """Notes refused attempts."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._each = Throttle(database, clock, AN_HOUR, 3600, purpose="noted ")
        self._all = Throttle(database, clock, A_DAY, 86_400, purpose="noted ")

    def note(self, author: Author, action: str, detail: dict[str, Any] | None = None) -> None:
        """Note that *action* was refused to *author*, whose username is empty for nobody.

        Raises :class:`DatabaseAway`.
        """
        try:
            left = self._counted(author)
        except Throttled:
            return
        told = {**(detail or {}), **({} if left else {"more": MORE})}
        with self._database.writing() as session:
            audit.record(session, author, action, detail=told, clock=self._clock)

    def _counted(self, author: Author) -> int:
        """Return how many are left; raises :class:`Throttled` where none was."""
        if author.username:
            return self._each.count(f"account {author.username}").left
        # First, or each new network would leave a row even when nothing is noted any more.
        self._all.check(NOBODYS)
        return min(self._each.count(author.address).left, self._all.count(NOBODYS).left)
