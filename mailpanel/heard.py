"""What a mail host has said of a relay, found again among the sentences that it chooses from.

A host reports in English, and so it is stored and told by the API. A page makes what it
knows anew in the reader's language; what the relay itself has said stays as it is.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from typing import overload

from mailpanel.relay_words import FAILURES, OTHERS, PORTS, REMARKS
from mailpanel.words import PLACE, Words, sentences, with_places

__all__ = ["heard"]

# A relay has no more to say in a sentence, and nobody waits for a longer one to be found.
LONGEST = 1_000


@overload
def heard(text: str) -> str: ...
@overload
def heard(text: None) -> None: ...
def heard(text: str | None) -> str | None:
    """Return *text*, what a host has said, in words where it is one of the known sentences."""
    if not text or isinstance(text, Words) or len(text) > LONGEST:
        return text
    for message, pattern in _known():
        if found := pattern.fullmatch(text):
            places = {name: heard(each) for name, each in found.groupdict().items()}
            rest = places.pop(_REST, None)
            return sentences(with_places(message, **places), rest)
    return text


# What follows a sentence, if anything does.
_REST = "and_more"


@cache
def _known() -> list[tuple[Words, re.Pattern[str]]]:
    """Return the sentences, and what finds each; those with the most words of ours first."""
    messages = [*chain(FAILURES.values(), REMARKS.values(), OTHERS), PORTS]
    messages.sort(key=lambda each: len(PLACE.sub("", each)), reverse=True)
    return [(each, _pattern(each)) for each in messages]


def _pattern(message: str) -> re.Pattern[str]:
    parts = PLACE.split(message)
    texts = [re.escape(each) for each in parts[::2]]
    known = {"ports": re.escape(PORTS)}
    places = [f"(?P<{name}>{known.get(name, '.+?')})" for name in parts[1::2]]
    made = "".join(chain.from_iterable(zip(texts, [*places, ""], strict=True)))
    return re.compile(f"{made}(?: (?P<{_REST}>.+))?", re.DOTALL)
