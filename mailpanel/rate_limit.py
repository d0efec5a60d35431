"""``mailpanel.rate_limit``: how many requests a second one address may make; off by default.

Counted in the memory of each process, so that it costs nothing: several processes let through
as many times that, and a restart forgets. In front of the panel a reverse proxy does it better.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from threading import Lock
from typing import Any

from pyramid.tweens import EXCVIEW

from mailpanel.errors import Throttled
from mailpanel.services.throttle import network_of
from mailpanel.words import _

__all__ = ["Buckets", "includeme", "limited"]

# Seconds' worth that may come at once: a page comes with its style, script and pictures.
BURST = 10
# Addresses that are remembered; the one that asked longest ago is forgotten for another.
MOST = 10_000

Handler = Callable[[Any], Any]


class Buckets:
    """A bucket of requests for each network; *rate* a second flow into it."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._full = max(rate * BURST, 1.0)
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, network: str) -> float:
        """Take one out; return in how many seconds there is one again, 0 where there was one."""
        now = time.monotonic()
        with self._lock:
            level, at = self._levels.pop(network, (self._full, now))
            level = min(level + (now - at) * self._rate, self._full)
            wait = 0.0 if level >= 1 else (1 - level) / self._rate
            self._levels[network] = (level if wait else level - 1, now)
            while len(self._levels) > MOST:
                self._levels.popitem(last=False)
        return wait


def limited(handler: Handler, registry: Any) -> Handler:
    """Answer 429 with Retry-After to whoever asks more often."""
    rate: float = registry.deployment.rate_limit
    buckets = Buckets(rate)

    def tween(request: Any) -> Any:
        if wait := buckets.take(network_of(request.remote_addr or "")):
            raise Throttled(_("Too many requests came from your network."), ceil(wait))
        return handler(request)

    return tween if rate else handler


def includeme(config: Any) -> None:
    """Count before anything is looked up, where errors are answered as everywhere."""
    config.add_tween("mailpanel.rate_limit.limited", under=EXCVIEW)
