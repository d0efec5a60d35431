"""A file is replaced whole, with all that belongs to it, or not at all."""

from __future__ import annotations

import itertools
import os
import struct
from pathlib import Path

import pytest

from mailpanel.host import files
from mailpanel.host.files import FileState, read_state, write

NOBODY = 65534


def acl(uid: int) -> bytes:
    """Return an ACL that lets the user *uid* read, as Linux keeps it (acl(5))."""
    nobody = 0xFFFFFFFF
    entries = [(0x01, 6, nobody), (0x02, 4, uid), (0x04, 4, nobody)]
    entries += [(0x10, 4, nobody), (0x20, 0, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "main.cf"
    path.write_bytes(b"old \xff\0\n")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    return path


def set_attributes(path: Path) -> None:
    try:
        os.setxattr(path, "user.mailpanel", b"\0x")
        os.setxattr(path, "system.posix_acl_access", acl(NOBODY))
    except OSError:
        pytest.skip("this file system has no extended attributes")


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_mode_owner_and_acl_are_kept(file: Path) -> None:
    set_attributes(file)
    before = read_state(file)
    assert {"user.mailpanel", "system.posix_acl_access"} <= {name for name, _ in before.attributes}
    write(before.with_content(b"new"))
    assert read_state(file) == before.with_content(b"new")
    write(before)
    assert read_state(file) == before
    assert names(file.parent) == ["main.cf"]


def test_the_umask_does_not_count(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        write(FileState(tmp_path / "a", b"", 0o644, os.geteuid(), os.getegid()))
    finally:
        os.umask(old)
    assert read_state(tmp_path / "a").mode == 0o644


def test_a_missing_file_is_made_and_removed(tmp_path: Path) -> None:
    state = read_state(tmp_path / "table", mode=0o600)
    assert state.content is None
    write(state.with_content(b"x"))
    assert read_state(tmp_path / "table") == state.with_content(b"x")
    write(state)
    write(state)
    assert names(tmp_path) == []


def test_a_symbolic_link_stays(tmp_path: Path, file: Path) -> None:
    """What it leads to is replaced, there."""
    link = tmp_path / "link"
    link.symlink_to("main.cf")
    write(read_state(link).with_content(b"new"))
    assert link.is_symlink()
    assert file.read_bytes() == b"new"


def test_a_link_that_leads_nowhere_is_filled(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("elsewhere")
    write(read_state(tmp_path / "link").with_content(b"new"))
    assert (tmp_path / "elsewhere").read_bytes() == b"new"
    assert (tmp_path / "link").is_symlink()


def test_the_time_is_set(file: Path) -> None:
    """Postfix sleeps on a file that is too young."""
    write(read_state(file), mtime=1_000_000_000)
    assert file.stat().st_mtime == 1_000_000_000


def test_nobody_else_can_read_a_secret_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = os.fsync

    def watched(descriptor: int) -> None:
        seen.append(oct(os.fstat(descriptor).st_mode & 0o777))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write(FileState(tmp_path / "sasl", b"secret", 0o600, os.geteuid(), os.getegid()))
    assert seen[0] == "0o600"


def test_a_full_disk_leaves_the_old_file(small_disk: Path, fill) -> None:
    path = small_disk / "main.cf"
    path.write_bytes(b"old")
    before = read_state(path)
    fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        write(before.with_content(b"x" * 40_000))
    assert read_state(path) == before
    assert names(small_disk) == ["filler", "main.cf"]


def test_a_killed_process_leaves_the_old_or_the_new(file: Path, in_child) -> None:
    """At whichever system call, and the next write clears up what it left."""
    before = read_state(file)
    new = before.with_content(b"new")
    found = set()
    for number in itertools.count(1):
        write(before)
        code = in_child(lambda: write(new), die_at=number)
        found.add(read_state(file))
        if code == 0:
            break
    assert found == {before, new}
    write(before)
    assert names(file.parent) == ["main.cf"]


def test_is_so_sees_every_difference(file: Path) -> None:
    state = read_state(file)
    assert files.is_so(state)
    assert not files.is_so(state.with_content(b"other"))
    assert not files.is_so(state.with_content(None))
    file.chmod(0o600)
    assert not files.is_so(state)
    file.unlink()
    assert files.is_so(state.with_content(None))
    assert not files.is_so(state)
