"""The figures of a run for people to read: on the terminal, and in docs/faults.md."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from figures import FIGURES, ROUNDS, SEED

from mailpanel import __version__

__all__ = ["lines", "write"]

VERSIONS = {
    "Postfix": ("postconf", "-dh", "mail_version"),
    "Dovecot": ("dovecot", "--version"),
    "msmtp": ("msmtp", "--version"),
}
BEGIN, END = "<!-- figures -->\n", "<!-- end of the figures -->\n"


def lines() -> Iterator[str]:
    """Yield what was counted."""
    for name, count in sorted(FIGURES.items()):
        yield f"{count:8,}  {name}"


def write(path: Path, passed: int, failed: int) -> None:
    """Put the figures of this run in the place of the last one's in *path*."""
    before, _, rest = path.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}{_table(passed, failed)}{END}{after}")


def _table(passed: int, failed: int) -> str:
    rows = [f"| {count:,} | {name} |" for name, count in sorted(FIGURES.items())]
    return "\n".join(
        [
            f"{time.strftime('%Y-%m-%d')}, mailpanel {__version__}, {', '.join(_versions())}, "
            f"{os.cpu_count()} processors. MAILPANEL_ROUNDS={ROUNDS}, MAILPANEL_SEED={SEED}: "
            f"{passed} tests passed, {failed} failed.",
            "",
            "| count | what |",
            "|---:|---|",
            *rows,
            "",
        ]
    )


def _versions() -> Iterator[str]:
    for name, argv in VERSIONS.items():
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split("\n")[
            0
        ]
        version = next(word for word in said.split() if word[0].isdigit())
        yield f"{name} {version}"
    yield f"Python {platform.python_version()}"
