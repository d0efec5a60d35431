"""mailpanel's own files: made, replaced and removed, and nobody else's are."""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailpanel.errors import HostError, Refused
from mailpanel.host import files
from mailpanel.host.journal import Entry, Phase
from mailpanel.host.own_files import FileLedger, OwnedFile, OwnFiles, master_line
from mailpanel.plan import Change, MasterUser, SetParameter, WriteFile

ROOT = os.geteuid() == 0
GROUP = grp.getgrgid(os.getegid()).gr_name
HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"


class Scene:
    """A ledger, and a directory that a daemon reads."""

    def __init__(self, place: Path) -> None:
        self.ledger = place / "ledger.json"
        self.etc = place / "etc"
        self.etc.mkdir()
        self.drop_in = self.etc / "99-mailpanel.conf"
        self.users = self.etc / "mailpanel" / "master-users"

    def file(self, content: str = "a = 1\n", path: Path | None = None, **rest) -> WriteFile:
        return WriteFile(str(path or self.drop_in), content, **rest)

    def master(self, hash_: str = HASH, **rest) -> MasterUser:
        return MasterUser(str(self.users), "master", hash_, "*", GROUP, **rest)

    def own(self, *changes: Change, setting: str = "s") -> OwnFiles:
        return OwnFiles(self.ledger, setting, changes)

    def make(self, *changes: Change, setting: str = "s") -> list[Entry]:
        """Write all that *changes* want, in its order; return the entries."""
        entries = list(self.own(*changes, setting=setting).entries())
        for entry in entries:
            entry.new.path.parent.mkdir(exist_ok=True)
            files.write(entry.new)
        return entries

    def phases(self, entries: list[Entry]) -> dict[str, str]:
        return {entry.new.path.name: entry.phase for entry in entries}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_first_set_comes_in_its_order(scene: Scene) -> None:
    """What the drop-in names is there before it; by the drop-in it counts."""
    entries = scene.make(scene.master(), scene.file())
    assert scene.phases(entries) == {
        "ledger.json": Phase.PREPARE,
        "master-users": Phase.PREPARE,
        "99-mailpanel.conf": Phase.COMMIT,
    }
    assert scene.drop_in.read_text() == "a = 1\n"
    assert scene.users.read_text() == f"master:{HASH}::::::\n"
    assert stat.S_IMODE(scene.users.stat().st_mode) == 0o640
    assert stat.S_IMODE(scene.drop_in.stat().st_mode) == 0o644
    assert not any(entry.revoked for entry in entries)
    assert scene.own(scene.master(), scene.file()).changes_nothing


def test_the_ledger_holds_no_hash(scene: Scene) -> None:
    scene.make(scene.master(), scene.file("password geheim\n", mode=0o600))
    ledger = scene.ledger.read_text()
    assert HASH not in ledger
    assert "geheim" not in ledger
    assert stat.S_IMODE(scene.ledger.stat().st_mode) == 0o600
    owned = FileLedger.loads(scene.ledger.read_bytes()).owned("s")
    assert sorted(owned) == [f"file: {scene.drop_in}", f"file: {scene.users}"]


def test_a_rotation_touches_the_users_file_alone(scene: Scene) -> None:
    scene.make(scene.master(), scene.file())
    entries = scene.make(scene.master(HASH[:-1] + "b"), scene.file())
    assert scene.phases(entries) == {"ledger.json": Phase.PREPARE, "master-users": Phase.PREPARE}
    assert not any(entry.revoked for entry in entries)


def test_a_password_that_was_reset_does_not_come_back(scene: Scene) -> None:
    """An undo leaves no entry rather than the old; one that was replaced does come back."""
    scene.make(scene.master(), scene.file())
    (entry,) = [each for each in scene.own().entries() if each.new.path == scene.users]
    assert entry.undone() == entry.old, "as long as nothing has happened"
    files.remove(scene.users)
    assert entry.has_revoked()
    assert entry.undone().content is None


def test_after_such_an_undo_the_next_run_writes_it_anew(scene: Scene) -> None:
    """A file that is missing is no file that was edited."""
    scene.make(scene.master(), scene.file())
    scene.users.unlink()
    assert not scene.own(scene.master(), scene.file()).changes_nothing
    scene.make(scene.master(HASH[:-1] + "b"), scene.file())
    assert scene.users.read_text().startswith("master:")
    scene.users.unlink()
    scene.make()
    assert not scene.ledger.exists()


def test_a_reset_removes_what_counts_first(scene: Scene) -> None:
    scene.make(scene.master(), scene.file())
    entries = scene.make()
    assert scene.phases(entries) == {
        "ledger.json": Phase.PREPARE,
        "master-users": Phase.CLEAN,
        "99-mailpanel.conf": Phase.COMMIT,
    }
    assert not scene.users.exists()
    assert not scene.drop_in.exists()
    assert not scene.ledger.exists()


def test_a_reset_leaves_what_another_setting_owns(scene: Scene) -> None:
    other = scene.etc / "98-other.conf"
    scene.make(scene.file())
    scene.make(scene.file(path=other), setting="other")
    scene.make()
    assert not scene.drop_in.exists()
    assert other.exists()
    assert FileLedger.loads(scene.ledger.read_bytes()).owned("other") == [f"file: {other}"]


def edit(path: Path) -> None:
    path.write_text(path.read_text() + "b = 2\n")


@pytest.mark.parametrize("changes", [lambda scene: (scene.file("c = 3\n"),), lambda _: ()])
def test_a_file_that_was_edited_is_neither_overwritten_nor_removed(
    scene: Scene, changes: Callable[[Scene], tuple[Change, ...]]
) -> None:
    scene.make(scene.file())
    edit(scene.drop_in)
    with pytest.raises(Refused, match=r"99-mailpanel\.conf is mailpanel's own and was edited"):
        scene.own(*changes(scene))
    assert scene.drop_in.read_text() == "a = 1\nb = 2\n"


def test_a_file_of_somebody_elses_is_refused(scene: Scene) -> None:
    """Also where it holds the very same."""
    scene.drop_in.write_text("a = 1\n")
    with pytest.raises(Refused, match="it is not mailpanel's"):
        scene.own(scene.file())


def test_an_edit_in_the_midst_is_seen(scene: Scene) -> None:
    scene.make(scene.file())
    for path in (scene.drop_in, scene.users):
        own = scene.own(scene.file("c = 3\n"), scene.master())
        own.require_unchanged()
        path.parent.mkdir(exist_ok=True)
        path.write_text("theirs\n")
        with pytest.raises(HostError, match="was edited while") as caught:
            own.require_unchanged()
        assert caught.value.temporary
        scene.drop_in.write_text("a = 1\n")


def test_a_mode_that_was_changed_is_put_right(scene: Scene) -> None:
    """The content is mailpanel's; so is who may read it."""
    scene.make(scene.file(mode=0o600))
    scene.drop_in.chmod(0o666)
    own = scene.own(scene.file(mode=0o600))
    assert not own.changes_nothing
    scene.make(scene.file(mode=0o600))
    assert stat.S_IMODE(scene.drop_in.stat().st_mode) == 0o600


def test_an_acl_is_kept(scene: Scene) -> None:
    """What the admin allows somebody beside the group stays allowed."""
    scene.make(scene.file())
    os.setxattr(scene.drop_in, "user.acl", b"theirs")
    scene.make(scene.file("b = 2\n"))
    assert os.getxattr(scene.drop_in, "user.acl") == b"theirs"
    assert scene.own(scene.file("b = 2\n")).changes_nothing


def test_through_a_link_the_file_it_leads_to_is_written(scene: Scene) -> None:
    elsewhere = scene.etc.parent / "elsewhere.conf"
    scene.drop_in.symlink_to(elsewhere)
    scene.make(scene.file())
    assert scene.drop_in.is_symlink()
    assert elsewhere.read_text() == "a = 1\n"
    assert scene.own(scene.file()).changes_nothing


def test_a_group_that_is_missing_is_named(scene: Scene) -> None:
    if not ROOT:
        pytest.skip("only root can give a file to another group")
    with pytest.raises(Refused, match="no group nobodys-group"):
        scene.own(scene.file(group="nobodys-group"))


def test_a_change_of_another_part_is_a_mistake(scene: Scene) -> None:
    with pytest.raises(TypeError, match="SetParameter is no change of a file"):
        scene.own(SetParameter("a", "b"))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"files": {"/x": {}}, "line": 1}'])
def test_a_damaged_ledger_is_told(content: bytes) -> None:
    with pytest.raises(HostError, match="A ledger in the state directory is damaged"):
        FileLedger.loads(content)


OWNED = st.builds(
    OwnedFile,
    st.text(max_size=5),
    st.text(max_size=5),
    st.booleans(),
    st.none() | st.text(max_size=5),
    st.none() | st.text(max_size=2),
)


@given(st.dictionaries(st.text(min_size=1, max_size=9), OWNED), st.none() | st.text(max_size=9))
@settings(deadline=None)
def test_a_ledger_is_read_as_it_was_written(owned: dict[str, OwnedFile], line: str | None) -> None:
    ledger = FileLedger(owned, line)
    assert FileLedger.loads(ledger.dumps()) == ledger


@pytest.mark.parametrize(
    ("nets", "expected"),
    [
        ((), "master:{X}h::::::\n"),
        (("local",), "master:{X}h::::::allow_nets=local\n"),
        (("10.0.0.0/8", "::1/128"), "master:{X}h::::::allow_nets=10.0.0.0/8,::1/128\n"),
    ],
)
def test_a_line_of_the_users_file(nets: tuple[str, ...], expected: str) -> None:
    assert master_line("master", "{X}h", nets) == expected
