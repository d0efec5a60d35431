"""docs/security.md speaks of every requirement once, and of places that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
# OWASP ASVS 5.0.0, levels 1 and 2: how many requirements each section has, numbered from 1 on.
SECTIONS = """
1.1:2 1.2:9 1.3:11 1.4:3 1.5:2  2.1:3 2.2:3 2.3:4 2.4:1  3.2:2 3.3:4 3.4:6 3.5:5 3.7:2
4.1:3 4.2:1 4.3:2 4.4:4  5.1:1 5.2:3 5.3:2 5.4:3  6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4
7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2  8.1:2 8.2:3 8.3:1 8.4:1  9.1:3 9.2:4
10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3  11.1:2 11.2:3 11.3:3 11.4:4 11.5:1 11.6:1
12.1:3 12.2:2 12.3:4  13.1:1 13.2:5 13.3:2 13.4:5  14.1:2 14.2:4 14.3:3  15.1:3 15.2:3 15.3:7
16.1:1 16.2:5 16.3:4 16.4:3 16.5:3  17.1:1 17.2:4 17.3:2
"""


def test_every_requirement_stands_in_it_once() -> None:
    """And no other."""
    sections = [each.split(":") for each in SECTIONS.split()]
    wanted = [f"V{name}.{each + 1}" for name, count in sections for each in range(int(count))]
    assert len(wanted) == 253
    assert sorted(re.findall(r"\bV[0-9]+\.[0-9]+\.[0-9]+\b", DOCUMENT)) == sorted(wanted)


def test_every_row_says_how_and_by_what_it_is_shown() -> None:
    """Each of those that apply has a place that is there."""
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| V")]
    for row in rows:
        _, name, how, shown, _ = row.split("|")
        assert how.strip(), name
        assert re.search(r"`[^`]+`", shown), name


def test_every_place_that_it_names_is_there() -> None:
    """Files move; what shows a requirement is to be found."""
    named = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.\w+|Makefile|pyproject\.toml)`", DOCUMENT))
    assert len(named) > 80
    # Of the state directory, not of this repository.
    named -= {"keys/seal.key", "keys/web.key"}
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
