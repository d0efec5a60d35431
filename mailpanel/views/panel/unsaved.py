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
        with_message = "message" in request.POST
        page = self.page(card, form) | {"revision": self.expected, "with_message": with_message}
        try:
            ticket = request.errands.test(
                self.context.name,
                form.cstruct,
                request.author,
                form=True,
                errors=form.unsent,
                message_for=request.author.username if with_message else None,
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
        # The script follows it; without that the page comes with the answers.
        follows = "follow" in request.POST
        return page | self.trials(
            ticket, request.errands.answers(ticket) if follows else request.answered(ticket)
        )

    @view_config(
        route_name="panel.tested",
        request_method="GET",
        permission=Permission.CHANGE_SETTING,
        renderer="setting.pt",
    )
    def look_again(self) -> Page:
        """Return how far a test is; what was typed for it is kept nowhere."""
        ticket = self.request.matchdict["ticket"]
        answers = self.request.errands.found(self.context.name, ticket)
        card = card_of(self.request, self.context.setting)
        return self.page(card, form_on(card)) | self.trials(ticket, answers) | {"typed": False}

    def trials(self, ticket: str, answers: list[dict[str, Any]]) -> Page:
        """Return what the hosts have answered, and where to look again while one has not."""
        path = self.request.route_path("panel.tested", setting=self.context.name, ticket=ticket)
        done = all(each["done"] for each in answers)
        return {
            "trials": [Trial(each) for each in answers],
            "trying": None if done else path,
        }
