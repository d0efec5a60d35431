"""What a plan wants Dovecot to say, and where the administrator's own lines say otherwise."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from mailpanel.host.doveconf import Key
from mailpanel.plan import DovecotSays, Plan

__all__ = ["overriding", "said_of"]

MOST_NAMED = 3


def said_of(plan: Plan) -> list[tuple[Key, str]]:
    """Return the keys with their values that Dovecot's configuration says with *plan*."""
    checks = (each for each in plan.checks if isinstance(each, DovecotSays))
    return [pair for check in checks for pair in check.values]


def overriding(key: Key, directory: Path, own: Collection[Path]) -> str:
    """Return in a sentence that a line in *directory* beside *own* files sets *key* too."""
    files = list(_setting(key[-1], directory, own))
    look = f" Look in {', '.join(files[:MOST_NAMED])}." if files else ""
    return (
        f"Dovecot does not read {' / '.join(key)} as mailpanel wrote it: a line of your own that "
        f"comes later in its configuration sets it too.{look} To put mailpanel's files back "
        "changes nothing of that: remove that line, and reload Dovecot."
    )


def _setting(name: str, directory: Path, own: Collection[Path]) -> Iterator[str]:
    """Yield the files in which a line sets *name*, those that may come last first."""
    line = re.compile(rf"^\s*{re.escape(name)}\s*=".encode(), re.MULTILINE)
    for path in sorted(directory.rglob("*.conf"), reverse=True):
        # One may go at this very moment, or be a link to nowhere.
        with suppress(OSError):
            if path not in own and line.search(path.read_bytes()):
                yield str(path.relative_to(directory))
