"""One's own second factor: set up, new recovery codes, removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.renderers import render_to_response
from pyramid.view import view_config, view_defaults

from mailpanel import qr
from mailpanel.errors import InvalidFields
from mailpanel.resources import OwnAccount
from mailpanel.routes import see_other
from mailpanel.security import Permission
from mailpanel.step_up import StepUp, typed_before
from mailpanel.views.panel._flash import lead
from mailpanel.words import _

__all__ = ["EnrolViews", "RemoveViews", "new_codes"]

REMOVED = _("Your second factor is removed. You are logged in here and nowhere else.")

Page = dict[str, Any]


def _box_of(texts: Mapping[str, str]) -> Mapping[str, str]:
    # It is locked; with it the code that was scanned counts after the question too.
    return {"box": texts["box"]} if "box" in texts else {}


@view_defaults(
    route_name="panel.second_factor",
    permission=Permission.ENROL,
    renderer="second_factor.pt",
    step_up=StepUp(keep=_box_of),
)
class EnrolViews:
    """Set up a second factor, which counts once a code of it has been typed."""

    def __init__(self, _context: OwnAccount, request: Any) -> None:
        self.request = request
        self.username = request.identity.username

    @view_config(request_method="GET")
    def show(self) -> Any:
        """Return a new secret to scan, or lead back where there is a second factor."""
        if self.request.panel_session.second_factor:
            return see_other(self.request.route_path("panel.account"))
        return self._page(typed_before(self.request).get("box"))

    @view_config(request_method="POST")
    def confirm(self) -> Any:
        """Have it count, and show the recovery codes this once."""
        posted = self.request.POST
        box = posted.get("box", "")
        try:
            codes = self.request.second_factors.confirm(
                self.username,
                box,
                posted.get("code", ""),
                self.request.author,
                self.request.panel_session.number,
            )
        except InvalidFields as error:
            self.request.response.status_int = 422
            (wrong,) = error.errors
            return self._page(box if wrong.field == "code" else None, wrong.detail)
        return codes_page(self.request, codes, is_new=True)

    def _page(self, box: str | None = None, error: str | None = None) -> Page:
        issuer = f"mailpanel {self.request.registry.deployment.host_name}"
        enrolment = self.request.second_factors.begin(self.username, issuer, box)
        secret = enrolment.secret
        return {
            "title": _("Set up a second factor"),
            "has_to": self.request.identity.has_to_enrol,
            "picture": qr.as_svg(enrolment.uri),
            "groups": [secret[at : at + 4] for at in range(0, len(secret), 4)],
            "issuer": issuer,
            "box": enrolment.box,
            "error": error,
        }


@view_config(
    route_name="panel.codes",
    request_method="POST",
    permission=Permission.OWN_ACCOUNT,
    step_up=StepUp(back="panel.account"),
)
def new_codes(_context: OwnAccount, request: Any) -> Any:
    """Make new recovery codes in place of those there were, and show them this once."""
    codes = request.second_factors.renew_codes(request.identity.username, request.author)
    return codes_page(request, codes, is_new=False)


@view_defaults(
    route_name="panel.no_factor",
    permission=Permission.OWN_ACCOUNT,
    renderer="remove_factor.pt",
    step_up=True,
)
class RemoveViews:
    """Remove the second factor, after a question."""

    def __init__(self, _context: OwnAccount, request: Any) -> None:
        self.request = request

    @view_config(request_method="GET")
    def ask(self) -> Page:
        """Return what would be true then."""
        return {"title": _("Remove the second factor")}

    @view_config(request_method="POST")
    def remove(self) -> Any:
        """Remove it."""
        session = self.request.panel_session
        self.request.second_factors.remove(
            session.identity.username, self.request.author, session.number
        )
        return lead(self.request, REMOVED, "panel.account")


def codes_page(request: Any, codes: list[str], *, is_new: bool) -> Any:
    """Return the page that shows recovery codes, *is_new* with the second factor."""
    page = {"title": _("Recovery codes"), "codes": codes, "is_new": is_new}
    return render_to_response("recovery_codes.pt", page, request, response=request.response)
