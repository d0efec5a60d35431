"""What was counted in this run."""

from __future__ import annotations

import collections
import os
import time

__all__ = ["ALL", "FIGURES", "ROUNDS", "SEED"]

FIGURES: collections.Counter[str] = collections.Counter()
SEED = int(os.environ.get("MAILPANEL_SEED", time.time_ns() % 1_000_000))
# A tenth of all that `make soak` does; what has no rounds goes by whether they are all of them.
ALL = 1000
ROUNDS = int(os.environ.get("MAILPANEL_ROUNDS", ALL // 10))
