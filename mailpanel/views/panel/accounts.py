"""The accounts: who may come in, and how far."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from mailpanel.errors import Conflict, FieldError, InvalidFields
from mailpanel.forms import Form
from mailpanel.languages import speak
from mailpanel.people_forms import (
    account_form,
    account_password_form,
    as_seen,
    new_account_form,
    texts_of,
)
from mailpanel.resources import Account, Accounts
from mailpanel.security import Permission
from mailpanel.step_up import StepUp, typed_before
from mailpanel.views.panel._flash import lead, refuse
from mailpanel.words import _

__all__ = ["AccountsViews", "PersonViews", "RemoveViews"]

Page = dict[str, Any]

# Whoever may come in is decided by somebody who has just shown who they are.
ADDS = StepUp(keep=lambda texts: new_account_form(texts).keepable)
CHANGES = StepUp(keep=lambda texts: account_form(texts).keepable)
SETS_PASSWORD = StepUp(back="panel.person")


@view_defaults(
    route_name="panel.accounts", renderer="accounts.pt", permission=Permission.READ_ACCOUNTS
)
class AccountsViews:
    """All accounts, and a new one."""

    def __init__(self, _context: Accounts, request: Any) -> None:
        self.request = request

    @view_config(request_method="GET")
    def show(self) -> Page:
        """Return the accounts, and a form for another."""
        typed = typed_before(self.request) or {"perm_level": "MailUser"}
        return self._page(new_account_form(typed))

    @view_config(request_method="POST", permission=Permission.CHANGE_ACCOUNTS, step_up=ADDS)
    def add(self) -> Any:
        """Add an account."""
        form = new_account_form(self.request.POST)
        try:
            given = form.validate()
            name = given.pop("username")
            self.request.accounts.add(name, author=self.request.author, **given)
        except InvalidFields as error:
            form.show(error.errors)
            return refuse(self.request, self._page(form))
        except Conflict as error:
            form.show([FieldError("username", str(error))])
            return refuse(self.request, self._page(form), 409)
        return lead(self.request, _("${name} is added.", name=name), "panel.person", username=name)

    def _page(self, form: Form) -> Page:
        return {"title": _("Accounts"), "accounts": self.request.accounts.list(), "form": form}


class _AboutOne:
    """What the pages of one account share."""

    def __init__(self, context: Account, request: Any) -> None:
        self.context = context
        self.request = request
        self.is_own = context.name == request.identity.username

    def lead(self, flash: str) -> Any:
        """Return the redirect to the account's page."""
        return lead(self.request, flash, "panel.person", username=self.context.name)

    def page(self, **more: Any) -> Page:
        """Return what the account's page shows."""
        account = self.context.state
        return {
            "title": self.context.name,
            "account": account,
            "is_own": self.is_own,
            "tokens": self.request.tokens.list(self.context.name),
            "form": account_form(texts_of(account)),
            "seen": as_seen(account),
            "overtaken": False,
            "password": account_password_form({}),
            **more,
        }


@view_defaults(renderer="person.pt", permission=Permission.CHANGE_ACCOUNTS)
class PersonViews(_AboutOne):
    """One account: what it is, and its password."""

    @view_config(
        route_name="panel.person", request_method="GET", permission=Permission.READ_ACCOUNTS
    )
    def show(self) -> Page:
        """Return the account."""
        typed = typed_before(self.request)
        return self.page(form=account_form(typed)) if typed else self.page()

    @view_config(route_name="panel.person", request_method="POST", step_up=CHANGES)
    def change(self) -> Any:
        """Change what differs, unless somebody has changed the account meanwhile."""
        form, account = account_form(self.request.POST), self.context.state
        if self.request.POST.get("revision") != as_seen(account):
            return refuse(self.request, self.page(form=form, overtaken=True), 412)
        try:
            given = form.validate()
            differs = {name: each for name, each in given.items() if each != account[name]}
            self.request.accounts.change(self.context.name, differs, self.request.author)
        except InvalidFields as error:
            form.show(error.errors)
            return refuse(self.request, self.page(form=form))
        except Conflict as error:
            form.others.append(str(error))
            return refuse(self.request, self.page(form=form), 409)
        if self.is_own and "language" in differs:
            speak(self.request, differs["language"])
        return self.lead(_("Saved.") if differs else _("Nothing was changed."))

    @view_config(route_name="panel.person.password", request_method="POST", step_up=SETS_PASSWORD)
    def set_password(self) -> Any:
        """Give somebody else a new password; their own is changed under My account."""
        form, name = account_password_form(self.request.POST), self.context.name
        if self.is_own:
            return lead(self.request, _("Change your own password here."), "panel.account")
        try:
            given = form.validate()
            self.request.accounts.set_password(name, given["password"], self.request.author)
        except InvalidFields as error:
            form.show(error.errors)
            return refuse(self.request, self.page(password=form))
        return self.lead(_("${name} has a new password, and is logged out everywhere.", name=name))


@view_defaults(
    route_name="panel.person.remove",
    renderer="remove.pt",
    permission=Permission.CHANGE_ACCOUNTS,
)
class RemoveViews(_AboutOne):
    """Remove an account, after a question."""

    @view_config(request_method="GET")
    def ask(self, problem: str | None = None) -> Page:
        """Return what would be true then."""
        return self.page(title=_("Remove ${name}", name=self.context.name), problem=problem)

    @view_config(request_method="POST", step_up=True)
    def remove(self) -> Any:
        """Remove it; the last MasterAdmin stays."""
        name = self.context.name
        try:
            self.request.accounts.remove(name, self.request.author)
        except Conflict as error:
            return refuse(self.request, self.ask(str(error)), 409)
        return lead(self.request, _("${name} is removed.", name=name), "panel.accounts")
