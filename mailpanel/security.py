"""Who calls, and what they may do.

The API knows a caller by the ``Authorization`` header alone: a session cookie is
never looked at here, so another site's page cannot borrow one.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from pyramid.authorization import ACLHelper, Everyone
from pyramid.request import RequestLocalCache

from mailpanel.credentials import presented
from mailpanel.errors import Throttled
from mailpanel.services.authentication import Identity
from mailpanel.services.changes import Author

__all__ = [
    "ADMIN",
    "ANY_ADMIN",
    "READ_ONLY",
    "Permission",
    "TokenPolicy",
    "admin_of",
    "author",
    "includeme",
]


class Permission(StrEnum):
    """What a view may ask for."""

    ADMINISTER = "administer"
    """Whatever no other permission is named for."""
    LIST_SETTINGS = "list-settings"
    """See which settings are set, as far as the token's scope goes."""
    READ_SETTING = "read-setting"
    """See one setting's value and what the hosts made of it."""
    CHANGE_SETTING = "change-setting"
    """Set one setting, or reset it."""
    READ_HOSTS = "read-hosts"
    """See the mail hosts."""
    CHANGE_HOSTS = "change-hosts"
    """Forget a mail host."""


ADMIN = "MasterAdmin"
"""The principal of a MasterAdmin whose token is not narrowed to some settings."""
ANY_ADMIN = "MasterAdmin, perhaps of some settings"
"""The principal of every MasterAdmin."""
READ_ONLY = "read-only token"
"""The principal of whoever may change nothing."""


def admin_of(setting: str) -> str:
    """Return the principal of a MasterAdmin whose token is narrowed to *setting* and others."""
    return f"MasterAdmin of {setting}"


class TokenPolicy:
    """Pyramid's security policy for the API: tokens, nothing else."""

    def __init__(self) -> None:
        self._identities = RequestLocalCache(self._authenticate)
        self._acl = ACLHelper()

    def identity(self, request: Any) -> Identity | None:
        """Return who calls, or ``None``.

        Raises :class:`Throttled` for a bad credential from an address that has
        presented too many; a good one always passes, so that a stranger behind
        the same address cannot lock an administrator out.
        """
        identity: Identity | None = self._identities.get_or_create(request)
        return identity

    def authenticated_userid(self, request: Any) -> str | None:
        """Return the caller's username, or ``None``; raises what :meth:`identity` does."""
        identity = self.identity(request)
        return identity.username if identity else None

    def permits(self, request: Any, context: Any, permission: str) -> Any:
        """Say whether the context's ACL gives the caller *permission*."""
        return self._acl.permits(context, list(_principals(self.identity(request))), permission)

    def remember(self, _request: Any, _userid: str, **_options: Any) -> list[tuple[str, str]]:
        """Return no headers: each call carries its own credential."""
        return []

    def forget(self, _request: Any, **_options: Any) -> list[tuple[str, str]]:
        """Return no headers, as :meth:`remember`."""
        return []

    def _authenticate(self, request: Any) -> Identity | None:
        credential = presented(request.headers.get("Authorization"))
        if credential is None:
            return None
        identity: Identity | None = request.authentication.identity(
            credential.username, credential.token, _address(request)
        )
        if identity is None:
            _count_bad(request)
        return identity


def _address(request: Any) -> str:
    """Return the address that the request came from; empty on a unix socket."""
    return request.remote_addr or ""


def author(request: Any) -> Author:
    """Return who makes a change, and from where, for the history."""
    identity: Identity = request.identity
    return Author(identity.username, identity.token_id, _address(request))


def _count_bad(request: Any) -> None:
    retry_after = request.throttle.retry_after(_address(request))
    if retry_after is not None:
        raise Throttled("Too many bad credentials came from this address.", retry_after)
    request.throttle.failed(_address(request))


def _principals(identity: Identity | None) -> Iterator[str]:
    yield Everyone
    if identity is None:
        return
    if identity.read_only:
        yield READ_ONLY
    if identity.perm_level != "MasterAdmin":
        return
    yield ANY_ADMIN
    if identity.settings is None:
        yield ADMIN
    else:
        yield from map(admin_of, identity.settings)


def includeme(config: Any) -> None:
    """Install the policy; the author of a change becomes ``request.author``."""
    config.set_security_policy(TokenPolicy())
    config.add_request_method(author, reify=True)
