"""A sealed secret opens for root alone, and only for what it was sealed for."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nacl.public import PublicKey, SealedBox

from mailpanel.errors import DeploymentError, SealError
from mailpanel.seal import Opener, Sealer, make_keys

DESTINATION = {"server_hostname": "a.test", "server_port": 587, "username": "u", "security": None}
SECRET = "the secret"


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Path:
    place: Path = tmp_path_factory.mktemp("keys")
    assert make_keys(place / "seal.key", place / "seal.pub")
    return place


@pytest.fixture(scope="module")
def sealer(keys: Path) -> Sealer:
    return Sealer(keys / "seal.pub")


@pytest.fixture(scope="module")
def opener(keys: Path) -> Opener:
    return Opener(keys / "seal.key")


@given(st.text(st.characters(), max_size=40), st.integers(0, 2**63))
@settings(deadline=None, max_examples=50)
def test_it_opens_as_it_was_sealed(sealer, opener, secret: str, revision: int) -> None:
    """For this revision and each later one."""
    sealed = sealer.seal("s", revision, DESTINATION, secret)
    assert sealed.isascii()
    assert opener.open(sealed, "s", revision, DESTINATION) == secret
    assert opener.open(sealed, "s", revision + 7, DESTINATION) == secret


def test_two_seals_of_one_secret_differ(sealer) -> None:
    """The database does not show that a password was used twice."""
    assert sealer.seal("s", 1, {}, SECRET) != sealer.seal("s", 1, {}, SECRET)


@pytest.mark.parametrize(
    ("setting", "revision", "change"),
    [
        ("other", 5, {}),
        ("s", 4, {}),
        ("s", 5, {"server_hostname": "evil.test"}),
        ("s", 5, {"server_port": 25}),
        ("s", 5, {"server_port": "587"}),
        ("s", 5, {"username": "v"}),
        ("s", 5, {"security": "none"}),
        ("s", 5, {"more": None}),
    ],
)
def test_it_opens_for_nothing_else(
    sealer, opener, setting: str, revision: int, change: dict[str, Any]
) -> None:
    sealed = sealer.seal("s", 5, DESTINATION, SECRET)
    assert opener.open(sealed, "s", 5, DESTINATION) == SECRET
    with pytest.raises(SealError) as caught:
        opener.open(sealed, setting, revision, DESTINATION | change)
    assert SECRET not in str(caught.value)


def test_another_key_is_named_as_the_reason(sealer, tmp_path: Path) -> None:
    make_keys(tmp_path / "seal.key", tmp_path / "seal.pub")
    with pytest.raises(SealError, match="another key"):
        Opener(tmp_path / "seal.key").open(sealer.seal("s", 1, {}, SECRET), "s", 1, {})


@given(st.integers(0, 2000), st.characters(codec="utf-8"))
@settings(deadline=None, max_examples=60)
def test_a_damaged_one_is_refused(sealer, opener, place: int, char: str) -> None:
    """One character changed, anywhere: refused, or the very same."""
    sealed = sealer.seal("s", 1, DESTINATION, SECRET)
    place %= len(sealed)
    try:
        opened = opener.open(sealed[:place] + char + sealed[place + 1 :], "s", 1, DESTINATION)
    except SealError:
        return
    assert opened == SECRET


@given(st.text(max_size=20), st.booleans())
@settings(deadline=None, max_examples=60)
@example("", True)
@example("x", True)
@example("é", True)
def test_garbage_is_refused(opener, text: str, begins_right: bool) -> None:
    """Also where version and key are right: a row of the database is nobody's word."""
    with pytest.raises(SealError):
        opener.open(f"1.{opener.key_id}.{text}" if begins_right else text, "s", 1, {})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"5",
        b"[" * 100_000,
        b"\xff",
        json.dumps({"setting": "s", "destination": {}, "revision": 1}).encode(),
        json.dumps({"setting": "s", "destination": {}, "revision": 1, "secret": 5}).encode(),
        json.dumps({"setting": "s", "destination": {}, "revision": "1", "secret": "x"}).encode(),
        json.dumps({"setting": "s", "destination": None, "revision": 1, "secret": "x"}).encode(),
    ],
)
def test_a_box_that_somebody_else_filled_is_refused(keys: Path, opener, content: bytes) -> None:
    """The public key is public: root expects anything in a box."""
    public = PublicKey(base64.b64decode((keys / "seal.pub").read_bytes()))
    box = base64.urlsafe_b64encode(SealedBox(public).encrypt(content)).decode()
    with pytest.raises(SealError):
        opener.open(f"1.{opener.key_id}.{box}", "s", 1, {})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_the_private_key_is_roots_alone(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        make_keys(tmp_path / "seal.key", tmp_path / "seal.pub")
    finally:
        os.umask(old)
    assert mode(tmp_path / "seal.key") == 0o600
    assert mode(tmp_path / "seal.pub") == 0o644


def test_keys_are_made_once(tmp_path: Path) -> None:
    private, public = tmp_path / "seal.key", tmp_path / "seal.pub"
    assert make_keys(private, public)
    before = private.read_bytes(), public.read_bytes()
    assert not make_keys(private, public)
    public.unlink()
    assert not make_keys(private, public)
    assert (private.read_bytes(), public.read_bytes()) == before


@pytest.mark.parametrize("content", [b"", b"x", b"not a key\n", base64.b64encode(b"short")])
def test_a_damaged_key_file_is_named_and_kept(tmp_path: Path, content: bytes) -> None:
    """A new key in its place would lose every stored password."""
    private, public = tmp_path / "seal.key", tmp_path / "seal.pub"
    private.write_bytes(content)
    public.write_bytes(content)
    for use in (
        lambda: make_keys(private, public),
        lambda: Opener(private),
        lambda: Sealer(public).seal("s", 1, {}, SECRET),
    ):
        with pytest.raises(DeploymentError, match=r"seal\."):
            use()
    assert private.read_bytes() == content


def test_a_missing_key_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="mailpanel init"):
        Opener(tmp_path / "seal.key")
