"""mailpanel.vault: what the web keeps from whoever has the database."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest

from mailpanel.errors import DeploymentError
from mailpanel.vault import Vault, make_web_key


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    make_web_key(tmp_path / "web.key", None)
    return Vault(tmp_path / "web.key")


def test_it_opens_what_it_has_locked_for_that_purpose(vault: Vault) -> None:
    """No two boxes are alike, and none shows what is in it."""
    content = {"secret": "ünïque", "until": 1.5}
    first, second = vault.lock("a", content), vault.lock("a", content)
    assert first != second
    assert vault.open("a", first) == vault.open("a", second) == content
    assert b"secret" not in base64.urlsafe_b64decode(first)
    assert vault.open("b", first) is None


@pytest.mark.parametrize("box", ["", "x", "ü", "\ud800", "A" * 1000])
def test_what_is_made_up_opens_as_nothing(vault: Vault, box: str) -> None:
    assert vault.open("a", box) is None


def test_a_box_that_was_touched_opens_as_nothing(vault: Vault) -> None:
    raw = bytearray(base64.urlsafe_b64decode(vault.lock("a", {})))
    raw[-1] ^= 1
    assert vault.open("a", base64.urlsafe_b64encode(raw).decode()) is None


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """As root for the web's user, who can read it and not change it."""
    path = tmp_path / "web.key"
    assert make_web_key(path, (os.geteuid(), os.getegid()))
    key = path.read_bytes()
    assert not make_web_key(path, None)
    assert path.read_bytes() == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert path.stat().st_uid == os.geteuid()


def test_without_the_key_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"web\.key.*run mailpanel init"):
        Vault(tmp_path / "web.key").lock("a", {})
