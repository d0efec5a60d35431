"""One's own account: its password, and where it is logged in."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from mailpanel.cookies import MARK, SESSION, give
from mailpanel.errors import InvalidFields, NotFound
from mailpanel.forms import Form, password_form
from mailpanel.resources import OwnAccount
from mailpanel.routes import see_other
from mailpanel.security import Permission, visitor
from mailpanel.step_up import StepUp
from mailpanel.views.panel._flash import lead
from mailpanel.words import _

__all__ = ["AccountViews", "end_session"]

# Without a second factor the form's own field for the present password is what is asked.
OF_TWO_FACTORS = StepUp(only=lambda context: context.request.panel_session.second_factor)
CHANGED = _("Your password is changed. You are logged in here and nowhere else.")


@view_defaults(route_name="panel.account", permission=Permission.OWN_ACCOUNT, renderer="account.pt")
class AccountViews:
    """Look at one's own account and change its password."""

    def __init__(self, _context: OwnAccount, request: Any) -> None:
        self.request = request
        self.session = request.panel_session

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        """Return the form, and the log-ins."""
        return self._page(password_form({}))

    @view_config(request_method="POST", step_up=OF_TWO_FACTORS)
    def change_password(self) -> Any:
        """Change the password; whoever is logged in elsewhere no longer is."""
        posted = self.request.POST
        form = password_form(posted)
        kept = {"flash": self.request.language.say(CHANGED)}
        try:
            given = form.validate()
            opened = self.request.sessions.change_password(
                self.session, given["current"], given["password"], visitor(self.request), kept
            )
        except InvalidFields as error:
            form.show(error.errors)
            self.request.response.status_int = 422
            return self._page(form)
        response = see_other(self.request.route_path("panel.account"))
        give(self.request, response, SESSION, opened.session_id)
        give(self.request, response, MARK, opened.mark)
        return response

    def _page(self, form: Form) -> dict[str, Any]:
        identity = self.request.identity
        return {
            "title": _("My account"),
            "form": form,
            "level": identity.perm_level,
            "factor": self.request.second_factors.get(identity.username),
            # What is typed first and asked for then would be lost.
            "asks": self.session.second_factor and not self.session.fresh,
            "sessions": self.request.sessions.list(identity.username),
            "present": self.session.number,
        }


@view_config(route_name="panel.end", request_method="POST", permission=Permission.OWN_ACCOUNT)
def end_session(_context: OwnAccount, request: Any) -> Any:
    """End one of one's own log-ins."""
    number = request.matchdict["number"]
    if not number.isdecimal() or len(number) > 9:
        raise NotFound(_("There is no such log-in."))
    request.sessions.end(request.identity.username, int(number), request.author)
    return lead(request, _("That log-in has ended."), "panel.account")
