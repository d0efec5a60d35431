"""What there is to say of mail that waits for a relay: on the host in English, on a page anew."""

from __future__ import annotations

from datetime import datetime

from mailpanel.dates import in_full
from mailpanel.words import _, counted, sentences

__all__ = ["mail_that_waits"]


def mail_that_waits(
    waiting: int,
    for_older: int,
    oldest: datetime | None,
    *,
    has_relay: bool,
    growing: bool,
    complete: bool,
) -> str | None:
    """Return what there is to say of it, ``None`` where none waits.

    *waiting* messages wait for the relay, *for_older* for one before it; more do, where the
    count is not *complete*.
    """
    if oldest is None or not (waiting or for_older):
        return None
    relay = counted(
        "${count} message waits for the relay", "${count} messages wait for the relay", waiting
    )
    old_relay = counted(
        "${count} message waits for the old relay",
        "${count} messages wait for the old relay",
        for_older,
    )
    listed = relay if waiting else old_relay
    if waiting and for_older:
        listed = _("${one} and ${other}", one=relay, other=old_relay)
    since = in_full(oldest)
    if complete:
        sentence = _("${messages}, the oldest since ${time}.", messages=listed, time=since)
    else:
        sentence = _("At least ${messages}, the oldest since ${time}.", messages=listed, time=since)
    return sentences(
        sentence,
        _("More and more wait.") if growing else None,
        _("What waits for the old relay goes to the present one when it is tried again.")
        if for_older and has_relay
        else None,
    )
