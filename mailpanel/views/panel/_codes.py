"""What the forms that ask for a second factor share."""

from __future__ import annotations

from collections.abc import Mapping

from mailpanel.words import Words, _, counted

__all__ = ["WRONG_CODE", "try_again", "typed_code"]

MINUTE, HOUR = 60, 3600

WRONG_CODE = _("This code is wrong, has run out, or was used before. Type the next one.")


def typed_code(posted: Mapping[str, str]) -> str:
    """Return the recovery code that was typed, or else that of the app."""
    # A browser may have filled in the other one by itself.
    return posted.get("recovery", "").strip() or posted.get("code", "")


def try_again(seconds: int) -> Words:
    """Return how long one has to wait, as one would say it."""
    if seconds > 2 * HOUR:
        hours = -(-seconds // HOUR)
        return counted("Try again in ${count} hour.", "Try again in ${count} hours.", hours)
    if seconds > 2 * MINUTE:
        minutes = -(-seconds // MINUTE)
        return counted("Try again in ${count} minute.", "Try again in ${count} minutes.", minutes)
    return counted("Try again in ${count} second.", "Try again in ${count} seconds.", seconds)
