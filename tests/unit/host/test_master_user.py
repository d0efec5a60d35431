"""The probe entry goes, however it was left, and nothing else does."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mailpanel.host.master_user import PROBE, drop_probe

MASTER = "master:{ARGON2ID}$argon2id$x::::::\n"
ENTRY = f"{PROBE}:{{ARGON2ID}}$argon2id$y::::::allow_nets=local\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (MASTER + ENTRY, MASTER),
        (ENTRY + MASTER, MASTER),
        (ENTRY + MASTER + ENTRY, MASTER),
        # Without a line end, too.
        (MASTER + ENTRY.rstrip(), MASTER),
        (MASTER, MASTER),
        (f"{PROBE}x:y\n", f"{PROBE}x:y\n"),
        (f"x{PROBE}:y\n", f"x{PROBE}:y\n"),
        ("", ""),
        # Where there was nothing else the file was to be removed.
        (ENTRY, None),
        (None, None),
    ],
)
def test_the_probe_entry_goes(tmp_path: Path, content: str | None, expected: str | None) -> None:
    path = tmp_path / "master-users"
    if content is not None:
        path.write_text(content)
        path.chmod(0o640)
    drop_probe(path)
    assert (path.read_text() if path.exists() else None) == expected
    if expected is not None:
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_file_without_one_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "main.cf"
    path.write_bytes(b"\xff = 1")
    before = path.stat()
    drop_probe(path)
    assert path.stat().st_ino == before.st_ino
