"""What a host has said of a relay is found again, whatever the relay put into it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailpanel.heard import LONGEST, heard
from mailpanel.relay_words import FAILURES, LEFT_WAITING, OTHERS, PORTS, REMARKS, remark, say
from mailpanel.words import PLACE, Words, filled

VALUES = {"hostname": "relay.test", "port": 587, "said": "535 5.7.8 no (twice). Really"}
EVERY = [*FAILURES.values(), *REMARKS.values(), *OTHERS]


class Shouted:
    """A language that says all that is ours in capitals, and leaves the places."""

    thousands = "."

    def one(self, message: str) -> str:
        parts = PLACE.split(message)
        parts[::2] = [each.upper() for each in parts[::2]]
        parts[1::2] = [f"${{{each}}}" for each in parts[1::2]]
        return "".join(parts)

    def counted(self, one: str, more: str, count: int) -> str:
        return self.one(one if count == 1 else more)


def spoken(message: str, **places: object) -> str:
    """Return *message* as a host sends it: a text that has forgotten how it was made."""
    names = PLACE.findall(message)
    values = {name: VALUES.get(name, f"the {name}") for name in names} | places
    return "".join(filled(message, values | {"ports": PORTS}))


@pytest.mark.parametrize("message", EVERY)
def test_every_sentence_is_known_again(message: Words) -> None:
    text = spoken(message)
    found = heard(text)
    assert isinstance(found, Words)
    assert found == text
    said = found.said(Shouted())
    for each in PLACE.split(message)[::2]:
        assert each.upper() in said
    if "${said}" in message:
        assert str(VALUES["said"]) in said


def test_a_sentence_after_another_is_known_too() -> None:
    text = f"{spoken(FAILURES['password'])} {spoken(LEFT_WAITING)}"
    found = heard(text)
    assert found == text
    assert found.endswith(LEFT_WAITING)
    assert isinstance(found, Words)
    assert found.said(Shouted()).endswith(LEFT_WAITING.upper())


@pytest.mark.parametrize("text", ["", "Nobody knows this.", "The relay wants", "x" * 5_000])
def test_what_is_not_known_stays_as_it_is(text: str) -> None:
    found = heard(text)
    assert found == text
    assert not isinstance(found, Words)


def test_nothing_is_nothing() -> None:
    assert heard(None) is None


@given(st.sampled_from(EVERY), st.text(max_size=LONGEST))
def test_no_reply_changes_what_is_read(message: Words, reply: str) -> None:
    """A relay may reply with a sentence of ours, or half of one, or a place."""
    text = spoken(message, said=reply, offered=reply, hostname=reply)
    assert heard(text) == text


@pytest.mark.timeout(10)
@pytest.mark.parametrize("key", FAILURES)
def test_a_reply_made_to_be_slow_is_read_at_once(key: str) -> None:
    pieces = re.split(r"\$\{[a-z]+\}", FAILURES[key])
    longest = max(pieces[1:-1] or pieces, key=len) or "x"
    text = (FAILURES[key][:20] + longest * LONGEST)[:LONGEST]
    assert heard(text) == text


def test_a_failure_is_told_with_all_its_places_filled() -> None:
    error = say("not_smtp", hostname="relay.test", port=587)
    assert str(error) == (
        "relay.test, port 587, does not speak SMTP; it may want TLS from the start. Check the "
        "port: 465 is for TLS from the start, 587 for STARTTLS."
    )
    assert "${" not in remark("size", limit="1,000", own="2,000")
