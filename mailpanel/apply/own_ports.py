"""Probes of this very host: enough to find its own relay, too few to find out what else listens.

What listens on loopback alone trusts that nobody from outside gets there, and a probe's
answer tells whether somebody listens.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from mailpanel.addresses import is_loopback

__all__ = ["MOST_PORTS", "OwnPorts"]

# Far more than anybody has relays on one host; a scan of all would take years.
MOST_PORTS, WINDOW = 32, 86_400.0


class OwnPorts:
    """Which ports of loopback were tried in the last day; those of *trusted* names do not count.

    *trusted* is ``mailpanel.relay_allow``: what root itself has named.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = frozenset(trusted)
        self._tried: dict[int, float] = {}

    def allow(self, hostname: str, addresses: Iterable[str], port: int) -> bool:
        """Say whether *hostname*, which is at *addresses*, may be tried at *port*; take note."""
        if hostname in self._trusted or not any(map(is_loopback, addresses)):
            return True
        now = time.monotonic()
        self._tried = {each: at for each, at in self._tried.items() if now - at < WINDOW}
        if port not in self._tried and len(self._tried) >= MOST_PORTS:
            return False
        self._tried[port] = now
        return True
