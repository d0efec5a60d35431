"""The accounts: who may come in."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from mailpanel.bodies import AccountChanges, NewAccount, body_of
from mailpanel.resources import Account, Accounts
from mailpanel.security import Permission

__all__ = ["AccountViews", "AccountsViews"]

Answer = dict[str, Any]


@view_defaults(route_name="accounts", renderer="json")
class AccountsViews:
    """All the accounts."""

    def __init__(self, _context: Accounts, request: Any) -> None:
        self.request = request

    @view_config(request_method="GET", permission=Permission.READ_ACCOUNTS)
    def read(self) -> Answer:
        """Return all accounts, by name."""
        return {"accounts": self.request.accounts.list()}

    @view_config(request_method="POST", permission=Permission.CHANGE_ACCOUNTS)
    def add(self) -> Answer:
        """Add an account."""
        given = body_of(NewAccount, self.request.body)
        added = self.request.accounts.add(
            given.pop("username"), author=self.request.author, **given
        )
        return {"accounts": added}


@view_defaults(route_name="account", renderer="json")
class AccountViews:
    """One account."""

    def __init__(self, context: Account, request: Any) -> None:
        self.context = context
        self.request = request

    @view_config(request_method="GET", permission=Permission.READ_ACCOUNTS)
    def read(self) -> Answer:
        """Return the account."""
        return {"accounts": self.context.state}

    @view_config(request_method="PATCH", permission=Permission.CHANGE_ACCOUNTS)
    def change(self) -> Answer:
        """Change what is sent; the rest stays."""
        given = body_of(AccountChanges, self.request.body)
        changed = self.request.accounts.change(self.context.name, given, self.request.author)
        return {"accounts": changed}

    @view_config(request_method="DELETE", permission=Permission.CHANGE_ACCOUNTS)
    def remove(self) -> None:
        """Remove the account with its tokens."""
        self.request.accounts.remove(self.context.name, self.request.author)
