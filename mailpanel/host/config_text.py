"""main.cf and master.cf as text: logical lines found, replaced and removed to the byte.

Both files follow the same rule (postconf(5), master(5)): a line that starts with
a blank continues the one before; empty lines and lines whose first character
that is no blank is ``#`` are skipped, also in the midst of a logical line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

__all__ = ["ConfigText", "main_cf_key", "master_cf_key", "value_of"]

_PARAMETER = re.compile(r"([^\s=]+)\s*=")


def main_cf_key(raw: str) -> str | None:
    """Return the name of the parameter that the logical line *raw* sets, or ``None``."""
    match = _PARAMETER.match(raw)
    return match[1] if match else None


def master_cf_key(raw: str) -> str | None:
    """Return ``name/type`` of the service that the logical line *raw* describes."""
    fields = raw.split(None, 2)
    return "/".join(fields[:2]) if len(fields) > 1 else None


def value_of(raw: str) -> str:
    """Return the value of a parameter's logical line *raw*, on one line."""
    lines = [line for line in raw.split("\n") if not _skipped(line)]
    _, _, value = " ".join(line.strip() for line in lines).partition("=")
    return value.strip()


def _skipped(line: str) -> bool:
    stripped = line.strip()
    return not stripped or stripped.startswith("#")


class ConfigText:
    """The text of one file, its last line ended; of lines with the same key the last counts."""

    def __init__(self, text: str, key: Callable[[str], str | None]) -> None:
        self.text = text if not text or text.endswith("\n") else text + "\n"
        self._key = key

    def get(self, key: str) -> str | None:
        """Return the last logical line with *key*, with its line ends, or ``None``."""
        found = self._find(key)
        return self.text[slice(*found)] if found else None

    def put(self, key: str, raw: str) -> None:
        """Replace the last logical line with *key* by *raw*, or append it."""
        start, end = self._find(key) or (len(self.text), len(self.text))
        self.text = self.text[:start] + raw + self.text[end:]

    def remove(self, key: str) -> None:
        """Remove the last logical line with *key*, where there is one."""
        start, end = self._find(key) or (0, 0)
        self.text = self.text[:start] + self.text[end:]

    def _find(self, key: str) -> tuple[int, int] | None:
        spans = [span for span in self._spans() if self._key(self.text[slice(*span)]) == key]
        return spans[-1] if spans else None

    def _spans(self) -> Iterator[tuple[int, int]]:
        start: int | None = None
        end = position = 0
        # Not str.splitlines: Postfix ends a line at \n alone.
        for line in re.findall(r"[^\n]*\n", self.text):
            if not _skipped(line):
                if start is not None and not line[0].isspace():
                    yield start, end
                    start = None
                start = position if start is None else start
                end = position + len(line)
            position += len(line)
        if start is not None:
            yield start, end
