"""The history of a setting, and its revisions once more."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from mailpanel.forms import setting_form
from mailpanel.resources import Revision, Setting
from mailpanel.routes import see_other
from mailpanel.security import Permission
from mailpanel.step_up import StepUp
from mailpanel.views.panel._cards import card_of
from mailpanel.views.panel._deletions import BACK, is_confirmed, question
from mailpanel.views.panel._paging import before, older
from mailpanel.views.panel.settings import SettingPages, present_revision
from mailpanel.words import _

__all__ = ["history", "restore"]


@view_config(
    route_name="panel.history",
    request_method="GET",
    permission=Permission.READ_SETTING,
    renderer="history.pt",
)
def history(context: Setting, request: Any) -> dict[str, Any]:
    """Return a page of the revisions, the newest first."""
    card = card_of(request, context.setting)
    entries, last = request.history.page(context.name, before=before(request))
    return {
        "title": _("History of ${setting}", setting=card.setting.title),
        "card": card,
        "entries": entries,
        "titles": setting_form(card.setting, None).fields,
        "revision": present_revision(card),
        "older": older(request, last),
    }


# A reset brought back is a reset, which asks too; its button's page is the one to come back to.
OF_GENERATED = StepUp(only=lambda context: context.setting.generates, back="panel.history")


@view_config(
    route_name="panel.restore",
    request_method="POST",
    permission=Permission.CHANGE_SETTING,
    step_up=OF_GENERATED,
)
def restore(context: Revision, request: Any) -> Any:
    """Bring a revision back, unless somebody has changed the setting since the page was made.

    What would delete more than is deleted so far is asked about first.
    """
    if BACK in request.POST:
        return see_other(request.route_path("panel.history", setting=context.name))
    pages = SettingPages(context, request)
    if not is_confirmed(request, context.setting):
        value = request.changes.restoring_deletes_more(
            context.name, context.number, pages.condition
        )
        if value is not None:
            return question(pages, card_of(request, context.setting), value, {})
    request.changes.restore(context.name, context.number, request.author, pages.condition)
    return pages.back(_("Revision ${number} is wanted again.", number=context.number))
