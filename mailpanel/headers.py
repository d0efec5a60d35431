"""What a client asks for beside the body: If-Match, Prefer, and the query."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from mailpanel.errors import FieldError
from mailpanel.services.changes import IfMatch

__all__ = [
    "LONGEST_WAIT",
    "NOT_SET",
    "Query",
    "asks_for_message",
    "change_query",
    "etag",
    "if_match",
    "preferred_wait",
]

LONGEST_WAIT = 60
NOT_SET = IfMatch(any=False, revisions=frozenset(), unset=True)
"""The condition that a setting is not set (RFC 9110, 13.1.2: ``If-None-Match: *``)."""
LONGEST_NAME = 40

# RFC 9110, 8.8.3 and 13.1.1; the group is empty for a strong entity tag.
_ETAG = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
_ELEMENT = rf"[ \t]*(?:{_ETAG}[ \t]*)?"
_ETAGS = re.compile(rf"{_ELEMENT}(?:,{_ELEMENT})*")

# RFC 7240, section 2; a quoted string that is never closed reaches to the end,
# which keeps both linear.
_PREFERENCE = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*+"?)++')
_WAIT = re.compile(r'\s*wait\s*=\s*("?)([0-9]+)\1\s*(?:;.*)?', re.IGNORECASE | re.DOTALL)


def etag(revision: int) -> str:
    """Return the entity tag that names *revision*."""
    return f'"{revision}"'


def if_match(header: str | None) -> IfMatch | None:
    """Return which revisions *header* allows; ``None`` where there is no such header.

    A weak tag never matches (RFC 9110, 13.1.1), and a malformed header names none:
    who sends a condition that cannot be read must not have it ignored.
    """
    if header is None:
        return None
    if header.strip() == "*":
        return IfMatch(any=True, revisions=frozenset())
    tags = re.findall(_ETAG, header) if _ETAGS.fullmatch(header) else []
    return IfMatch(any=False, revisions=frozenset(tag for weak, tag in tags if not weak))


def preferred_wait(header: str | None) -> int | None:
    """Return for how many seconds, at most 60, ``Prefer: wait=N`` asks to wait.

    What cannot be read is no preference, as RFC 7240 has it.
    """
    for preference in _PREFERENCE.findall(header or ""):
        match = _WAIT.fullmatch(preference)
        if match:
            # Three digits tell whether it is above the cap; int() bounds its input itself.
            digits = match[2].lstrip("0")
            return LONGEST_WAIT if len(digits) > 2 else min(LONGEST_WAIT, int(digits or "0"))
    return None


@dataclass(frozen=True, slots=True)
class Query:
    """What the query says of a change: whether the value is tried first, whether it is only
    shown what would change, and what is wrong with the query."""

    probe: bool
    dry_run: bool
    errors: list[FieldError]


def change_query(query_string: str) -> Query:
    """Return what *query_string* says: ``?probe=no`` skips the probe, ``?dry_run=1`` saves nothing.

    Any other word is wrong, and any other parameter: what was meant as a dry run would
    else be saved.
    """
    query = parse_qs(query_string, keep_blank_values=True)
    errors = []
    dry_runs = query.get("dry_run", ["0"])
    if dry_runs not in (["0"], ["1"]):
        errors.append(FieldError("dry_run", "This must be 1, once."))
    # A mistyped dry run would be saved.
    errors += [
        FieldError(_shown(name), "There is no such parameter; leave it out.")
        for name in sorted(query.keys() - {"dry_run", "probe"})
    ]
    words = query.get("probe", ["yes"])
    if words not in (["yes"], ["no"]):
        errors.append(FieldError("probe", "This must be yes or no, once."))
    return Query(words == ["yes"], dry_runs == ["1"], errors)


def asks_for_message(query_string: str) -> tuple[bool, list[FieldError]]:
    """Return whether a test is to send a message (``?message=1``), and what is wrong with it."""
    query = parse_qs(query_string, keep_blank_values=True)
    errors = [
        FieldError(_shown(name), "There is no such parameter; leave it out.")
        for name in sorted(query.keys() - {"message"})
    ]
    words = query.get("message", ["0"])
    if words not in (["0"], ["1"]):
        errors.append(FieldError("message", "This must be 1, once."))
    return words == ["1"], errors


def _shown(name: str) -> str:
    printable = "".join(char if char.isprintable() else "?" for char in name)
    return printable if len(printable) <= LONGEST_NAME else printable[: LONGEST_NAME - 1] + "…"
