"""What the URLs name, and who may do what with it.

A resource is made before anybody is authenticated, so it looks nothing up until
:meth:`Resource.find`, which :mod:`mailpanel.checks` calls once the caller is
known and permitted: a stranger must not learn by a 404 what there is.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pyramid.authorization import Allow, Authenticated, Deny

from mailpanel.errors import NotFound
from mailpanel.security import (
    ADMIN,
    ANY_ADMIN,
    READ_ONLY,
    TO_ENROL,
    TOKEN,
    Permission,
    admin_of,
)
from mailpanel.settings import SETTINGS
from mailpanel.words import _

__all__ = [
    "Account",
    "Accounts",
    "AuditLog",
    "Clearing",
    "Host",
    "Hosts",
    "OwnAccount",
    "OwnToken",
    "OwnTokens",
    "PanelToken",
    "Queue",
    "Resource",
    "Revision",
    "Setting",
    "Settings",
    "includeme",
]

_CHANGES = (
    Permission.ADMINISTER,
    Permission.CHANGE_SETTING,
    Permission.CHANGE_HOSTS,
    Permission.RUN_CLEARING,
    Permission.FLUSH_QUEUE,
    Permission.OWN_ACCOUNT,
    Permission.ENROL,
    Permission.CHANGE_ACCOUNTS,
    Permission.CHANGE_TOKENS,
)
_NUMBER = re.compile(r"[0-9]{1,9}")
NO_TOKEN = _("There is no such token.")

Acl = list[tuple[str, str, Any]]


class Resource:
    """Something that only a MasterAdmin gets at; all that a URL names is one."""

    __acl__: ClassVar[Any] = [(Deny, READ_ONLY, _CHANGES), (Allow, ADMIN, tuple(Permission))]

    def __init__(self, request: Any) -> None:
        self.request = request

    def find(self) -> None:
        """Look up what the URL names; raises :class:`NotFound` where there is no such."""


class Settings(Resource):
    """All the settings; a token that is narrowed to some of them sees those."""

    __acl__: ClassVar[Any] = [(Allow, ANY_ADMIN, Permission.LIST_SETTINGS), *Resource.__acl__]

    @property
    def registered(self) -> list[Any]:
        """Return every setting there is, set or not, in the registry's order."""
        return list(SETTINGS.values())

    @property
    def names(self) -> frozenset[str] | None:
        """Return the names that the caller may see; ``None`` is all."""
        names: frozenset[str] | None = self.request.identity.settings
        return names


class Setting(Resource):
    """One setting, by its ``name``."""

    def __init__(self, request: Any) -> None:
        super().__init__(request)
        self.name: str = request.matchdict["setting"]

    def __acl__(self) -> Acl:
        """Return the list; a token may be narrowed to this very setting."""
        scoped = (Permission.READ_SETTING, Permission.CHANGE_SETTING)
        return [*Resource.__acl__, (Allow, admin_of(self.name), scoped)]

    def find(self) -> None:
        """Raise :class:`NotFound` unless the setting is registered."""
        if self.name not in SETTINGS:
            raise NotFound(_("There is no such setting."))
        self.setting = SETTINGS[self.name]


class Revision(Setting):
    """One revision of a setting, by its ``number``."""

    def find(self) -> None:
        """Raise :class:`NotFound` unless setting and revision are there."""
        super().find()
        self.number = _number(self.request.matchdict["revision"], _("There is no such revision."))
        self.request.history.require(self.name, self.number)


class Hosts(Resource):
    """All the mail hosts."""


class Host(Resource):
    """One mail host, by its ``name``."""

    def __init__(self, request: Any) -> None:
        super().__init__(request)
        self.name: str = request.matchdict["host"]

    def find(self) -> None:
        """Raise :class:`NotFound` unless the host has checked in."""
        self.request.hosts.require(self.name)

    @property
    def state(self) -> dict[str, Any]:
        """Return what the host has told."""
        state: dict[str, Any] = self.request.hosts.get(self.name)
        return state


class Queue(Host):
    """The mail that waits on one mail host for the relay of the setting ``relay``."""

    relay = "postfix_relayhost"
    __acl__: ClassVar[Any] = [
        *Resource.__acl__,
        (Allow, admin_of(relay), Permission.FLUSH_QUEUE),
    ]


class Clearing(Resource):
    """What was cleared from Junk and Trash folders, by the setting ``interval``."""

    interval = "junk_trash_clearing_interval"

    @property
    def setting(self) -> Any:
        """Return that setting."""
        return SETTINGS[self.interval]


class Accounts(Resource):
    """All the accounts."""


class Account(Resource):
    """One account, by its ``name``."""

    def find(self) -> None:
        """Raise :class:`NotFound` unless there is the account."""
        self.name: str = self.request.matchdict["username"]
        self.state = self.request.accounts.get(self.name)


class AuditLog(Resource):
    """Who did what."""


class OwnTokens(Resource):
    """The tokens of whoever presents one, whatever the account's level."""

    __acl__: ClassVar[Any] = [
        (Allow, TOKEN, Permission.END_TOKEN),
        (Deny, READ_ONLY, _CHANGES),
        (Allow, TOKEN, (Permission.READ_TOKENS, Permission.CHANGE_TOKENS)),
    ]


class OwnToken(OwnTokens):
    """One of them, by its ``number``."""

    def find(self) -> None:
        """Raise :class:`NotFound` where no token can have that number."""
        self.number = _number(self.request.matchdict["token"], NO_TOKEN)


class OwnAccount(Resource):
    """The account of whoever is logged in to the panel, whatever its level."""

    __acl__: ClassVar[Any] = [
        (Allow, Authenticated, (Permission.OWN_ACCOUNT, Permission.ENROL)),
        (Allow, TO_ENROL, Permission.ENROL),
    ]


class PanelToken(OwnAccount):
    """One of the tokens of whoever is logged in to the panel, by its number."""

    def find(self) -> None:
        """Look it up; raises :class:`NotFound` where it is nobody's or another's."""
        self.number = _number(self.request.matchdict["token"], NO_TOKEN)
        own = self.request.tokens.list(self.request.identity.username)
        found = [token for token in own if token["id"] == self.number]
        if not found:
            raise NotFound(NO_TOKEN)
        self.state = found[0]


def _number(text: str, sentence: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise NotFound(sentence)
    return int(text)


def includeme(config: Any) -> None:
    """Make a route that names no resource of its own one for MasterAdmins."""
    config.set_root_factory(Resource)
