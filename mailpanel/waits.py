"""``Prefer: wait=N``: answer once the change is applied or has failed, or after N seconds."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import Any

from mailpanel.errors import DatabaseAway
from mailpanel.headers import preferred_wait
from mailpanel.services.changes import SettingState

__all__ = ["answered", "includeme", "settled"]

# A test of a relay that does not answer takes as long.
ERRAND_WAIT = 45


def settled(request: Any, state: SettingState) -> SettingState | None:
    """Return *state* as it is after the wait that the client prefers.

    ``None`` is a setting that has been reset by then. A client that finds half of the
    threads waiting is answered at once, and so is one whose change is stored already
    when the database goes away: it must not hear that nothing was changed.
    """
    seconds = preferred_wait(request.headers.get("Prefer"))
    places: BoundedSemaphore = request.registry.waiting_places
    if seconds is None or not places.acquire(blocking=False):
        return state
    try:
        reached = state.reached(request.changes.wait(state.name, state.revision, seconds))
    except DatabaseAway:
        return state
    finally:
        places.release()
    request.response.headers["Preference-Applied"] = f"wait={seconds}"
    return reached


def answered(request: Any, ticket: str, most: float = ERRAND_WAIT) -> list[dict[str, Any]]:
    """Return what the hosts have answered to the errands of *ticket*, after a wait.

    It is as long as the client prefers, else ``errand_wait`` of the registry, or *most*, in
    seconds; a client that finds half of the threads waiting is answered at once, and asks
    again.
    """
    seconds = preferred_wait(request.headers.get("Prefer"))
    places: BoundedSemaphore = request.registry.waiting_places
    if not places.acquire(blocking=False):
        answers: list[dict[str, Any]] = request.errands.answers(ticket)
        return answers
    try:
        wanted = min(request.registry.errand_wait, most) if seconds is None else seconds
        answers = request.errands.wait(ticket, wanted)
    finally:
        places.release()
    if seconds is not None:
        request.response.headers["Preference-Applied"] = f"wait={seconds}"
    return answers


def includeme(config: Any) -> None:
    """Let those who wait never hold more than half of the threads."""
    config.registry.waiting_places = BoundedSemaphore(config.registry.threads // 2)
    config.registry.errand_wait = ERRAND_WAIT
    config.add_request_method(settled)
    config.add_request_method(answered)
