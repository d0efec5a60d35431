"""What was counted in this run."""

from __future__ import annotations

import collections
import os
import time

__all__ = ["FIGURES", "SEED"]

FIGURES: collections.Counter[str] = collections.Counter()
SEED = int(os.environ.get("MAILPANEL_SEED", time.time_ns() % 1_000_000))
