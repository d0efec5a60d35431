"""main.cf and master.cf as text: logical lines found, replaced and removed to the byte.

Both files follow the same rule (postconf(5), master(5)): a line that starts with
a blank continues the one before; empty lines and lines whose first character
that is no blank is ``#`` are skipped, also in the midst of a logical line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

__all__ = ["ConfigText", "main_cf_key", "master_cf_key", "value_of"]

# What isspace(3) calls a blank, in ASCII alone; str.strip would take Unicode's as well.
BLANKS = " \t\n\v\f\r"
_PARAMETER = re.compile(r"([^ \t\n\v\f\r=]+)[ \t\n\v\f\r]*=")
_FIELD = re.compile(r"[^ \t\n\v\f\r]+")


def main_cf_key(raw: str) -> str | None:
    """Return the name of the parameter that the logical line *raw* sets, or ``None``."""
    match = _PARAMETER.match(raw)
    return match[1] if match else None


def master_cf_key(raw: str) -> str | None:
    """Return ``name/type`` of the service that the logical line *raw* describes."""
    fields = _FIELD.findall(raw)
    return "/".join(fields[:2]) if len(fields) > 1 else None


def value_of(raw: str) -> str:
    """Return the value of a parameter's logical line *raw*, on one line."""
    lines = [line for line in raw.split("\n") if not _skipped(line)]
    _, _, value = " ".join(line.strip(BLANKS) for line in lines).partition("=")
    return value.strip(BLANKS)


def _skipped(line: str) -> bool:
    stripped = line.strip(BLANKS)
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

    def swap(self, old: str, new: str) -> bool:
        """Replace the last logical line that is *old* to the byte; say whether there is one."""
        spans = [span for span in self._spans() if self.text[slice(*span)] == old]
        if spans:
            start, end = spans[-1]
            self.text = self.text[:start] + new + self.text[end:]
        return bool(spans)

    def names(self) -> list[str]:
        """Return the keys of all logical lines, in their order."""
        keys = (self._key(self.text[slice(*span)]) for span in self._spans())
        return [key for key in keys if key is not None]

    def _find(self, key: str) -> tuple[int, int] | None:
        spans = [span for span in self._spans() if self._key(self.text[slice(*span)]) == key]
        return spans[-1] if spans else None

    def _spans(self) -> Iterator[tuple[int, int]]:
        start: int | None = None
        end = position = 0
        # Not str.splitlines: Postfix ends a line at \n alone.
        for line in re.findall(r"[^\n]*\n", self.text):
            if not _skipped(line):
                if start is not None and line[0] not in BLANKS:
                    yield start, end
                    start = None
                start = position if start is None else start
                end = position + len(line)
            position += len(line)
        if start is not None:
            yield start, end
