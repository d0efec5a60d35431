"""What would change in a file, with every secret in it masked.

Also one that somebody has written into it since: in any of the ways that the file's own
reader takes, or has commented out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from mailpanel.reports import FileDiff

__all__ = [
    "MASK",
    "file_diff",
    "masked_main_cf",
    "masked_master_cf",
    "masked_options",
    "masked_table",
    "masked_users",
]

MASK = "********"
# A table whose entries stand in main.cf itself, any of which may be a password
# (postconf(5), DATABASE_README); and a logical line with all that continues it.
_INLINE = re.compile(r"\b(?:static|inline|randmap|pipemap|unionmap|regexp|pcre|cidr):(?!/)")
_LOGICAL = re.compile(r"^[^\s#=][^=\n]*=[^\n]*\n?(?:[ \t#][^\n]*\n?)*", re.MULTILINE)
_SERVICE = re.compile(r"^([^\s#]+)[^\n]*\n?(?:[ \t#][^\n]*\n?)*", re.MULTILINE)
# A key, the account behind it; what continues a line, or is no entry, may be any of that.
# What stands behind a key without a colon may be an account too, mistyped, unless it is a policy.
_ENTRY = re.compile(
    r"^(\S+[^\S\n][^:\n]*:).*$|^(?:[^\S\n]+\S.*|\S+)$|"
    r"^(?!#)(\S++[^\S\n]++)(?!(?:none|may|encrypt|dane|fingerprint|verify|secure)\b)[^:\n]+$",
    re.MULTILINE,
)
_USER = re.compile(r"^([^:\n]*:)[^:\n]*", re.MULTILINE)
# Of msmtp and of Dovecot, whose own ones end so, such as doveadm_password.
_OPTION = re.compile(
    r"^([ \t#]*(?:args[ \t]*=(?:.*?[ \t])?)?"
    r"(?:[A-Za-z0-9_]*password|passwordeval|eval|[A-Za-z0-9_]*secret)\b"
    r"(?:[ \t]*=)?[ \t]*).*$",
    re.MULTILINE,
)
# Of one file, in characters: whoever replaces a file by a large one is not to fill the database.
LONGEST = 10_000


def masked_main_cf(text: str) -> str:
    """Return main.cf's *text* without the entries of tables that stand in it."""
    return _LOGICAL.sub(_without_entries, text)


def _without_entries(match: re.Match[str]) -> str:
    line = match[0]
    return f"{line.partition('=')[0]}= {MASK}\n" if _INLINE.search(line) else line


def masked_master_cf(text: str) -> str:
    """Return master.cf's *text* without the services whose options have such entries."""
    return _SERVICE.sub(_without_options, text)


def _without_options(match: re.Match[str]) -> str:
    return f"{match[1]} {MASK}\n" if _INLINE.search(match[0]) else match[0]


def masked_table(text: str) -> str:
    """Return a lookup table's *text* without the passwords behind ``user:``."""
    return _ENTRY.sub(lambda match: f"{match[1] or match[2] or ''}{MASK}", text)


def masked_users(text: str) -> str:
    """Return a passwd-file's *text* without the hashes."""
    return _USER.sub(rf"\1{MASK}", text)


def masked_options(text: str) -> str:
    """Return the *text* of msmtprc, or of a file of Dovecot's, without the passwords."""
    return _OPTION.sub(rf"\1{MASK}", text)


def file_diff(path: str, old: str, new: str, masked: Callable[[str], str]) -> FileDiff | None:
    """Return what changes from *old* to *new* in the file *path*; ``None`` for nothing.

    Without lines around it: they would be the admin's own. Where a secret alone changes
    the diff says so, and where it is very long it is cut. What cannot be shown is replaced.
    """
    if old == new:
        return None
    # A last line that only gets its line end is the admin's own, and no change.
    texts = [
        masked(text if text.endswith("\n") or not text else f"{text}\n") for text in (old, new)
    ]
    before, after = (text.splitlines(keepends=True) for text in texts)
    text = "".join(difflib.unified_diff(before, after, path, path, n=0))
    text = text or f"--- {path}\n+++ {path}\n A secret in it changes.\n"
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}\n … and {len(text) - LONGEST:,} characters more.\n"
    return FileDiff(path, "".join(map(_shown, text)))


def _shown(char: str) -> str:
    # Bytes that are no UTF-8 among it, which no page can have.
    return char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}"
