"""Addresses of this very test run, so that two on one machine do not meet.

The real ports 465 and 587 are bound on them; all of 127.0.0.0/8 is this machine.
"""

from __future__ import annotations

import os

__all__ = ["CELLAR", "NOBODY", "OTHER", "RELAY", "THEIRS", "THIRD"]

_NETWORK = f"127.{1 + os.getpid() // 250 % 250}.{1 + os.getpid() % 250}"

RELAY = f"{_NETWORK}.2"
OTHER = f"{_NETWORK}.3"
THIRD = f"{_NETWORK}.4"
# The administrator's own relay, and one without TLS.
THEIRS = f"{_NETWORK}.5"
CELLAR = f"{_NETWORK}.6"
# Where nobody listens.
NOBODY = f"{_NETWORK}.7"
