"""docs/api.md: it names every call, and its lines do what they say."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from panel import Panel

from mailpanel import openapi
from mailpanel.settings import SETTINGS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
BASE = "http://localhost:8080/api/v1"
# Answered by each mail host, and there is none.
UNTRIED = {"GET /settings/{setting}/test/{ticket}/"}


def documented() -> list[str]:
    """Return the calls in the tables, like ``GET /hosts/``."""
    return re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", DOCUMENT, re.MULTILINE)


def described() -> set[str]:
    """Return the calls of the OpenAPI document, those of all settings as one."""
    names = "|".join(SETTINGS)
    return {
        f"{method.upper()} {re.sub(f'/({names})/', '/{setting}/', path)}"
        for path, item in openapi.document()["paths"].items()
        for method in item
        if method != "parameters"
    }


def curls() -> Iterator[list[str]]:
    """Yield the arguments of each curl in the document, as a shell would have them."""
    for line in re.findall(r"^curl (.*)$", DOCUMENT, re.MULTILINE):
        yield shlex.split(line.replace("$URL", BASE))


def sent(panel: Panel, arguments: list[str]) -> tuple[str, str, int]:
    """Send what curl would; return method, path and status."""
    method, body, headers, url = "", b"", {}, ""
    given = iter(arguments)
    for argument in given:
        if argument == "-H":
            name, _, value = next(given).partition(": ")
            headers[name] = value.replace("$TOKEN", panel.tokens["MasterAdmin"])
        elif argument == "-d":
            body, method = next(given).encode(), method or "POST"
        elif argument == "-X":
            method = next(given)
        else:
            url = argument
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    answer = panel.call(method or "GET", path, body, "nobody", headers)
    return method or "GET", parts.path.removeprefix("/api/v1"), answer.status_int


def test_every_call_stands_in_it_once() -> None:
    """And no other."""
    assert sorted(documented()) == sorted(described())


def test_each_line_works_in_the_order_of_the_page(panel: Panel) -> None:
    """On an installation with one mail host; every call but those untried has a line."""
    panel.hosts.checked_in("mail1", {})
    tried = set()
    for arguments in curls():
        method, path, status = sent(panel, arguments)
        assert status in (200, 202, 204), arguments
        tried |= {
            call
            for call in described()
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", call), f"{method} {path}")
        }
    assert tried == described() - UNTRIED
