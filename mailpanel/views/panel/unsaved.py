"""Values that are tried on the mail hosts and not saved."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from mailpanel.errors import InvalidFields, Throttled
from mailpanel.routes import see_other
from mailpanel.security import Permission
from mailpanel.views.panel._cards import card_of
from mailpanel.views.panel._trials import Trial
from mailpanel.views.panel.settings import Page, SettingPages, form_on

__all__ = ["UnsavedViews"]


@view_defaults(route_name="panel.test")
class UnsavedViews(SettingPages):
    """Test what was typed."""

    @view_config(request_method="GET", permission=Permission.READ_SETTING)
    def show(self) -> Any:
        """Lead to the form: the result of a test is kept nowhere."""
        return see_other(self.path)

    @view_config(request_method="POST", permission=Permission.CHANGE_SETTING, renderer="setting.pt")
    def test(self) -> Page:
        """Return the page as it was sent, but for passwords, with what each host answers."""
        request = self.request
        card = card_of(request, self.context.setting)
        form = form_on(card, request.POST)
        page = self.page(card, form) | {"revision": self.expected}
        try:
            ticket = request.errands.test(
                self.context.name,
                form.cstruct,
                request.author,
                form=True,
                errors=form.unsent,
            )
        except InvalidFields as error:
            form.show(error.errors)
            request.response.status_int = 422
            return page
        except Throttled as error:
            form.others.append(str(error))
            request.response.status_int = 429
            request.response.headers["Retry-After"] = str(error.retry_after)
            return page
        return page | {"trials": [Trial(each) for each in request.answered(ticket)]}
