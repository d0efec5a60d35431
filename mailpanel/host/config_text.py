"""main.cf and master.cf as text: logical lines found, replaced and removed to the byte.

Both files follow the same rule (postconf(5), master(5)): a line that starts with
a blank continues the one before; empty lines and lines whose first character
that is no blank is ``#`` are skipped, also in the midst of a logical line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

__all__ = ["ConfigText", "main_cf_key", "master_cf_key", "table_entries", "value_of"]

# What isspace(3) calls a blank, in ASCII alone; str.strip would take Unicode's as well.
BLANKS = " \t\n\v\f\r"
_PARAMETER = re.compile(r"([^ \t\n\v\f\r=]+)[ \t\n\v\f\r]*=")
_FIELD = re.compile(r"[^ \t\n\v\f\r]+")
_BETWEEN = re.compile(r"[ \t\n\v\f\r]+")


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


def table_entries(text: str) -> dict[str, str]:
    """Return the entries of a lookup table's source *text*, by their keys (postmap(1)).

    Somebody may have edited it: of a doubled key the first counts, as with postmap, and what
    is no entry is left out.
    """
    entries: dict[str, str] = {}
    for raw in ConfigText(text, main_cf_key).lines():
        whole = " ".join(line.strip(BLANKS) for line in raw.split("\n") if not _skipped(line))
        key, *rest = _BETWEEN.split(whole, maxsplit=1)
        if rest:
            entries.setdefault(key, rest[0])
    return entries


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
        found = self.all(key)
        return found[-1] if found else None

    def all(self, key: str) -> list[str]:
        """Return every logical line with *key*, with its line ends, in their order."""
        return [self.text[slice(*span)] for span in self._with_key(key)]

    def put(self, key: str, raw: str) -> None:
        """Replace every logical line with *key* by *raw*, or append it.

        Postfix warns of two lines that differ, so as ``postconf -e`` does it is all of them.
        """
        spans = self._with_key(key)
        self._replace(spans, [raw] * len(spans))
        if not spans:
            self.text += raw

    def put_last(self, key: str, raw: str) -> None:
        """Replace the last logical line with *key* by *raw*, or append it."""
        spans = self._with_key(key)[-1:] or [(len(self.text), len(self.text))]
        self._replace(spans, [raw])

    def remove(self, key: str) -> None:
        """Remove every logical line with *key*."""
        self.put(key, "")

    def restore(self, key: str, written: str, before: Sequence[str]) -> bool:
        """Replace the lines with *key* that are *written* to the byte by those of *before*, in
        their order; say whether there is one.

        Where there are more of them than in *before* the first ones go; where there are
        fewer, the first of *before* are left out, unless another line counts after all.
        """
        spans = self._with_key(key)
        ours = [span for span in spans if self.text[slice(*span)] == written]
        extra = len(ours) - len(before)
        if extra >= 0:
            lines = [""] * extra + list(before)
        else:
            lines = list(before)[-extra:] if ours[-1:] == spans[-1:] else list(before)
        self._replace(ours, lines[: len(ours)])
        return bool(ours)

    def names(self) -> list[str]:
        """Return the keys of all logical lines, in their order."""
        return [key for key in map(self._key, self.lines()) if key is not None]

    def lines(self) -> Iterator[str]:
        """Yield all logical lines, with their line ends, in their order."""
        return (self.text[slice(*span)] for span in self._spans())

    def _with_key(self, key: str) -> list[tuple[int, int]]:
        return [span for span in self._spans() if self._key(self.text[slice(*span)]) == key]

    def _replace(self, spans: Sequence[tuple[int, int]], lines: Sequence[str]) -> None:
        for (start, end), line in reversed(list(zip(spans, lines, strict=True))):
            self.text = self.text[:start] + line + self.text[end:]

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
