"""Find what the pages say, and bring the catalogues up to it: `make translations`.

What is new stands in each catalogue without a translation, what is gone is gone. With
`--check` nothing is written, and what would be is an error.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mailpanel"
LOCALE = PACKAGE / "locale"
POT = LOCALE / "mailpanel.pot"
CALL = re.compile(r"\b(_|counted)\(")
# What the head of a file says by itself, and nobody here.
UNSAID = tuple(
    f'"{name}'
    for name in (
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Project-Id-Version",
        "Report-Msgid-Bugs-To",
        "Last-Translator",
        "Language-Team",
        "Generated-By",
    )
)
HEADER = """\
# The words of mailpanel's pages. What docs/translating.md says of places and plurals
# counts here. `make translations` keeps this file up to date.
#"""


class Message(NamedTuple):
    """A message, with its plural where it has one, and where it is used."""

    one: str
    more: str | None
    place: str


def messages() -> Iterator[Message]:
    """Yield each message of each module and template."""
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "mailpanel.words import" in source or path == PACKAGE / "words.py":
            for node in ast.walk(ast.parse(source)):
                yield from _call(node, str(path.relative_to(ROOT)))
    for path in sorted(PACKAGE.rglob("*.pt")):
        yield from _Template(path).found


def _call(node: ast.AST, place: str) -> Iterator[Message]:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return
    if node.func.id in ("_", "counted"):
        wanted = 1 if node.func.id == "_" else 2
        texts = [ast.literal_eval(each) for each in node.args[:wanted]]
        yield Message(texts[0], texts[1] if wanted > 1 else None, place)


class _Template(HTMLParser):
    """The messages of a template: of its elements, their attributes, and their expressions."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[Message] = []
        self._place = str(path.relative_to(ROOT))
        # Of each open element: its tag, its text where that is a message, its name in one.
        self._open: list[tuple[str, list[str] | None, str | None]] = []
        source = path.read_text(encoding="utf-8")
        self.feed(source)
        self.close()
        for match in CALL.finditer(source):
            self.found += _call(_expression(source[match.start() :]), self._place)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        name = attributes.get("i18n:name")
        text = self._text
        if text is not None:
            if name is None:
                raise ValueError(f"{self._place}: <{tag}> in a message has no i18n:name")
            text.append(f"${{{name}}}")
        for each in (attributes.get("i18n:attributes") or "").replace(" ", "").split(";"):
            if each:
                self._find(attributes[each] or "")
        self._open.append((tag, [] if "i18n:translate" in attributes else None, name))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            opened, text, _ = self._open.pop()
            if text is not None:
                self._find(" ".join("".join(text).split()))
            if opened == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            if "${" in data:
                raise ValueError(f"{self._place}: an expression in a message: {data.strip()}")
            self._text.append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    @property
    def _text(self) -> list[str] | None:
        """Return the text of the message in which the parser is, if it is in one."""
        for _tag, text, name in reversed(self._open):
            if text is not None or name is not None:
                return text
        return None

    def _find(self, text: str) -> None:
        if text:
            self.found.append(Message(text, None, self._place))


def _expression(source: str) -> ast.AST:
    """Return the call that *source* begins with."""
    for end in re.finditer(r"\)", source):
        try:
            return ast.parse(unescape(source[: end.end()]), mode="eval").body
        except SyntaxError:
            continue
    raise ValueError(f"no expression: {source[:60]}")


def template() -> Catalog:
    """Return a catalogue of all messages, without a translation."""
    catalog = Catalog(domain="mailpanel", project="mailpanel", header_comment=HEADER, fuzzy=False)
    for one, more, place in messages():
        # Without lines: or each change of the code would be one of the catalogue.
        catalog.add(one if more is None else (one, more), locations=[(place, 0)])
    for message in catalog:
        message.flags.discard("python-format")
        message.flags.discard("python-brace-format")
    return catalog


def written(catalog: Catalog) -> str:
    """Return *catalog* as a file has it, without the time at which it was made."""
    file = io.BytesIO()
    write_po(file, catalog, sort_output=True, include_lineno=False, ignore_obsolete=True, width=99)
    lines = file.getvalue().decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(UNSAID))


def files() -> Iterator[tuple[Path, bytes]]:
    """Yield each file as it is to be."""
    fresh = template()
    yield POT, written(fresh).encode()
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/mailpanel.po")):
        with path.open("rb") as file:
            catalog = read_po(file, locale=path.parts[-3], domain="mailpanel")
        catalog.update(fresh, no_fuzzy_matching=True)
        yield path, written(catalog).encode()
        # The same words make the same bytes, whenever that is.
        catalog.creation_date = catalog.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
        compiled = io.BytesIO()
        write_mo(compiled, catalog)
        yield path.with_suffix(".mo"), compiled.getvalue()


def main() -> int:
    """Write what is not as it is to be, or with `--check` tell it."""
    stale = [
        (path, content)
        for path, content in files()
        if not path.is_file() or path.read_bytes() != content
    ]
    for path, content in stale:
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
        if "--check" not in sys.argv:
            path.write_bytes(content)
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
