"""Sentences that read in English and can be said in another language."""

from __future__ import annotations

import json
from dataclasses import asdict

from mailpanel.errors import Conflict, FieldError, InvalidFields
from mailpanel.words import Words, _, counted, grouped, joined, sentences


class Shouting:
    """A language of capitals."""

    thousands = " "

    def one(self, message: str) -> str:
        return {"1.5": "1,5", "${a} and ${b}": "${b} AND ${a}"}.get(message, message.upper())

    def counted(self, one: str, more: str, count: int) -> str:
        return f"{count} THINGS" if count != 2 else "A PAIR OF ${it}"


def said(text: str) -> str:
    assert isinstance(text, Words)
    return text.said(Shouting())


def test_it_is_a_text_in_english() -> None:
    """For whoever knows of no language."""
    text = _("${a} and ${b}", a=1, b="x")
    assert text == "1 and x"
    assert json.dumps({"x": text}) == '{"x": "1 and x"}'
    assert f"{text}." == "1 and x."
    assert asdict(FieldError("x", text))["detail"] is text


def test_its_places_go_where_the_language_has_them() -> None:
    """With what is in words there said in the language too."""
    assert said(_("${a} and ${b}", a=_("yes"), b=grouped(1_234_567))) == "1 234 567 AND YES"


def test_what_stands_in_a_place_is_no_message() -> None:
    """Whatever somebody is called."""
    text = _("${a} and ${b}", a="${b}", b="${a}")
    assert text == "${b} and ${a}"
    assert said(text) == "${a} AND ${b}"


def test_the_language_knows_its_plurals() -> None:
    """English has two of them."""
    texts = [counted("one ${it}", "${count} ${it}", count, it="x") for count in (1, 2, 3000)]
    assert texts == ["one x", "2 x", "3,000 x"]
    assert [said(text) for text in texts] == ["1 THINGS", "A PAIR OF x", "3000 THINGS"]


def test_a_large_number_is_read_as_the_language_writes_it() -> None:
    """Its point, too."""
    assert grouped(1234.56, 1) == "1,234.6"
    assert said(grouped(1234.56, 1)) == "1 234,6"


def test_sentences_are_said_one_by_one() -> None:
    """What is nobody's message stays as it is; where that is all, it is a plain text."""
    assert said(sentences(_("yes"), None, "", "As the host said.")) == "YES As the host said."
    assert type(joined(", ", ["a", "b"])) is str


def test_an_error_keeps_its_words() -> None:
    """str() of it is what a page says."""
    assert said(str(Conflict(_("no")))) == "NO"
    errors = [FieldError("a", _("yes")), FieldError("b", _("no"))]
    assert said(str(InvalidFields(errors))) == "a: YES b: NO"
    assert str(InvalidFields(errors)) == "a: yes b: no"
