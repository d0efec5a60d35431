"""The clearing runs: what was deleted when, and one more now, after a question."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from mailpanel import on_host
from mailpanel.errors import Conflict, Throttled
from mailpanel.resources import Clearing
from mailpanel.routes import see_other
from mailpanel.security import Permission
from mailpanel.views.panel._cards import Card, card_of
from mailpanel.views.panel._deletions import CONFIRM, is_confirmed, losses
from mailpanel.views.panel._due import Due
from mailpanel.views.panel._flash import lead
from mailpanel.views.panel._paging import before, older
from mailpanel.views.panel._runs import Run, cleared, deleted
from mailpanel.words import _, joined, sentences

__all__ = ["ClearViews", "clearing"]

Page = dict[str, Any]


@view_config(
    route_name="panel.clearing",
    request_method="GET",
    permission=Permission.READ_CLEARING,
    renderer="clearing.pt",
)
def clearing(context: Clearing, request: Any) -> Page:
    """Return a page of the runs, the newest first, and what went day by day."""
    card = card_of(request, context.setting)
    told, last = request.clearings.page(before=before(request))
    runs = [Run(each) for each in told]
    return {
        "title": _("Clearing"),
        "card": card,
        "cleared": cleared(request, card),
        "runs": runs,
        "busy": card.busy or any(run.is_running for run in runs),
        "can_run": _is_live(card),
        "here": request.path_qs,
        "older": older(request, last),
    }


@view_defaults(route_name="panel.clear", permission=Permission.RUN_CLEARING)
class ClearViews:
    """Clear now, after a question."""

    def __init__(self, context: Clearing, request: Any) -> None:
        self.context = context
        self.request = request

    @view_config(request_method="GET")
    def show(self) -> Any:
        """Lead to the runs: hosts are asked to count by a form alone."""
        return see_other(self.request.route_path("panel.clearing"))

    @view_config(request_method="POST", renderer="clear.pt")
    def clear(self) -> Any:
        """Clear what is due, where the setting's name was typed; else ask with what would go."""
        card, wrong = card_of(self.request, self.context.setting), CONFIRM in self.request.POST
        if not _is_live(card):
            return self._back(_("Nothing was cleared: no mail host has an interval applied."))
        if is_confirmed(self.request, self.context.setting):
            return self._back(self._cleared())
        self.request.response.status_int = 422 if wrong else 200
        return {
            "title": _("Clear ${setting} now?", setting=card.setting.title),
            "card": card,
            # Before they count: what is cleared meanwhile is no more what the page tells.
            "newest": self._newest,
            "losses": losses(self.request, card, card.state.value, Due),
            "wrong": wrong,
        }

    def _cleared(self) -> str:
        """Have it cleared, once for each question; return what is to be said of it."""
        if self.request.POST.get("newest") != self._newest:
            return _("A run has begun since you were asked. It stands below.")
        try:
            begun = on_host.cleared(self.request)
        except (Conflict, Throttled) as error:
            return str(error)
        answers, runs = begun["hosts"], begun["runs"]
        is_under_way = any(run["status"] == "running" for run in runs)
        if is_under_way or not all(each["done"] for each in answers):
            went: str = _("It is being cleared. What goes stands below.")
        else:
            went = deleted(*(sum(run[name] for run in runs) for name in ("messages", "bytes")))
        errors = [joined(": ", (each["host"], each["error"])) for each in answers if each["error"]]
        return sentences(went if runs or not errors else None, *errors)

    @property
    def _newest(self) -> str:
        """Return the number of the newest run, as a form carries it; empty where there is none."""
        return "".join(str(run["id"]) for run in self.request.clearings.runs(limit=1))

    def _back(self, said: str) -> Any:
        return lead(self.request, said, "panel.clearing")


def _is_live(card: Card) -> bool:
    """Say whether there is a host on which an interval of ours is live."""
    return card.is_set and any(host.status == "applied" for host in card.hosts)
