"""Which language a page is in, and how its words come into it.

The account's language counts, and where it has none, or one that nobody has translated,
the browser's; else English. The catalogues are gettext's, in mailpanel/locale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from webob.acceptparse import create_accept_language_header

from mailpanel.errors import DatabaseAway
from mailpanel.words import Words, filled

__all__ = ["DOMAIN", "ENGLISH", "Spoken", "includeme", "known", "negotiated", "speak"]

DOMAIN = "mailpanel"
ENGLISH = "en"
LOCALE = Path(__file__).parent / "locale"


class Spoken:
    """A language that pages are in: its *tag*, and the catalogue that *localizer* reads."""

    def __init__(self, tag: str, localizer: Any) -> None:
        self.tag = tag
        # A narrow blank is read right everywhere; a comma or a point is what it is not elsewhere.
        self.thousands = "," if tag == ENGLISH else "\N{NARROW NO-BREAK SPACE}"
        self._localizer = localizer

    def one(self, message: str) -> str:
        """Return *message* in the language, its places still empty."""
        text: str = self._localizer.translate(message, DOMAIN)
        return text

    def counted(self, one: str, more: str, count: int) -> str:
        """Return the form of the message that fits *count*."""
        text: str = self._localizer.pluralize(one, more, count, DOMAIN)
        return text

    def say(self, text: Any) -> str:
        """Return *text* in the language, where it is in words; what a host has said is not."""
        return text.said(self) if isinstance(text, Words) else str(text)

    @property
    def translate(self) -> Callable[..., str]:
        """Return what Chameleon calls, with a message of a template or with what is shown."""

        def translate(text: Any, mapping: Mapping[str, Any] | None = None, **_more: Any) -> str:
            # What is shown comes here only where it is no plain text; a message always is.
            if type(text) is not str:
                return self.say(text)
            return filled(self.one(text), dict(mapping or {}))

        return translate


@cache
def known() -> tuple[str, ...]:
    """Return the tags of all languages that there is a catalogue for, English first."""
    found = (each.parent.parent.name for each in LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    return ENGLISH, *sorted(name.replace("_", "-") for name in found)


def negotiated(request: Any) -> str:
    """Return the language of the page that answers *request*, as Pyramid names locales."""
    return next(filter(None, _found(request)), ENGLISH).replace("-", "_")


def _found(request: Any) -> Iterator[str]:
    # A page that says that the database is away is in the browser's.
    with suppress(DatabaseAway):
        session = request.panel_session
        yield _lookup(session.language if session else None)
    yield _lookup(request.headers.get("Accept-Language"))


def _lookup(ranges: str | None) -> str:
    """Return the one of :func:`known` that is meant by *ranges* (RFC 4647, 3.4); else nothing."""
    header = create_accept_language_header(ranges)
    tag: str = header.lookup(list(known()), default_tag="") if ranges else ""
    return tag


def speak(request: Any, tag: str | None) -> None:
    """Say what is still to be said to *request* in the language *tag*, just chosen."""
    found = filter(None, map(_lookup, (tag, request.headers.get("Accept-Language"))))
    request.locale_name = next(found, ENGLISH).replace("-", "_")
    for name in ("localizer", "language"):
        request.__dict__.pop(name, None)


def _spoken(request: Any) -> Spoken:
    return Spoken(request.locale_name.replace("_", "-"), request.localizer)


def includeme(config: Any) -> None:
    """Make ``request.language`` the one of its page."""
    config.add_translation_dirs(f"mailpanel:{LOCALE.name}")
    config.set_locale_negotiator(negotiated)
    config.add_request_method(_spoken, "language", reify=True)
