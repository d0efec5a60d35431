"""One's own tokens, by which programs call the API."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from mailpanel.errors import InvalidFields, PreconditionFailed
from mailpanel.forms import Form
from mailpanel.people_forms import token_form
from mailpanel.resources import OwnAccount, PanelToken
from mailpanel.security import Permission
from mailpanel.step_up import StepUp, typed_before
from mailpanel.views.panel._flash import lead, refuse
from mailpanel.words import _

__all__ = ["RevokeViews", "TokensViews"]

Page = dict[str, Any]

# A token is a way in that outlives the log-in.
MAKES = StepUp(keep=lambda texts: token_form(texts).keepable)


@view_defaults(route_name="panel.tokens", permission=Permission.OWN_ACCOUNT, renderer="tokens.pt")
class TokensViews:
    """The tokens, and a new one."""

    def __init__(self, _context: OwnAccount, request: Any) -> None:
        self.request = request
        self.username: str = request.identity.username

    @view_config(request_method="GET")
    def show(self) -> Page:
        """Return the tokens, and a form for another."""
        return self._page(token_form(typed_before(self.request)))

    @view_config(request_method="POST", step_up=MAKES)
    def create(self) -> Any:
        """Make a token, and show it this once; the same form makes no second one."""
        form, request = token_form(self.request.POST), self.request
        try:
            given, newest = form.validate(), _number(request.POST.get("revision", ""))
            issued = request.tokens.issue(
                self.username, author=request.author, newest=newest, **given
            )
        except InvalidFields as error:
            form.show(error.errors)
            return refuse(request, self._page(form))
        except PreconditionFailed:
            return refuse(request, self._page(token_form({}), was_shown=True), 412)
        return self._page(token_form({}), once=issued.token)

    def _page(self, form: Form, **more: Any) -> Page:
        tokens = self.request.tokens.list(self.username)
        return {
            "title": _("My tokens"),
            "account": self.request.accounts.get(self.username),
            "tokens": tokens[::-1],
            "newest": str(max((token["id"] for token in tokens), default=0)),
            "form": form,
            "once": None,
            "was_shown": False,
            **more,
        }


@view_defaults(route_name="panel.revoke", permission=Permission.OWN_ACCOUNT, renderer="revoke.pt")
class RevokeViews:
    """Revoke a token, after a question."""

    def __init__(self, context: PanelToken, request: Any) -> None:
        self.context = context
        self.request = request

    @view_config(request_method="GET")
    def ask(self) -> Page:
        """Return what would be true then."""
        return {"title": _("Revoke a token"), "token": self.context.state}

    @view_config(request_method="POST")
    def revoke(self) -> Any:
        """Revoke it: it opens nothing any more."""
        own = self.request.identity.username
        self.request.tokens.revoke(self.context.number, self.request.author, account=own)
        return lead(self.request, _("The token is revoked."), "panel.tokens")


def _number(text: str) -> int:
    """Return the number in *text*; what is none is that of a form of nobody's."""
    return int(text) if text.isdecimal() and len(text) <= 10 else 0
