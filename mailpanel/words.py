"""Sentences in English that a page can say in another language.

Each is a text like any other, and reads in English: so the API, the commands, the logs and
the database have it without knowing of languages. It remembers how it was made, and
:meth:`Words.said` makes it anew in the reader's. Why it is built so:
docs/decisions/0013-languages.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol, Self

__all__ = [
    "PLACE",
    "Language",
    "Words",
    "_",
    "counted",
    "filled",
    "grouped",
    "joined",
    "sentences",
    "with_places",
]

PLACE = re.compile(r"\$\{([a-z_]+)\}")


class Language(Protocol):
    """What translates; *thousands* stands between the digits of a large number."""

    thousands: str

    def one(self, message: str) -> str:
        """Return *message* in the language, its places still empty."""

    def counted(self, one: str, more: str, count: int) -> str:
        """Return the form of the message that fits *count*."""


class Words(str):
    """A text that is said in English where it is used as one."""

    __slots__ = ()

    def __str__(self) -> Self:
        # Or str() of an error would forget how its sentence was made.
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        # Nothing of it changes, and dataclasses.asdict() copies what it does not know.
        return self

    def said(self, language: Language) -> str:
        """Return the text in *language*."""
        raise NotImplementedError


class _Message(Words):
    """A message of the catalogue with what stands in its places."""

    __slots__ = ("_mapping", "_message")
    _message: str
    _mapping: dict[str, Any]

    def __new__(cls, message: str, mapping: dict[str, Any]) -> Self:
        made = super().__new__(cls, filled(message, mapping))
        made._message, made._mapping = message, mapping
        return made

    def said(self, language: Language) -> str:
        return filled(language.one(self._message), _said(self._mapping, language))


class _Counted(Words):
    """The same of a message that has other words for one than for more."""

    __slots__ = ("_count", "_mapping", "_more", "_one")
    _one: str
    _more: str
    _count: int
    _mapping: dict[str, Any]

    def __new__(cls, one: str, more: str, count: int, mapping: dict[str, Any]) -> Self:
        mapping = {"count": grouped(count), **mapping}
        made = super().__new__(cls, filled(one if count == 1 else more, mapping))
        made._one, made._more, made._count, made._mapping = one, more, count, mapping
        return made

    def said(self, language: Language) -> str:
        message = language.counted(self._one, self._more, self._count)
        return filled(message, _said(self._mapping, language))


class _Joined(Words):
    """Texts one after the other, each in words of its own."""

    __slots__ = ("_between", "_parts")
    _between: str
    _parts: tuple[str, ...]

    def __new__(cls, between: str, parts: tuple[str, ...]) -> Self:
        made = super().__new__(cls, between.join(parts))
        made._between, made._parts = between, parts
        return made

    def said(self, language: Language) -> str:
        return self._between.join(str(_in(each, language)) for each in self._parts)


class _Grouped(Words):
    """A number that is read by its thousands."""

    __slots__ = ()

    def said(self, language: Language) -> str:
        whole, point, rest = self.partition(".")
        point = language.one(_ONE_AND_A_HALF)[1] if point else ""
        return f"{whole.replace(',', language.thousands)}{point}{rest}"


def _(message: str, /, **mapping: Any) -> Words:
    """Return *message*, of which each ``${place}`` holds what *mapping* has for it."""
    return _Message(message, mapping)


def with_places(message: Words, /, **mapping: Any) -> Words:
    """Return *message* of a table, with what *mapping* has for its places."""
    return _Message(message, mapping)


def counted(one: str, more: str, count: int, /, **mapping: Any) -> Words:
    """Return *one* or *more* by *count*, which stands in ``${count}``."""
    return _Counted(one, more, count, mapping)


def joined(between: str, parts: Iterable[str]) -> str:
    """Return *parts* with *between* between them; what has no words of ours is a plain text."""
    parts = tuple(parts)
    ours = any(isinstance(each, Words) for each in parts)
    return _Joined(between, parts) if ours else between.join(parts)


def sentences(*parts: str | None) -> str:
    """Return those of *parts* that say something, one after the other."""
    return joined(" ", filter(None, parts))


def grouped(number: float, digits: int = 0) -> Words:
    """Return *number* with its thousands apart, and so many *digits* behind the point."""
    return _Grouped(f"{number:,.{digits}f}")


def filled(message: str, mapping: dict[str, Any]) -> str:
    """Return *message* with what *mapping* has for its places; others stay as they are."""
    return PLACE.sub(lambda found: f"{mapping.get(found[1], found[0])}", message)


def _said(mapping: dict[str, Any], language: Language) -> dict[str, Any]:
    return {name: _in(each, language) for name, each in mapping.items()}


def _in(value: Any, language: Language) -> Any:
    return value.said(language) if isinstance(value, Words) else value


# What a catalogue says of the decimal point.
_ONE_AND_A_HALF = _("1.5")
