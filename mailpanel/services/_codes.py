"""The codes of a second factor: those of an app (TOTP, RFC 6238), and those kept on paper."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from datetime import datetime

import pyotp

__all__ = ["RECOVERY_CODES", "as_recovery_code", "is_of_app", "new_recovery_codes", "step_of"]

RECOVERY_CODES = 10
STEP = 30  # seconds
DRIFT = (0, -1, 1)  # a clock may be a step off
_OF_APP = re.compile(r"[0-9]{6}")
_BETWEEN = re.compile(r"[\s-]+")
# Base32 has none of these digits, which look like its letters.
_READ_AS = str.maketrans("018", "OIB")


def is_of_app(code: str) -> bool:
    """Say whether *code* looks like one of an app."""
    return _OF_APP.fullmatch(_BETWEEN.sub("", code)) is not None


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step that *code* belongs to, ``None`` where it is none of *secret*'s now."""
    typed = _BETWEEN.sub("", code).encode("utf-8", "replace")
    present = int(now.timestamp()) // STEP
    right = pyotp.HOTP(secret)
    steps = [
        present + drift
        for drift in DRIFT
        if hmac.compare_digest(right.at(present + drift).encode(), typed)
    ]
    return steps[0] if steps else None


def new_recovery_codes() -> list[str]:
    """Return ten codes of 120 bits; none can be guessed, so a plain hash of each may be kept."""
    texts = [base64.b32encode(secrets.token_bytes(15)).decode() for _ in range(RECOVERY_CODES)]
    return ["-".join(text[at : at + 4] for at in range(0, len(text), 4)) for text in texts]


def as_recovery_code(code: str) -> str:
    """Return *code* as it was made, however it was typed."""
    return _BETWEEN.sub("", code).upper().translate(_READ_AS)
