"""mailpanel/locale: what the pages say, and all of it in each language."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
LOCALE = ROOT / "mailpanel" / "locale"
CATALOGUES = sorted(LOCALE.glob("*/LC_MESSAGES/mailpanel.po"))
PLACE = re.compile(r"\$\{([^}]*)\}")

each_catalogue = pytest.mark.parametrize(
    "path", CATALOGUES, ids=[path.parts[-3] for path in CATALOGUES]
)


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    """The names of script/translations.py."""
    return runpy.run_path(str(ROOT / "script" / "translations.py"))


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def messages(path: Path) -> Iterator[Message]:
    return (message for message in catalogue(path) if message.id)


def texts(words: Any) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else tuple(words)


def test_they_have_what_the_pages_say_and_are_compiled(script: dict[str, Any]) -> None:
    """`make translations` mends it."""
    stale = [path for path, content in script["files"]() if path.read_bytes() != content]
    assert stale == []


def test_german_is_among_them() -> None:
    """Or the tests below would look at nothing."""
    assert "de" in [path.parts[-3] for path in CATALOGUES]


@each_catalogue
def test_a_catalogue_is_complete(path: Path) -> None:
    """Nothing is left in English, and nothing is a guess."""
    lacking = [
        message.id
        for message in messages(path)
        if message.fuzzy or not all(texts(message.string)) or not message.string
    ]
    assert lacking == []


@each_catalogue
def test_the_places_are_the_messages_own(path: Path) -> None:
    """Each text has all that its message has; where there is one, it may be left unsaid."""
    for message in messages(path):
        wanted = {frozenset(PLACE.findall(each)) for each in texts(message.id)}
        for text in texts(message.string):
            assert frozenset(PLACE.findall(text)) in wanted, message.id


@each_catalogue
def test_a_text_holds_no_markup(path: Path) -> None:
    """What a template says goes into the page as it is."""
    assert [each.id for each in messages(path) if re.search("[<>&]", str(each.string))] == []


def test_a_message_with_an_element_that_has_no_name_is_refused(
    script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its markup would be the translators'."""
    template = ROOT / "mailpanel" / "templates" / "x.pt"
    reader = script["_Template"]
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: '<p i18n:translate="">a <b>b</b></p>')
    with pytest.raises(ValueError, match="no i18n:name"):
        reader(template)
