"""Numbers and what daemons say, fit to be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailpanel.host.words import counted, own_words, size


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1049, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (53_098_808, "53.1 MB"),
        (2_500_000_000, "2.5 GB"),
        (10**16, "10000.0 TB"),
    ],
)
def test_a_size_has_a_unit_that_suits_it(number: int, words: str) -> None:
    assert size(number) == words


def test_one_is_one_and_the_rest_are_many() -> None:
    assert [counted(number, "day") for number in (0, 1, 1204)] == ["0 days", "1 day", "1,204 days"]
    assert counted(2, "mailbox", "mailboxes") == "2 mailboxes"


@given(st.text(max_size=300))
def test_a_daemons_words_are_one_line_that_a_terminal_can_show(text: str) -> None:
    """Whatever it quotes: no line of its own in a log, and no escape sequence."""
    said = own_words(f"postconf: fatal: {text}")
    assert said.isprintable()
    assert 1 <= len(said) <= 200
