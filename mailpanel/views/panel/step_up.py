"""Asking whoever is logged in to show anew who they are."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pyramid.view import exception_view_config, view_config, view_defaults

from mailpanel.cookies import MARK, SESSION, give
from mailpanel.errors import Throttled
from mailpanel.resources import OwnAccount
from mailpanel.routes import see_other
from mailpanel.security import Permission, visitor
from mailpanel.step_up import StepUpNeeded
from mailpanel.views.panel._codes import WRONG_CODE, try_again, typed_code
from mailpanel.views.panel._draft import page_path
from mailpanel.words import _, sentences

__all__ = ["StepUpViews", "step_up_needed"]

PREFIX = "typed."
WRONG = _("This is not your password.")
GO_ON = _("Thank you. For ten minutes you are not asked again.")
LOOK = _("Nothing was changed so far. Look, and go on; for ten minutes you are not asked again.")


@view_defaults(route_name="panel.step_up", permission=Permission.ENROL, renderer="step_up.pt")
class StepUpViews:
    """The question, through which what was typed elsewhere is carried."""

    def __init__(self, _context: OwnAccount, request: Any) -> None:
        self.request = request
        self.has_factor = request.panel_session.second_factor

    @view_config(request_method="GET")
    def ask(self) -> Any:
        """Ask, or go on where that has just been answered."""
        path = page_path(self.request.GET.get("next", ""))
        return see_other(path) if self.request.panel_session.fresh else step_up_page(path, {})

    @view_config(request_method="POST")
    def prove(self) -> Any:
        """Go on where the answer is right."""
        posted = self.request.POST
        path, texts = page_path(posted.get("next", "")), _carried(posted)
        flash = self.request.language.say(LOOK if posted.get("again") else GO_ON)
        kept = {"flash": flash} | ({"typed": {"path": path, "texts": texts}} if texts else {})
        try:
            opened = self.request.sessions.prove(
                self.request.panel_session,
                typed_code(posted) if self.has_factor else posted.get("password", ""),
                visitor(self.request),
                kept,
            )
        except Throttled as error:
            self.request.response.headers["Retry-After"] = str(error.retry_after)
            sentence = sentences(str(error), try_again(error.retry_after))
            return self._refused(429, step_up_page(path, texts, posted.get("again"), sentence))
        if opened is None:
            wrong = WRONG_CODE if self.has_factor else WRONG
            return self._refused(403, step_up_page(path, texts, posted.get("again"), wrong))
        response = see_other(path)
        give(self.request, response, SESSION, opened.session_id)
        give(self.request, response, MARK, opened.mark)
        return response

    def _refused(self, status: int, page: dict[str, Any]) -> dict[str, Any]:
        self.request.response.status_int = status
        return page


def step_up_page(
    path: str, texts: dict[str, str], again: str | None = None, error: str | None = None
) -> dict[str, Any]:
    """Return what the question shows; it leads on to *path*, where *texts* were typed.

    *again* says that what was to be done there has to be done again.
    """
    return {
        "title": _("Show that it is you"),
        "next": path,
        "fields": [(f"{PREFIX}{name}", text) for name, text in texts.items()],
        "again": again,
        "error": error,
    }


@exception_view_config(StepUpNeeded, for_people=True, renderer="step_up.pt")
def step_up_needed(error: StepUpNeeded, request: Any) -> Any:
    """Lead to the question; what was sent goes with it, but for passwords."""
    if request.method != "POST":
        path = quote(error.path, safe="/")
        return see_other(f"{request.route_path('panel.step_up')}?next={path}")
    request.response.status_int = 403
    return step_up_page(error.path, dict(error.texts), again="again")


def _carried(posted: Any) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX): text for name, text in posted.items() if name.startswith(PREFIX)
    }
