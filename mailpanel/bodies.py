"""The schemas of the API's bodies and queries that are no setting's.

What a rule is stands with the services; here it meets the JSON that is sent.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import colander

from mailpanel import jsonform
from mailpanel.errors import FieldError, InvalidFields
from mailpanel.fields import Boolean, OrNull, Ruled, Texts, Time
from mailpanel.schema import Integer, Object, OneOf, Text, deserialize
from mailpanel.services import audit, clearing, history
from mailpanel.services.account_rules import (
    EMAIL,
    LANGUAGE,
    LEVELS,
    LONGEST_EMAIL,
    NAME,
    SHORTEST,
    email_problem,
    language_problem,
    name_problem,
    password_problem,
    whole_problem,
)
from mailpanel.settings import SETTINGS
from mailpanel.words import _

__all__ = [
    "AccountChanges",
    "AuditQuery",
    "ClearingQuery",
    "HistoryQuery",
    "LogIn",
    "NewAccount",
    "NewToken",
    "Nothing",
    "OnHost",
    "body_of",
    "query_of",
    "surplus_in",
]

HIGHEST = 999_999_999  # the nine digits that are read of a query
MOST_CHARACTERS = 255


def body_of(schema: type[colander.SchemaNode], body: bytes) -> dict[str, Any]:
    """Return the appstruct of a request's *body*.

    Raises :class:`mailpanel.errors.MalformedJson`, or :class:`InvalidFields` with every
    wrong field.
    """
    return deserialize(schema(), jsonform.loads(body))


def query_of(schema: type[colander.SchemaNode], query_string: str) -> dict[str, Any]:
    """Return the appstruct of a request's query, in which each name may stand once.

    Raises :class:`InvalidFields` with every wrong parameter.
    """
    given = parse_qs(query_string, keep_blank_values=True)
    names = (node.name for node in schema().children)
    twice = [FieldError(name, "Give this once.") for name in names if len(given.get(name, "")) > 1]
    if twice:
        raise InvalidFields(twice)
    cstruct = {name: texts[0] for name, texts in given.items()}
    return deserialize(schema().bind(form=True), cstruct)


def _pattern(regex: Any) -> str:
    return f"^{regex.pattern}$"


class Nothing(colander.MappingSchema):
    """A body that says nothing."""

    schema_type = Object


def surplus_in(body: bytes) -> list[FieldError]:
    """Return what is wrong with a *body* that is to say nothing; raises :class:`MalformedJson`.

    For where something else has to be refused before that.
    """
    try:
        body_of(Nothing, body)
    except InvalidFields as error:
        return error.errors
    return []


class OnHost(colander.MappingSchema):
    """Which setting of a host is to be put back, or adopted."""

    schema_type = Object

    setting = colander.SchemaNode(
        OneOf(tuple(SETTINGS)), title="Setting", description="The name of the setting."
    )


class AccountChanges(colander.MappingSchema):
    """What of an account can be changed; what is left out stays."""

    schema_type = Object

    password = colander.SchemaNode(
        Ruled(password_problem, minLength=SHORTEST, format="password", writeOnly=True),
        missing=colander.drop,
        title=_("Password"),
        description="Not one that is guessed first. An account without one has no panel log-in.",
    )
    perm_level = colander.SchemaNode(
        OneOf(LEVELS),
        missing=colander.drop,
        title=_("Permission level"),
        description="What the account may do.",
    )
    enabled = colander.SchemaNode(
        Boolean(),
        missing=colander.drop,
        title=_("Enabled"),
        description="A disabled account can do nothing; its tokens are revoked.",
    )
    api_access = colander.SchemaNode(
        Boolean(),
        missing=colander.drop,
        title=_("API access"),
        description="Whether tokens of the account open anything.",
    )
    recovery_email = colander.SchemaNode(
        OrNull(Ruled(email_problem, maxLength=LONGEST_EMAIL, pattern=_pattern(EMAIL))),
        missing=colander.drop,
        title=_("Recovery address"),
        description="Where mail about the account goes, or null.",
    )
    language = colander.SchemaNode(
        OrNull(Ruled(language_problem, pattern=_pattern(LANGUAGE))),
        missing=colander.drop,
        title=_("Language"),
        description="A tag of BCP 47, or null: the browser's.",
    )


class NewAccount(AccountChanges):
    """An account that is to be."""

    username = colander.SchemaNode(
        Ruled(name_problem, pattern=_pattern(NAME)),
        title=_("Username"),
        description="It cannot be changed later: the history goes by it.",
    )
    perm_level = colander.SchemaNode(
        OneOf(LEVELS), title=_("Permission level"), description="What the account may do."
    )


class NewToken(colander.MappingSchema):
    """A token that is to be; the widest that there is where nothing is said."""

    schema_type = Object

    name = colander.SchemaNode(
        Text(MOST_CHARACTERS), missing="", title=_("Name"), description="What it is for."
    )
    read_only = colander.SchemaNode(
        Boolean(), missing=False, title=_("Read-only"), description="It can look, not change."
    )
    settings = colander.SchemaNode(
        OrNull(Texts({"enum": list(SETTINGS)})),
        missing=None,
        title=_("Settings"),
        description="Only these; null is all there is.",
    )
    networks = colander.SchemaNode(
        OrNull(Texts({"example": "192.0.2.0/24"})),
        missing=None,
        title=_("Networks"),
        description="Only from there, in CIDR notation; null is from anywhere.",
    )
    expires = colander.SchemaNode(
        OrNull(Time()),
        missing=None,
        title=_("Expires"),
        description="Until then; null is for ever.",
    )


class LogIn(colander.MappingSchema):
    """Who wants a token, by username and password."""

    schema_type = Object

    username = colander.SchemaNode(
        Ruled(whole_problem), title="Username", description="The account's name."
    )
    password = colander.SchemaNode(
        Ruled(whole_problem, format="password", writeOnly=True),
        title="Password",
        description="The account's password.",
    )
    otp = colander.SchemaNode(
        OrNull(Ruled(whole_problem, writeOnly=True)),
        missing=None,
        title="Code",
        description="The present code of the account's second factor, or a recovery code; needed "
        "where it has one.",
    )


def _limit(most: int, usual: int) -> colander.SchemaNode:
    return colander.SchemaNode(
        Integer(1, most),
        missing=usual,
        title="Limit",
        description=f"How many; {usual} where nothing is said.",
    )


def _before(what: str) -> colander.SchemaNode:
    return colander.SchemaNode(
        Integer(1, HIGHEST),
        missing=None,
        title="Before",
        description=f"Only those below this {what}, as `next` has it.",
    )


class HistoryQuery(colander.MappingSchema):
    """Which page of a history."""

    schema_type = Object

    limit = _limit(history.LARGEST_PAGE, history.PAGE)
    before = _before("revision")


class ClearingQuery(colander.MappingSchema):
    """Which runs that cleared folders."""

    schema_type = Object

    limit = _limit(clearing.LARGEST_PAGE, clearing.PAGE)
    before = _before("number")


class AuditQuery(colander.MappingSchema):
    """Which entries of the audit log."""

    schema_type = Object

    setting = colander.SchemaNode(
        OneOf(tuple(SETTINGS)), missing=None, title="Setting", description="Only of this setting."
    )
    author = colander.SchemaNode(
        Text(MOST_CHARACTERS), missing=None, title="Author", description="Only by this account."
    )
    action = colander.SchemaNode(
        Text(MOST_CHARACTERS),
        missing=None,
        title="Action",
        description="Only this action, like setting.set.",
    )
    since = colander.SchemaNode(
        Time(), missing=None, title="Since", description="Only from this time on, with its zone."
    )
    limit = _limit(audit.LARGEST_PAGE, audit.PAGE)
    before = _before("number")
