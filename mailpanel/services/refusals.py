"""What was refused, in the audit log; no stranger can fill the disk with it.

Each account, and each network of nobody's, is noted sixty times an hour, and all of nobody's
together a thousand times a day, which is a third of a megabyte. The last that is
noted says that more may have followed. What another site's page can have a browser send, and
what a script that waits for nothing meets, is counted apart: neither hides the rest.
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
APART = {"request.forged": "forged ", "request.throttled": "throttled "}
MORE = "further ones are not noted for a while"


class Refusals:
    """Notes refused attempts."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def note(self, author: Author, action: str, detail: dict[str, Any] | None = None) -> None:
        """Note that *action* was refused to *author*, whose username is empty for nobody.

        Raises :class:`DatabaseAway`.
        """
        try:
            left = self._counted(author, f"noted {APART.get(action, '')}")
        except Throttled:
            return
        told = {**(detail or {}), **({} if left else {"more": MORE})}
        with self._database.writing() as session:
            audit.record(session, author, action, detail=told, clock=self._clock)

    def _counted(self, author: Author, purpose: str) -> int:
        """Return how many are left; raises :class:`Throttled` where none was."""
        each = Throttle(self._database, self._clock, AN_HOUR, 3600, purpose=purpose)
        if author.username:
            return each.count(f"account {author.username}").left
        together = Throttle(self._database, self._clock, A_DAY, 86_400, purpose=purpose)
        # First, or each new network would leave a row even when nothing is noted any more.
        together.check(NOBODYS)
        return min(each.count(author.address).left, together.count(NOBODYS).left)
