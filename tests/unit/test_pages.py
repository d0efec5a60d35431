"""mailpanel.pages and mailpanel.templates: what every page is made of."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import mailpanel
from mailpanel.dates import ago, exactly

ROOT = Path(mailpanel.__file__).parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.pt"))
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "just now"),
        (0, "just now"),
        (4.9, "just now"),
        (5, "5 seconds ago"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (86_399, "23 hours ago"),
        (86_400, "1 day ago"),
        (10 * 86_400, "10 days ago"),
    ],
)
def test_an_age_in_words(seconds, words):
    """A host's clock may be a little ahead."""
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_a_time_in_full_names_its_zone():
    """The server knows no other than UTC."""
    assert exactly(NOW) == "22 November 2026, 12:00:00 UTC"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_code_and_asks_nobody_else(path):
    """The policy would stop it, and a reader would find it nowhere else."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|https?://", text)
    # What is HTML already is what a form has rendered, or the picture of a code that we draw.
    for part in re.findall(r"structure[: ]+([a-z_.]+)", text):
        assert part in ("form.render", "field.serialize", "child.render_template", "picture")


def test_the_script_says_its_header_as_the_server_reads_it():
    """Else a page that looks again by itself would keep its session alive."""
    from mailpanel.security import LIVE

    assert f'"{LIVE}"' in (ROOT / "static" / "panel.js").read_text(encoding="utf-8")
