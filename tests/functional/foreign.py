"""A language that nobody speaks, in which every word that came through a catalogue can be seen."""

from __future__ import annotations

import re
from gettext import NullTranslations
from typing import Any

from bs4 import BeautifulSoup, Tag
from pyramid.i18n import Localizer
from pyramid.interfaces import ILocalizer

__all__ = ["TAG", "Foreign", "untranslated"]

TAG = "de"
"""The language in the place of which it is spoken."""
PLACE = re.compile(r"(\$\{[a-z_]+\})")
WORD = re.compile(r"[A-Za-z]{2,}")
# What somebody may read or hear of an element beside its text.
ATTRIBUTES = ("alt", "aria-label", "placeholder", "title", "data-copied", "data-selected")
# What is no language: configuration, what a person typed before, and what says that it is English.
NO_WORDS = "code, del, ins, script, style, textarea, .diffs, .agent, [lang=en]"
# What is called so in every language.
NAMES = {
    *("mailpanel", "Postfix", "msmtp", "msmtprc", "main", "cf", "MasterAdmin", "DomainAdmin"),
    *("MailUser", "IMAP", "SMTP", "TLS", "STARTTLS", "UTC", "API", "JSON", "kB", "MB", "GB", "ms"),
}


class Foreign(NullTranslations):
    """Says each message with no letter of ours in it; *said* are those that were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()

    def speak(self, registry: Any) -> None:
        """Take the place of the language :data:`TAG`."""
        registry.registerUtility(Localizer(TAG, self), ILocalizer, name=TAG)

    def dugettext(self, _domain: str, message: str) -> str:
        """Return *message* in the language."""
        self.said.add(message)
        parts = PLACE.split(message)
        return "".join(part if part.startswith("${") else WORD.sub("ж", part) for part in parts)

    def dungettext(self, domain: str, one: str, more: str, count: int) -> str:
        """Return the one of the two that fits *count*."""
        self.said.add(one)
        return self.dugettext(domain, one if count == 1 else more)


def untranslated(html: BeautifulSoup, known: set[str]) -> list[str]:
    """Return what a reader meets that is in no catalogue, and neither a name nor *known*."""
    page = BeautifulSoup(str(html), "html.parser")
    for each in page.select(NO_WORDS):
        each.decompose()
    texts = [*page.stripped_strings]
    for element in page.find_all(True):
        assert isinstance(element, Tag)
        texts += [str(element[name]) for name in ATTRIBUTES if element.get(name)]
    found = []
    for text in texts:
        rest = text
        for each in sorted(known, key=len, reverse=True):
            rest = rest.replace(each, "")
        if [word for word in WORD.findall(rest) if word not in NAMES]:
            found.append(text)
    return found
