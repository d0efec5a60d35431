"""Edits that a daemon has not read yet."""

from __future__ import annotations

import os
import time
from pathlib import Path

from mailpanel.host.unread import started, unread_edits


def test_what_is_newer_than_the_last_load_is_named(tmp_path: Path) -> None:
    old, new, gone = (tmp_path / name for name in ("master.cf", "main.cf", "gone"))
    for path in (old, new):
        path.touch()
    os.utime(old, (900, 900))
    os.utime(new, (1100, 1100))
    said = unread_edits("Postfix", [old, new, gone], 1000.0) or ""
    assert said.startswith("main.cf was edited (1970-01-01 00:18:20 UTC), and Postfix has not")
    assert unread_edits("Postfix", [old, gone], 1000.0) is None
    both = unread_edits("Postfix", [old, new], 800.0) or ""
    assert both.startswith("main.cf and master.cf were edited")


def test_where_nobody_knows_when_it_was_loaded_nothing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.touch()
    assert unread_edits("Postfix", [path], None) is None


def test_when_a_process_began() -> None:
    began = started(os.getpid())
    assert began is not None
    assert 0 <= time.time() - began < 7200
    assert started(2**22 + 1) is None
