"""Keys are carried to another host, and made anew without a stored password being lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailpanel.deployment import load
from mailpanel.errors import SealError
from mailpanel.seal import Opener, take_key
from mailpanel.services.audit import AuditLog
from mailpanel.services.database import Database
from mailpanel.services.hosts import Hosts

NAME = "postfix_relayhost"
RELAY = ("server_hostname=relay.test", "server_port=587", "username=u")
DESTINATION = {
    "server_hostname": "relay.test",
    "server_port": 587,
    "username": "u",
    "security": None,
}


@pytest.fixture
def private() -> Path:
    return load({}).private_key_file


@pytest.fixture
def database(run: Any) -> Iterator[Database]:
    """The installation's own."""
    database = Database(load({}).database_url)
    yield database
    database.dispose()


def stored(database: Database) -> str:
    (desired,) = Hosts(database).desired()
    assert desired.sealed is not None
    return desired.sealed


def test_after_a_rotation_the_stored_password_opens_with_the_new_key_alone(
    must, private: Path, database: Database
) -> None:
    must("setting", "set", NAME, *RELAY, "--password-stdin", stdin="s3cret")
    old, first = Opener(private).key_id, stored(database)
    running = Opener(private)
    assert "sealed 1 stored passwords" in must("keys", "rotate")
    second, opener = stored(database), Opener(private)
    assert opener.key_id != old
    assert second.split(".")[1] == opener.key_id
    assert opener.open(second, NAME, 1, DESTINATION) == "s3cret"
    assert opener.open(first, NAME, 1, DESTINATION) == "s3cret", "as a backup has it"
    assert running.open(second, NAME, 1, DESTINATION) == "s3cret", "without a restart"
    with pytest.raises(SealError, match="another server"):
        opener.open(second, NAME, 1, {**DESTINATION, "server_hostname": "evil.test"})
    must("keys", "rotate")
    with pytest.raises(SealError, match="another key"):
        Opener(private).open(first, NAME, 1, DESTINATION)
    assert Opener(private).open(stored(database), NAME, 1, DESTINATION) == "s3cret"
    entries, _ = AuditLog(database).page(action="keys.rotate")
    assert [each["detail"] for each in entries] == [{"resealed": 1}] * 2
    assert "s3cret" not in json.dumps(entries)


def test_what_no_key_opens_is_counted_and_stays(
    must, run, private: Path, database: Database
) -> None:
    must("setting", "set", NAME, *RELAY, "--password-stdin", stdin="s3cret")
    box = stored(database)
    private.unlink()
    must("init")
    result = run("keys", "rotate")
    assert "sealed 0 stored passwords" in result.stdout
    assert "1 could not be opened with any key" in result.stderr
    assert stored(database) == box


def test_another_host_takes_all_of_it(must, private: Path, tmp_path: Path) -> None:
    """And again after a rotation, but never other keys in their place."""
    theirs, public = tmp_path / "their.key", tmp_path / "their.pub"
    for _ in range(3):
        assert take_key(must("keys", "export").encode(), theirs, public)
        assert theirs.read_bytes() == private.read_bytes()
        assert public.read_bytes() == private.with_name("seal.pub").read_bytes()
        assert not take_key(must("keys", "export").encode(), theirs, public)
        must("keys", "rotate")
    assert theirs.stat().st_mode & 0o777 == 0o600


def test_without_a_key_there_is_nothing_to_export_or_rotate(run, private: Path) -> None:
    private.unlink()
    for verb in ("export", "rotate"):
        result = run("keys", verb)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "key" in result.stderr
