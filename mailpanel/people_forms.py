"""The forms of accounts and tokens, over the schemas that the API reads."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import colander

from mailpanel.bodies import AccountChanges, NewAccount, NewToken
from mailpanel.forms import Form
from mailpanel.settings import SETTINGS
from mailpanel.words import _

__all__ = [
    "LEVELS",
    "account_form",
    "account_password_form",
    "as_seen",
    "new_account_form",
    "texts_of",
    "token_form",
]

Texts = Mapping[str, str]

LEVELS = {
    "MasterAdmin": _("MasterAdmin: everything in this panel"),
    "DomainAdmin": _("DomainAdmin: their own account"),
    "MailUser": _("MailUser: their own account"),
}
DETAILS = ("perm_level", "recovery_email", "language", "enabled", "api_access")
NEW = ("username", "perm_level", "password", "recovery_email", "language")
# On pages with two forms the second one's fields are numbered from here on.
SECOND = 101
# What a person is told beside the fields, where the API's document says it in JSON's terms.
HELP = {
    "username": _("Letters, digits and . _ @ + -. It cannot be changed later."),
    "perm_level": _("What the account may do here and by the API."),
    "password": _(
        "At least 12 characters, and not one that is guessed first. Without one there "
        "is no log-in to this panel."
    ),
    "enabled": _("Without the tick it can do nothing, is logged out, and its tokens are revoked."),
    "api_access": _("Without the tick its tokens open nothing."),
    "recovery_email": _("Where mail about the account goes."),
    "language": _(
        "A tag like en, de or pt-BR. Pages come in it where there is a translation; "
        "blank is the browser's."
    ),
    "name": _("What it is for, so that you know it again."),
    "read_only": _("It can look and change nothing."),
    "settings": _("With none ticked it reaches all settings, and what else you may do by the API."),
    "networks": _("Only from these, like 192.0.2.0/24, one in a line; blank is from anywhere."),
    "expires": _("It opens nothing after the end of that day (UTC); blank is for ever."),
}


def new_account_form(texts: Texts) -> Form:
    """Return the form of an account that is to be."""
    return Form(_picked(NewAccount(), *NEW), texts)


def account_form(texts: Texts) -> Form:
    """Return the form of what an account is, but for its password."""
    return Form(_picked(AccountChanges(), *DETAILS), texts)


def account_password_form(texts: Texts) -> Form:
    """Return the form of a new password for somebody else's account."""
    schema = _picked(AccountChanges(), "password")
    schema["password"].missing = colander.required
    return Form(schema, texts, first=SECOND)


def token_form(texts: Texts) -> Form:
    """Return the form of a token that is to be."""
    return Form(_picked(NewToken(), *(node.name for node in NewToken().children)), texts)


def texts_of(account: Mapping[str, Any]) -> dict[str, str]:
    """Return what stands in the fields of :func:`account_form` for *account*."""
    return {name: _as_text(account[name]) for name in DETAILS}


def as_seen(account: Mapping[str, Any]) -> str:
    """Return a mark that is another one once *account* is changed."""
    return f"{zlib.crc32(repr(texts_of(account)).encode()):08x}"


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else ""
    return value or ""


def _picked(schema: colander.SchemaNode, *names: str) -> colander.SchemaNode:
    """Return *schema* bound for a form, with the fields *names* in that order alone."""
    schema = schema.bind(form=True)
    schema.children = [schema[name] for name in names]
    for node in schema.children:
        node.description = HELP[node.name]
        node.labels = LEVELS if node.name == "perm_level" else {}
        node.choose = node.name == "perm_level"
    if "settings" in names:
        schema["settings"].labels = {name: each.title for name, each in SETTINGS.items()}
    return schema
