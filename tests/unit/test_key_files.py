"""mailpanel.seal: key files are written whole, and one is taken over from another host."""

from __future__ import annotations

import base64
import errno
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

import pytest

from mailpanel.errors import DeploymentError
from mailpanel.seal import Opener, Sealer, make_keys, take_key


@pytest.fixture
def private(tmp_path: Path) -> Path:
    return tmp_path / "seal.key"


@pytest.fixture
def public(tmp_path: Path) -> Path:
    return tmp_path / "seal.pub"


@pytest.mark.parametrize("failing", ["fsync", "fchmod"])
def test_a_full_disk_leaves_nothing_in_the_way(
    private: Path, public: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Else the next attempt would find a key that is none."""

    def full(*_arguments: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full)
        with pytest.raises(OSError, match="No space"):
            make_keys(private, public)
    assert list(private.parent.iterdir()) == []
    assert make_keys(private, public)


def test_what_a_killed_process_left_is_not_in_the_way(private: Path, public: Path) -> None:
    private.with_name("seal.key.new").write_bytes(b"ha")
    assert make_keys(private, public)
    assert {path.name for path in private.parent.iterdir()} == {"seal.key", "seal.pub"}


def test_a_key_that_is_taken_over_opens_what_the_other_host_opens(
    private: Path, public: Path, tmp_path: Path
) -> None:
    other, key = tmp_path / "other.pub", tmp_path / "other.key"
    make_keys(key, other)
    public.write_text("stale")
    assert take_key(key.read_bytes(), private, public)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert public.read_bytes() == other.read_bytes()
    assert Opener(private).open(Sealer(other).seal("s", 1, {}, "x"), "s", 1, {}) == "x"
    assert not take_key(key.read_bytes(), private, public)


@pytest.mark.parametrize("text", [b"", b"nonsense", b"\xff", base64.b64encode(b"x" * 31)])
def test_what_is_no_key_changes_nothing(private: Path, public: Path, text: bytes) -> None:
    with pytest.raises(DeploymentError, match=r"no private key; give .*seal\.key"):
        take_key(text, private, public)
    assert list(private.parent.iterdir()) == []


def test_another_key_is_kept(private: Path, public: Path) -> None:
    """It opens what is stored."""
    make_keys(private, public)
    before = private.read_bytes(), public.read_bytes()
    with pytest.raises(DeploymentError, match="another key"):
        take_key(base64.b64encode(b"x" * 32), private, public)
    assert (private.read_bytes(), public.read_bytes()) == before
