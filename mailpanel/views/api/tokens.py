"""The caller's own tokens."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config, view_defaults

from mailpanel.bodies import LogIn, NewToken, body_of
from mailpanel.errors import NotFound
from mailpanel.resources import OwnToken, OwnTokens
from mailpanel.security import Permission, visitor

__all__ = ["AuthViews", "TokensViews", "revoke"]

Answer = dict[str, Any]


@view_defaults(route_name="tokens", renderer="json")
class TokensViews:
    """All that the token in use may see."""

    def __init__(self, _context: OwnTokens, request: Any) -> None:
        self.request = request
        self.caller = request.identity

    @view_config(request_method="GET", permission=Permission.READ_TOKENS)
    def read(self) -> Answer:
        """Return the tokens, but never a token itself."""
        tokens = self.request.tokens.list(self.caller.username, within=self.caller.token_id)
        return {"tokens": tokens}

    @view_config(request_method="POST", permission=Permission.CHANGE_TOKENS)
    def create(self) -> Answer:
        """Make a token, and show it this once."""
        given = body_of(NewToken, self.request.body)
        issued = self.request.tokens.issue(
            self.caller.username,
            author=self.request.author,
            within=self.caller.token_id,
            **given,
        )
        return {"tokens": {**issued.shown, "auth_token": issued.token}}


@view_config(
    route_name="token",
    request_method="DELETE",
    permission=Permission.CHANGE_TOKENS,
    renderer="json",
)
def revoke(context: OwnToken, request: Any) -> None:
    """Revoke a token: it opens nothing any more."""
    caller = request.identity
    request.tokens.revoke(
        context.number, request.author, account=caller.username, within=caller.token_id
    )


@view_defaults(route_name="auth", renderer="json")
class AuthViews:
    """Log in with a password, for a token; and out again."""

    def __init__(self, _context: OwnTokens, request: Any) -> None:
        self.request = request

    @view_config(request_method="POST", permission=NO_PERMISSION_REQUIRED)
    def log_in(self) -> Answer:
        """Return a token for a username and password."""
        given = body_of(LogIn, self.request.body)
        return {"auth": self.request.api_log_in.log_in(**given, visitor=visitor(self.request))}

    @view_config(request_method="DELETE", permission=Permission.END_TOKEN)
    def log_out(self) -> None:
        """Revoke the token in use."""
        # Another request may just have done so, which is all that is wanted.
        with suppress(NotFound):
            self.request.tokens.revoke(self.request.identity.token_id, self.request.author)
