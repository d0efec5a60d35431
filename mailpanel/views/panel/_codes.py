"""What the forms that ask for a second factor share."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["WRONG_CODE", "in_words", "typed_code"]

WRONG_CODE = "This code is wrong, has run out, or was used before. Type the next one."


def typed_code(posted: Mapping[str, str]) -> str:
    """Return the recovery code that was typed, or else that of the app."""
    # A browser may have filled in the other one by itself.
    return posted.get("recovery", "").strip() or posted.get("code", "")


def in_words(seconds: int) -> str:
    """Return how long one has to wait, as one would say it."""
    for length, unit in ((3600, "hours"), (60, "minutes")):
        if seconds > 2 * length:
            return f"{-(-seconds // length)} {unit}"
    return f"{seconds} seconds"
