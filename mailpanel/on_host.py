"""What mail hosts are asked to do, by a page or by a program, and what came of it."""

from __future__ import annotations

from typing import Any

from mailpanel.errors import DatabaseAway
from mailpanel.services.changes import SettingState
from mailpanel.services.errands import Answer, only

__all__ = ["adopted", "cleared", "flushed", "put_back", "told"]


def put_back(request: Any, setting: str, host: str) -> Answer:
    """Have *setting* applied once more on *host*; return what that says, so far.

    Raises :class:`NotFound` where there is no such host, or no more; :class:`DatabaseAway`.
    """
    return _done(request, request.errands.put_back(setting, host, request.author))


def flushed(request: Any, setting: str, host: str) -> Answer:
    """Have the mail tried that waits on *host* for the relay of *setting*; as :func:`put_back`."""
    return _done(request, request.errands.flush(setting, [host], request.author))


def adopted(request: Any, setting: str, host: str) -> tuple[Answer, SettingState | None]:
    """Store what stands on *host* as the desired value of *setting*; return what that says, too.

    The state is ``None``, and nothing is stored, where it has not answered. Raises what
    :meth:`mailpanel.services.adoption.Adoption.store` does.
    """
    ticket = request.errands.adopt(setting, host, request.author)
    answer = only(request.answered(ticket))
    return answer, request.adoption.store(ticket, request.author)


def cleared(request: Any) -> dict[str, Any]:
    """Have every live host clear its folders now; return what they say, and the runs so far.

    Raises :class:`Conflict` where a run is under way or no host could begin one.
    """
    ticket = request.clearings.ask(request.author)
    answers = _answers(request, ticket)
    return {"ticket": ticket, "hosts": answers, "runs": request.clearings.of(ticket)}


def told(ticket: str, answers: list[Answer]) -> dict[str, Any]:
    """Return what the hosts have answered to the errands of *ticket*, and whether all is well."""
    done = all(each["done"] for each in answers)
    ok = done and bool(answers) and all(each["ok"] for each in answers)
    return {"ticket": ticket, "done": done, "ok": ok, "hosts": answers}


def _done(request: Any, ticket: str) -> Answer:
    return only(_answers(request, ticket))


def _answers(request: Any, ticket: str) -> list[Answer]:
    try:
        answers: list[Answer] = request.answered(ticket)
        return answers
    except DatabaseAway as error:
        # It is asked already, and does it: who hears that nothing was changed would be misled.
        raise DatabaseAway(str(error), in_commit=True, reason=error.reason) from None
