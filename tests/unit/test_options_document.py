"""docs/options.md is complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailpanel.deployment import OPTIONS, Option

DOCUMENT = Path(__file__).parents[2] / "docs" / "options.md"


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_stands_in_the_document(option: Option) -> None:
    """With its environment variable and its default, in one row of the table."""
    (row,) = [
        line
        for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{option.name}` |")
    ]
    assert f"`{option.environment}`" in row
    assert not option.default or f"`{option.default}`" in row


def test_the_document_names_no_other_option() -> None:
    rows = [
        line.split("`")[1]
        for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert rows == [option.name for option in OPTIONS]
