"""What doveconf(1) prints, as data: pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

__all__ = ["Doveconf", "Key", "seconds"]

Key = tuple[str, ...]

# In any case and cut as one likes: "5 D" and "5 da" are five days too (lib/str-parse.c).
_UNITS = {
    "secs": 1,
    "seconds": 1,
    "mins": 60,
    "minutes": 60,
    "msecs": 0.001,
    "mseconds": 0.001,
    "millisecs": 0.001,
    "milliseconds": 0.001,
    "hours": 3600,
    "days": 86400,
    "weeks": 604800,
}
# What doveconf puts before each line for each block around it.
INDENT = "  "
_TIME = re.compile(r"([0-9]+) *([A-Za-z]+)")
_OPENS = re.compile(r"(.+) \{")


def seconds(value: str) -> float | None:
    """Return the span of time that *value* is in a configuration, ``None`` where it is none.

    "7d", "1 weeks" and "604800 secs" are the same to Dovecot; a bare ``0`` is one too.
    """
    if value == "0":
        return 0.0
    match = _TIME.fullmatch(value)
    word = match[2].lower() if match else "?"
    unit = next((each for name, each in _UNITS.items() if name.startswith(word)), None)
    return None if match is None or unit is None else int(match[1]) * unit


class Doveconf:
    """The output of doveconf: pairs of a key and a value.

    A key is the headers of the blocks around a parameter and its own name, all without
    quotes; blocks that bear no name of their own, such as several ``passdb``, share keys.
    """

    def __init__(self, text: str) -> None:
        self._pairs = Counter(_pairs(text))

    def says(self, key: Key, value: str) -> bool:
        """Say whether *key* has *value*, or, for a span of time, one as long; 0 may be missing."""
        found = self.values(key)
        if seconds(value) is None:
            return value in found
        return seconds(value) in ([seconds(each) for each in found] or [0.0])

    def values(self, key: Key) -> list[str]:
        """Return all values of *key*; blocks without a name of their own share it."""
        return [value for known, value in self._pairs if known == key]

    def top(self) -> Mapping[str, str]:
        """Return the parameters outside of all blocks."""
        return {key[0]: value for key, value in self._pairs if len(key) == 1}

    def switched_on(self, block: str) -> list[str]:
        """Return what is ``yes`` in *block*, as 2.4 has a list of names."""
        pairs = self._pairs.keys()
        return [key[1] for key, value in pairs if key[:1] == (block,) and value == "yes"]

    def named(self, word: str) -> dict[Key, str]:
        """Return all parameters with *word* in their name, by their keys."""
        return {key: value for key, value in self._pairs if word in key[-1]}

    def blocks(self, kind: str, within: Key = ()) -> dict[str, dict[str, str]]:
        """Return the blocks ``kind NAME`` that stand directly in *within*: name to parameters."""
        found: dict[str, dict[str, str]] = {}
        depth = len(within)
        for key, value in self._pairs:
            if len(key) <= depth or key[:depth] != within:
                continue
            word, _, name = key[depth].partition(" ")
            if word == kind and name:
                block = found.setdefault(name, {})
                if len(key) == depth + 2:
                    block[key[-1]] = value
        return found

    def differences(self, before: Doveconf) -> tuple[dict[Key, str], set[Key]]:
        """Return what is here beyond *before*, and the keys of what was there and is not here."""
        added = self._pairs - before._pairs
        removed = before._pairs - self._pairs
        return dict(added.keys()), {key for key, _ in removed}


def _pairs(text: str) -> Iterator[tuple[Key, str]]:
    blocks: list[str] = []
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    for raw, following in zip(lines, [*lines, ""][1:], strict=True):
        line, depth = raw.strip(" "), _depth(raw)
        # What a value or a name consists of tells nothing: a folder may be called "a = b", or }.
        del blocks[depth:]
        opens = _OPENS.fullmatch(line)
        if opens and (_depth(following) > depth or following == f"{INDENT * depth}}}"):
            kind, _, name = opens[1].partition(" ")
            blocks.append(f"{kind} {_unquoted(name)}" if name else kind)
            # An empty block says something too.
            yield tuple(blocks), ""
        elif line != "}":
            name, _, value = line.partition("=")
            yield (*blocks, name.strip()), _unquoted(value.strip())


def _depth(line: str) -> int:
    return (len(line) - len(line.lstrip(" "))) // len(INDENT)


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
