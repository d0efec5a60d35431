"""What would change in a file, with every secret in it masked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from mailpanel.reports import FileDiff

__all__ = ["MASK", "file_diff", "masked_main_cf", "masked_msmtprc", "masked_table", "masked_users"]

MASK = "********"
# A table whose entries stand in main.cf itself, any of which may be a password
# (postconf(5), DATABASE_README); and a logical line with all that continues it.
_INLINE = re.compile(r"\b(?:static|inline|randmap|pipemap|unionmap|regexp|pcre|cidr):(?!/)")
_LOGICAL = re.compile(r"^[^\s#=][^=\n]*=[^\n]*\n?(?:[ \t#][^\n]*\n?)*", re.MULTILINE)
_ENTRY = re.compile(r"^(\S+ [^:\n]*:).*$", re.MULTILINE)
_USER = re.compile(r"^([^:\n]*:)[^:\n]*", re.MULTILINE)
_PASSWORD = re.compile(r"^(password ).*$", re.MULTILINE)


def masked_main_cf(text: str) -> str:
    """Return main.cf's *text* without the entries of tables that stand in it."""
    return _LOGICAL.sub(_without_entries, text)


def _without_entries(match: re.Match[str]) -> str:
    line = match[0]
    return f"{line.partition('=')[0]}= {MASK}\n" if _INLINE.search(line) else line


def masked_table(text: str) -> str:
    """Return a lookup table's *text* without the passwords behind ``user:``."""
    return _ENTRY.sub(rf"\1{MASK}", text)


def masked_users(text: str) -> str:
    """Return a passwd-file's *text* without the hashes."""
    return _USER.sub(rf"\1{MASK}", text)


def masked_msmtprc(text: str) -> str:
    """Return msmtprc's *text* without the password."""
    return _PASSWORD.sub(rf"\1{MASK}", text)


def file_diff(path: str, old: str, new: str, masked: Callable[[str], str]) -> FileDiff | None:
    """Return what changes from *old* to *new* in the file *path*; ``None`` for nothing.

    Without lines around it: they would be the admin's own. Where a secret alone changes
    the diff says so.
    """
    if old == new:
        return None
    # A last line that only gets its line end is the admin's own, and no change.
    texts = [
        masked(text if text.endswith("\n") or not text else f"{text}\n") for text in (old, new)
    ]
    before, after = (text.splitlines(keepends=True) for text in texts)
    text = "".join(difflib.unified_diff(before, after, path, path, n=0))
    return FileDiff(path, text or f"--- {path}\n+++ {path}\n A secret in it changes.\n")
