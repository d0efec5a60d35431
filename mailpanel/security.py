"""Who calls, and what they may do.

Programs are known by the ``Authorization`` header alone, people by their log-in to the
panel alone; the path says which of the two a request is. So another site's page cannot
borrow a cookie to call the API, and what a cookie opens is guarded by a CSRF token,
since both follow from the one :func:`by_header`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from typing import Any

from pyramid.authorization import ACLHelper, Authenticated, Everyone
from pyramid.request import RequestLocalCache

from mailpanel.cookies import MARK, SESSION, read
from mailpanel.credentials import presented
from mailpanel.errors import DatabaseAway, Throttled
from mailpanel.services.authentication import Identity
from mailpanel.services.changes import Author
from mailpanel.services.half_way import HalfWay
from mailpanel.services.proofs import Visitor
from mailpanel.services.sessions import Session

__all__ = [
    "ADMIN",
    "ANY_ADMIN",
    "LIVE",
    "READ_ONLY",
    "TOKEN",
    "TO_ENROL",
    "HalfWay",
    "Permission",
    "Policy",
    "admin_of",
    "author",
    "by_header",
    "includeme",
    "note_forbidden",
    "note_forged",
    "note_throttled",
    "panel_session",
    "visitor",
]

# Whatever is not named here is a page for people, and guarded as such.
_FOR_PROGRAMS = re.compile(r"/(api|healthz|readyz|metrics)(/|$)")
LIVE = "X-Live"
"""The header that the panel's script sends when it looks again by itself."""


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
    READ_CLEARING = "read-clearing"
    """See what was cleared from Junk and Trash folders."""
    RUN_CLEARING = "run-clearing"
    """Clear them now, or see what would go."""
    FLUSH_QUEUE = "flush-queue"
    """Let a mail host try the mail that waits for its relay."""
    OWN_ACCOUNT = "own-account"
    """See and change one's own account; whoever is logged in to the panel may."""
    ENROL = "enrol"
    """Set up one's own second factor, which even somebody may who has to before all else."""
    READ_ACCOUNTS = "read-accounts"
    """See who may come in."""
    CHANGE_ACCOUNTS = "change-accounts"
    """Add, change and remove accounts."""
    READ_AUDIT = "read-audit"
    """See who did what."""
    READ_TOKENS = "read-tokens"
    """See one's own tokens."""
    CHANGE_TOKENS = "change-tokens"
    """Make and revoke one's own tokens."""
    END_TOKEN = "end-token"  # noqa: S105 (a permission's name)
    """Revoke the token in use, which even a read-only one may."""


ADMIN = "MasterAdmin"
"""The principal of a MasterAdmin whose token is not narrowed to some settings."""
ANY_ADMIN = "MasterAdmin, perhaps of some settings"
"""The principal of every MasterAdmin."""
TOKEN = "somebody with a token"  # noqa: S105 (a principal's name)
"""The principal of whoever presents a token, whatever the account's level."""
TO_ENROL = "somebody who has to set up a second factor"
"""The principal of who is logged in but may do nothing else before."""
READ_ONLY = "read-only token"
"""The principal of whoever may change nothing."""


def admin_of(setting: str) -> str:
    """Return the principal of a MasterAdmin whose token is narrowed to *setting* and others."""
    return f"MasterAdmin of {setting}"


def by_header(request: Any) -> bool:
    """Say whether *request* is a program's: known by its header, answered in JSON.

    All others are people's: known by their log-in, guarded by a CSRF token, answered
    with pages.
    """
    # As the server had it: the decoded path may not exist.
    return _FOR_PROGRAMS.match(request.environ["PATH_INFO"]) is not None


class Policy:
    """Pyramid's security policy: tokens for programs, log-ins for people, never both."""

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
        """Return no headers: the views that log in and out set the cookie."""
        return []

    def forget(self, _request: Any, **_options: Any) -> list[tuple[str, str]]:
        """Return no headers, as :meth:`remember`."""
        return []

    def _authenticate(self, request: Any) -> Identity | None:
        if not by_header(request):
            session = request.panel_session
            return session.identity if session else None
        return self._token_identity(request)

    def _token_identity(self, request: Any) -> Identity | None:
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


def panel_session(request: Any) -> Session | None:
    """Return the log-in to the panel that *request* belongs to, or ``None``."""
    given = None if by_header(request) else read(request, SESSION)
    session: Session | None = request.sessions.get(given) if given else None
    # A page that is looked at by nobody but its own script must not keep a session alive.
    if session and LIVE not in request.headers:
        request.sessions.touch(session)
    return session


def visitor(request: Any) -> Visitor:
    """Return who sends *request*, before anybody is logged in."""
    agent = request.headers.get("User-Agent", "")
    mark = None if by_header(request) else read(request, MARK)
    return Visitor(_address(request), agent, mark)


def author(request: Any) -> Author:
    """Return who makes a change, and from where, for the history."""
    identity: Identity = request.identity
    return Author(identity.username, identity.token_id, _address(request))


def _count_bad(request: Any) -> None:
    request.throttle.count(_address(request))
    # Nothing of what was presented: it may be a password in the wrong place.
    request.refusals.note(Author("", None, _address(request)), "token.refused")


def note_forbidden(request: Any) -> None:
    """Note in the audit log that somebody known was refused what the route of *request* does."""
    _note(request, "request.refused")


def note_throttled(request: Any) -> None:
    """Note in the audit log that somebody has to wait before the route of *request* does more.

    Not where it is not even known which route that would be: ``mailpanel.rate_limit`` is to
    cost nothing.
    """
    if request.matched_route is not None:
        _note(request, "request.throttled")


def note_forged(request: Any, check: str) -> None:
    """Note in the audit log that a form was refused, by its ``origin`` or its ``token``."""
    _note(request, "request.forged", check=check)


def _note(request: Any, action: str, **what: str) -> None:
    what |= {"method": request.method, "route": request.matched_route.name}
    with suppress(DatabaseAway):
        # Where it cannot be noted it is refused all the same.
        request.refusals.note(_refused(request), action, what)


def _refused(request: Any) -> Author:
    """Return whom *request* is of, nobody where that is not known."""
    # Who has to wait for having guessed is not looked at.
    with suppress(Throttled):
        if request.identity is not None:
            known: Author = request.author
            return known
    return Author("", None, _address(request))


def _principals(identity: Identity | None) -> Iterator[str]:
    yield Everyone
    if identity is None:
        return
    if identity.has_to_enrol:
        yield TO_ENROL
        return
    yield Authenticated if identity.token_id is None else TOKEN
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
    config.set_security_policy(Policy())
    config.add_request_method(author, reify=True)
    config.add_request_method(panel_session, reify=True)
