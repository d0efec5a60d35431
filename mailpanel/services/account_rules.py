"""What may stand in the fields of an account, each rule once: forms, API and commands ask here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mailpanel.errors import FieldError, InvalidFields
from mailpanel.services.passwords import SHORTEST, is_common
from mailpanel.words import _

__all__ = [
    "EMAIL",
    "LANGUAGE",
    "LEVELS",
    "LONGEST_EMAIL",
    "NAME",
    "SHORTEST",
    "WORDS",
    "check_fields",
    "email_problem",
    "language_problem",
    "name_problem",
    "password_problem",
    "whole_problem",
    "words_problem",
]

LEVELS = ("MasterAdmin", "DomainAdmin", "MailUser")
# No colon: it ends the name in Basic authentication (RFC 7617, 2).
NAME = re.compile(r"[A-Za-z0-9._@+-]{1,64}")
# What a browser takes too (WHATWG HTML, valid e-mail address).
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")
LONGEST_EMAIL = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
# Language, script and region of BCP 47 (RFC 5646).
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")


# What an account of this panel is about, documented in docs/security.md (ASVS 6.1.2).
WORDS = (
    *("mailpanel", "postfix", "dovecot", "msmtp", "relayhost", "smarthost", "mailserver", "imap"),
    *("masteradmin", "domainadmin", "mailuser", "administrator", "postmaster", "hostmaster"),
    *("master", "admin", "mailer", "smtp", "mail"),
)
SHORTEST_WORD, LEAST_BESIDE = 3, 8


def name_problem(name: str) -> str | None:
    """Return a sentence about what is wrong with a username, or ``None``."""
    if NAME.fullmatch(name):
        return None
    return _("Use 1 to 64 letters, digits and the characters . _ @ + - here.")


def password_problem(password: str) -> str | None:
    """Return a sentence about what is wrong with an account's password, or ``None``."""
    if len(password) < SHORTEST:
        return _("A password has at least ${shortest} characters.", shortest=SHORTEST)
    if is_common(password):
        return _("This password is among those guessed first; choose another.")
    return whole_problem(password)


def words_problem(password: str, words: Iterable[str]) -> str | None:
    """Return a sentence where little of *password* is left without *words*, or ``None``.

    They are what is guessed here first: the account's own name, this installation's words, and
    :data:`WORDS`. One of less than three letters is none.
    """
    guessed = sorted({*words, *WORDS}, key=len, reverse=True)
    rest = password.casefold()
    for word in guessed:
        if len(word) >= SHORTEST_WORD:
            rest = rest.replace(word.casefold(), "")
    if len(rest) >= LEAST_BESIDE:
        return None
    return _(
        "This password is made of names that are guessed here first; "
        "write at least ${least} other characters beside them.",
        least=LEAST_BESIDE,
    )


def whole_problem(text: str) -> str | None:
    """Return a sentence where *text* holds a lone surrogate, which is no text, or ``None``."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        return _("This holds half of a character; send whole characters.")
    return None


def email_problem(address: str) -> str | None:
    """Return a sentence about what is wrong with a mail address, or ``None``."""
    if len(address) <= LONGEST_EMAIL and EMAIL.fullmatch(address):
        return None
    return _("Write a mail address, like alice@example.org.")


def language_problem(tag: str) -> str | None:
    """Return a sentence about what is wrong with a language's tag, or ``None``."""
    if LANGUAGE.fullmatch(tag):
        return None
    return _("Write a language's tag, like en, de or pt-BR.")


def _level_problem(level: str) -> str | None:
    return None if level in LEVELS else _("This must be one of ${words}.", words=", ".join(LEVELS))


_RULES: Mapping[str, Callable[[str], str | None]] = {
    "username": name_problem,
    "perm_level": _level_problem,
    "password": password_problem,
    "recovery_email": email_problem,
    "language": language_problem,
}


def check_fields(fields: Mapping[str, Any], words: Iterable[str] = ()) -> None:
    """Raise :class:`InvalidFields` with all that is wrong; ``None`` is always right.

    Of *words* a password may not be made, see :func:`words_problem`.
    """
    errors = [
        FieldError(name, sentence)
        for name, rule in _RULES.items()
        if fields.get(name) is not None and (sentence := rule(fields[name]))
    ]
    password = fields.get("password")
    if password is not None and not any(error.field == "password" for error in errors):
        sentence = words_problem(password, words)
        errors += [FieldError("password", sentence)] if sentence else []
    if errors:
        raise InvalidFields(errors)
