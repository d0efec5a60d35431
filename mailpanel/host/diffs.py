"""What would change in a file, with every secret in it masked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from mailpanel.reports import FileDiff

__all__ = ["MASK", "file_diff", "masked_main_cf", "masked_msmtprc", "masked_table", "masked_users"]

MASK = "********"
# What a static: table of the admin's answers may be a password (postconf(5)).
_STATIC = re.compile(r"\bstatic:(?:\{[^}]*\}|[^,\s}]+)")
_ENTRY = re.compile(r"^(\S+ [^:\n]*:).*$", re.MULTILINE)
_USER = re.compile(r"^([^:\n]*:)[^:\n]*", re.MULTILINE)
_PASSWORD = re.compile(r"^(password ).*$", re.MULTILINE)


def masked_main_cf(text: str) -> str:
    """Return main.cf's *text* without what a static table says."""
    return _STATIC.sub(f"static:{MASK}", text)


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
    lines = difflib.unified_diff(
        masked(old).splitlines(keepends=True),
        masked(new).splitlines(keepends=True),
        path,
        path,
        n=0,
    )
    # A last line without a line end would run into the next.
    text = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
    return FileDiff(path, text or f"--- {path}\n+++ {path}\n A secret in it changes.\n")
