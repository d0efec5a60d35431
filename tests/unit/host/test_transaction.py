"""A change is whole or it is not at all: whatever fails, wherever the process is killed."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mailpanel.errors import HostError, PutBackFailed, ReloadFailed, VerifyFailed
from mailpanel.host import files
from mailpanel.host.files import FileState, read_state
from mailpanel.host.journal import Entry, Journal, Phase
from mailpanel.host.master_user import drop_probe
from mailpanel.host.transaction import KEPT_BACKUPS, Transaction, recover

NOBODY = 65534
Snapshot = dict[str, FileState]


def nothing(*_: object) -> None:
    pass


class FakePart:
    """What recovery needs of a part."""

    def __init__(self, reload: Callable[[], None]) -> None:
        self.reload_if_running = reload
        self.recovering = self.drain = self.undone = nothing

    def tidy(self, path: Path) -> None:
        if path.name == "users":
            drop_probe(path)

    def recovered(self) -> None:
        pass


class World:
    """A host of a few files, and one change of each kind."""

    def __init__(self, place: Path, state: Path | None = None) -> None:
        state = state or place
        self.etc = place / "etc"
        self.journals, self.backups = state / "journal", state / "backups"
        for directory in (self.etc, self.journals, self.backups):
            directory.mkdir(parents=True)
        self.main_cf = self.write("main.cf", b"relayhost = old\n", 0o640)
        self.master_cf = self.write("master.cf", b"smtp unix\n", 0o600)
        (self.etc / "leaving").mkdir()
        self.leaving = self.write("leaving/sasl", b"[old]:25 u:p\n", 0o600)
        if os.geteuid() == 0:
            os.chown(self.main_cf, NOBODY, NOBODY)
        self.old = self.snapshot()
        entries = (
            self.entry(Phase.BEFORE, "master.cf", b"smtp unix\nmailpanel unix\n"),
            self.entry(Phase.PREPARE, "ledger.json", b"{}"),
            self.entry(Phase.PREPARE, "mailpanel/sasl", b"[new]:587 u:secret\n"),
            self.entry(Phase.PREPARE, "mailpanel/sasl.db", b"\0\xff"),
            self.entry(Phase.COMMIT, "main.cf", b"relayhost = new\n"),
            self.entry(Phase.CLEAN, "leaving/sasl", None),
        )
        self.journal = Journal("s", "part", entries)
        self.new = dict(self.old)
        for entry in entries:
            self.new[self.name(entry.new.path)] = entry.new
        self.new = {name: each for name, each in self.new.items() if each.content is not None}

    def write(self, name: str, content: bytes, mode: int) -> Path:
        path = self.etc / name
        path.write_bytes(content)
        path.chmod(mode)
        return path

    def entry(self, phase: str, name: str, content: bytes | None) -> Entry:
        old = read_state(self.etc / name, mode=0o600)
        return Entry(phase, old, old.with_content(content), own_directory="/" in name)

    def name(self, path: Path) -> str:
        return str(path.relative_to(self.etc))

    def snapshot(self) -> Snapshot:
        """Return every file there is, what was left over among them."""
        return {self.name(path): read_state(path) for path in self.etc.rglob("*") if path.is_file()}

    def directories(self) -> set[str]:
        return {self.name(path) for path in self.etc.rglob("*") if path.is_dir()}

    def transaction(
        self,
        reload: Callable[[], None] = nothing,
        verify: Callable[[], None] = nothing,
        drain: Callable[[], None] = nothing,
        undone: Callable[[], None] = nothing,
    ) -> Transaction:
        return Transaction(
            self.journal,
            self.journals,
            self.backups,
            reload=reload,
            verify=verify,
            revive=reload,
            drain=drain,
            undone=undone,
        )

    def recover(self, reload: Callable[[], None] = nothing) -> str | None:
        return recover(self.journals, self.backups, {"part": FakePart(reload)})

    def assert_whole(self) -> None:
        """Nothing but the old or the new stands there, and no journal."""
        now = self.snapshot()
        assert now in (self.old, self.new)
        assert list(self.journals.iterdir()) == []
        assert len(list(self.backups.iterdir())) <= KEPT_BACKUPS
        assert list(self.backups.glob(".*")) == [], "half a backup is none"
        assert self.directories() == ({"leaving"} if now == self.old else {"mailpanel"})

    def assert_no_mail_is_lost(self) -> None:
        """A daemon that reads it at this very moment finds what main.cf needs."""
        now = self.snapshot()
        if now["main.cf"] == self.new["main.cf"]:
            for name in ("mailpanel/sasl", "mailpanel/sasl.db", "master.cf"):
                assert now[name] == self.new[name]
        else:
            assert now["main.cf"] == self.old["main.cf"]
            assert now["leaving/sasl"] == self.old["leaving/sasl"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def on_calls(errors: dict[int, Exception]) -> Callable[[], None]:
    """Return a function that raises the error of that call, counted from 1, if there is one."""
    calls = itertools.count(1)

    def call() -> None:
        error = errors.get(next(calls))
        if error is not None:
            raise error

    return call


def exit_at(number: int) -> Callable[[], None]:
    """Return a function that ends the process at its *number*-th call."""
    calls = itertools.count(1)

    def call() -> None:
        if next(calls) == number:
            os._exit(9)

    return call


def test_a_change_in_its_order(world: World) -> None:
    steps: list[str] = []
    world.transaction(lambda: steps.append("a reload"), lambda: steps.append("look")).run(
        steps.append
    )
    # The first reload tells the daemon of the service that the new main.cf names.
    expected = ["journal", "swap", "a reload", "reload", "a reload", "verify", "look"]
    assert steps == expected
    assert world.snapshot() == world.new
    world.assert_whole()


def test_a_directory_that_is_made_survives_a_crash_with_what_is_in_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is on the disk before a file in it is (fsync(2) of the directory above)."""
    synced = []
    real = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    world.transaction().run(nothing)
    first = next(at for at, name in enumerate(synced) if name.startswith(f"{world.etc}/mailpanel"))
    assert synced[first - 1] == str(world.etc)


def test_new_files_look_settled(world: World) -> None:
    """Postfix sleeps on a main.cf that it takes for half-written."""
    world.transaction().run(nothing)
    age = (world.journals.stat().st_mtime) - world.main_cf.stat().st_mtime
    assert age > 5


@pytest.mark.parametrize("error", [ReloadFailed("no"), VerifyFailed("no"), HostError("no")])
@pytest.mark.parametrize("where", ["first reload", "reload", "verify"])
def test_what_fails_is_put_back(world: World, where: str, error: HostError) -> None:
    """To the byte, with mode and owner, and the daemon is told."""
    reloads: list[Snapshot] = []
    at = {"first reload": 1, "reload": 2}.get(where)
    fail = on_calls({at: error} if at else {})

    def reload() -> None:
        reloads.append(world.snapshot())
        fail()

    verify = on_calls({1: error} if where == "verify" else {})
    steps: list[str] = []
    with pytest.raises(type(error)) as caught:
        world.transaction(reload, verify).run(steps.append)
    assert caught.value is error
    assert steps[-1] == "put back"
    for name in ("main.cf", "master.cf"):
        assert reloads[-1][name] == world.old[name]
    assert world.snapshot() == world.old
    world.assert_whole()
    assert list(world.backups.iterdir()) == []


def test_new_tables_stay_until_the_mail_under_way_is_gone(world: World) -> None:
    """What a new main.cf sent on its way meets a relay that wants the new table's key."""
    seen: list[Snapshot] = []
    calls: list[str] = []
    transaction = world.transaction(
        lambda: calls.append("reload"),
        on_calls({1: VerifyFailed("no")}),
        lambda: (calls.append("drain"), seen.append(world.snapshot())),
        lambda: (calls.append("undone"), seen.append(world.snapshot())),
    )
    with pytest.raises(VerifyFailed):
        transaction.run(nothing)
    assert calls[-3:] == ["reload", "drain", "undone"]
    in_between, afterwards = seen
    assert in_between["main.cf"] == world.old["main.cf"]
    for name in ("mailpanel/sasl", "mailpanel/sasl.db"):
        assert in_between[name] == world.new[name]
    assert afterwards == world.old
    world.assert_whole()


@pytest.mark.parametrize("which", ["reload", "drain", "undone"])
def test_the_files_are_back_whatever_the_daemon_does(world: World, which: str) -> None:
    """And the journal stays, so that the next start tries the rest again."""
    failing = {
        "reload": {"reload": on_calls({3: HostError("The second.")})},
        "drain": {"drain": on_calls({1: HostError("The second.")})},
        "undone": {"undone": on_calls({1: HostError("The second.")})},
    }[which]
    with pytest.raises(PutBackFailed, match=r"first.*The old files are back.*second"):
        world.transaction(verify=on_calls({1: VerifyFailed("The first.")}), **failing).run(nothing)
    assert world.snapshot() == world.old
    assert world.recover() == "undone"
    world.assert_whole()


def test_attributes_are_put_back(world: World) -> None:
    try:
        os.setxattr(world.main_cf, "user.mailpanel", b"mine")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    again = World.__new__(World)
    again.__dict__ |= world.__dict__
    old = read_state(world.main_cf)
    again.journal = Journal(
        "s", "part", (Entry(Phase.COMMIT, old, old.with_content(b"relayhost = new\n")),)
    )
    with pytest.raises(VerifyFailed):
        again.transaction(verify=on_calls({1: VerifyFailed("no")})).run(nothing)
    assert read_state(world.main_cf) == old
    assert dict(old.attributes)["user.mailpanel"] == b"mine"


def test_both_errors_are_told_and_the_journal_stays(world: World) -> None:
    """Where putting back fails too; the next start does it."""
    with pytest.raises(PutBackFailed, match=r"first.*second"):
        world.transaction(
            on_calls({3: HostError("The second.")}), on_calls({1: VerifyFailed("The first.")})
        ).run(nothing)
    assert world.recover() == "undone"
    assert world.snapshot() == world.old
    world.assert_whole()


def test_killed_anywhere_the_host_is_whole_after_recovery(tmp_path: Path, in_child) -> None:
    """Wholly old or wholly new, nothing left over; and in between no mail is lost."""
    seen = set()
    for number in itertools.count(1):
        world = World(tmp_path / str(number))
        code = in_child(lambda: world.transaction().run(nothing), die_at=number)  # noqa: B023
        world.assert_no_mail_is_lost()
        seen.add(world.recover())
        world.assert_whole()
        assert world.recover() is None
        if code == 0:
            break
    assert seen == {None, "undone", "finished"}
    assert world.snapshot() == world.new


@pytest.mark.parametrize("where", ["reload", "verify"])
def test_killed_while_it_puts_back(tmp_path: Path, in_child, where: str) -> None:
    for number in itertools.count(1):
        world = World(tmp_path / str(number))
        reload = on_calls({2: ReloadFailed("no")} if where == "reload" else {})
        verify = on_calls({1: VerifyFailed("no")} if where == "verify" else {})
        code = in_child(lambda: world.transaction(reload, verify).run(nothing), number)  # noqa: B023
        world.assert_no_mail_is_lost()
        world.recover()
        world.assert_whole()
        if code == 1:
            break
    assert world.snapshot() == world.old


@pytest.mark.parametrize("ends_at", ["relayhost = old", "relayhost = new"])
def test_killed_while_it_recovers(tmp_path: Path, in_child, ends_at: str) -> None:
    """A host whose power fails again and again gets there too, back and forth."""
    calls = 1 if "old" in ends_at else 2
    for number in itertools.count(1):
        world = World(tmp_path / str(number))
        # In the reload before the rename that counts, or in the one after it.
        in_child(lambda: world.transaction(exit_at(calls)).run(nothing))  # noqa: B023
        code = in_child(world.recover, die_at=number)
        world.assert_no_mail_is_lost()
        world.recover()
        world.assert_whole()
        assert world.main_cf.read_text() == f"{ends_at}\n"
        if code == 0:
            break


def test_a_change_that_cannot_be_finished_is_undone(world: World, in_child) -> None:
    """Committed, killed before the reload, and then the daemon does not take it."""
    in_child(lambda: world.transaction(exit_at(2)).run(nothing))
    assert world.snapshot()["main.cf"] == world.new["main.cf"]
    assert world.recover(on_calls({2: ReloadFailed("no")})) == "undone"
    assert world.snapshot() == world.old
    world.assert_whole()


@pytest.mark.parametrize(("reload_number", "expected"), [(1, b"old"), (2, b"new")])
def test_an_edit_between_crash_and_recovery_stays(
    world: World, in_child, reload_number: int, expected: bytes
) -> None:
    """The admin's line is in the file afterwards, whichever way the recovery goes."""
    in_child(lambda: world.transaction(exit_at(reload_number)).run(nothing))
    with world.main_cf.open("ab") as stream:
        stream.write(b"added = 1\n")
    world.recover()
    assert world.main_cf.read_bytes() == b"relayhost = " + expected + b"\nadded = 1\n"
    assert (world.etc / "mailpanel").is_dir() == (expected == b"new")
    assert list(world.journals.iterdir()) == []


@pytest.mark.parametrize("edited", [b"relayhost = new\nadded = 1\n", b"# a\nrelayhost = new\n"])
def test_what_an_edited_file_names_stays_though_the_change_cannot_be_finished(
    world: World, in_child, edited: bytes
) -> None:
    """With main.cf as it is and the tables gone mail would bounce; it is tried again."""
    in_child(lambda: world.transaction(exit_at(2)).run(nothing))
    world.main_cf.write_bytes(edited)
    for _ in range(2):
        with pytest.raises(HostError, match=r"main\.cf was edited .* It does not run\."):
            world.recover(on_calls({2: ReloadFailed("It does not run.")}))
        now = world.snapshot()
        assert world.main_cf.read_bytes() == edited
        for name in ("mailpanel/sasl", "mailpanel/sasl.db", "master.cf", "ledger.json"):
            assert now[name] == world.new[name]
    assert world.recover() == "finished"
    assert world.main_cf.read_bytes() == edited
    assert list(world.journals.iterdir()) == []


def test_where_a_line_of_ours_is_left_in_an_edited_file_the_change_is_finished(
    world: World, in_child
) -> None:
    """The administrator has changed one of two; the other one names the table."""
    old = read_state(world.main_cf)
    new = old.with_content(b"relayhost = new\nmaps = hash:mailpanel/sasl\n")
    entries = tuple(
        replace(each, new=new) if each.new.path == world.main_cf else each
        for each in world.journal.entries
    )
    world.journal = replace(world.journal, entries=entries)
    in_child(lambda: world.transaction(exit_at(2)).run(nothing))
    edited = b"relayhost = old\nmaps = hash:mailpanel/sasl\n"
    world.main_cf.write_bytes(edited)
    assert world.recover() == "finished"
    assert world.main_cf.read_bytes() == edited
    assert world.snapshot()["mailpanel/sasl"] == world.new["mailpanel/sasl"]


@pytest.mark.parametrize(
    ("edited", "kept"),
    [(b"relayhost = new\nadded = 1\n", True), (b"relayhost = old\nadded = 1\n", False)],
)
def test_an_edit_after_the_rename_is_not_overwritten_where_the_change_fails(
    world: World, edited: bytes, kept: bool
) -> None:
    """Its author had read the file before or after it."""

    def verify() -> None:
        world.main_cf.write_bytes(edited)
        raise VerifyFailed("It does not run.")

    with pytest.raises(HostError, match=r"It does not run\.") as caught:
        world.transaction(verify=verify).run(nothing)
    assert world.main_cf.read_bytes() == edited
    assert isinstance(caught.value, PutBackFailed) == kept
    assert (world.etc / "mailpanel").is_dir() == kept
    assert bool(list(world.journals.iterdir())) == kept
    if kept:
        assert world.recover() == "finished"
        assert world.main_cf.read_bytes() == edited


def test_an_edit_right_before_the_rename_is_not_overwritten(world: World) -> None:
    """Nor where what was done before it is put back; the change is tried again."""
    edited = b"relayhost = old\nadded = 1\n"

    def edit() -> None:
        # In the reload that comes before the rename that counts, and in the one that puts back.
        world.main_cf.write_bytes(edited)

    with pytest.raises(HostError, match=r"main\.cf was edited") as caught:
        world.transaction(edit).run(nothing)
    assert caught.value.temporary
    assert not isinstance(caught.value, PutBackFailed)
    assert world.main_cf.read_bytes() == edited
    assert world.snapshot()["master.cf"] == world.old["master.cf"]
    assert not (world.etc / "mailpanel").exists()
    assert list(world.journals.iterdir()) == []


def test_backups_are_bounded_and_closed_to_others(world: World) -> None:
    """They hold what stood there before, passwords too."""
    for _ in range(KEPT_BACKUPS + 3):
        world.transaction().run(nothing)
        assert len(list(world.backups.iterdir())) <= KEPT_BACKUPS
    for path in world.backups.iterdir():
        assert re.fullmatch(r"\d+-s\.json", path.name)
        assert path.stat().st_mode & 0o077 == 0
        assert json.loads(path.read_text())["setting"] == "s"


def test_a_full_disk_ends_with_the_old_configuration(small_disk: Path, fill) -> None:
    """The journal itself finds no room: nothing has been touched."""
    world = World(small_disk)
    fill(small_disk)
    with pytest.raises(HostError, match="No space left"):
        world.transaction().run(nothing)
    (small_disk / "filler").unlink()
    assert world.recover() is None
    assert world.snapshot() == world.old
    world.assert_whole()


@pytest.mark.parametrize("phase", [Phase.BEFORE, Phase.PREPARE, Phase.COMMIT])
def test_a_disk_that_fills_in_the_midst_is_put_back(
    small_disk: Path, tmp_path: Path, fill, phase: str
) -> None:
    """With the journal elsewhere the change begins, and is undone on the full disk."""
    world = World(small_disk, tmp_path)
    large = b"x" * 100_000
    entries = tuple(
        replace(entry, new=entry.new.with_content(large)) if entry.phase == phase else entry
        for entry in world.journal.entries
    )
    world.journal = Journal("s", "part", entries)
    with pytest.raises(HostError, match="No space left"):
        world.transaction().run(nothing)
    assert world.snapshot() == world.old
    world.assert_whole()


def test_on_a_full_disk_what_was_not_changed_needs_no_room(
    small_disk: Path, tmp_path: Path, fill
) -> None:
    world = World(small_disk, tmp_path)
    fill(small_disk)
    world.old = world.snapshot()
    with pytest.raises(HostError, match="No space left") as caught:
        world.transaction().run(nothing)
    assert not isinstance(caught.value, PutBackFailed)
    assert world.snapshot() == world.old
    assert list(world.journals.iterdir()) == []


def test_a_journal_that_was_half_written_leaves_no_secret(world: World, in_child) -> None:
    for number in itertools.count(1):
        code = in_child(lambda: world.journal.write(world.journals / "journal.json"), die_at=number)
        world.recover()
        assert list(world.journals.iterdir()) == []
        assert world.snapshot() == world.old
        if code == 0:
            break


def test_an_error_that_is_nobodys_fault_keeps_the_journal(world: World, monkeypatch) -> None:
    """A recovery that fails says so as a host error, and is tried again at the next start."""
    world.journal.write(world.journals / "journal.json")

    def broken(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(files, "write", broken)
    monkeypatch.setattr(files, "is_so", lambda _: False)
    with pytest.raises(HostError, match="Operation not permitted"):
        world.recover()
    assert (world.journals / "journal.json").exists()


OLD_USER, NEW_USER, PROBE = b"master:old::::::\n", b"master:new::::::\n", b"mailpanel-probe:x::\n"


def revoking(world: World, new: bytes | None) -> World:
    """Return a world whose change replaces a master user's entry, or takes it away."""
    users = world.write("leaving/users", OLD_USER, 0o640)
    old = read_state(users)
    phase = Phase.PREPARE if new else Phase.CLEAN
    entry = Entry(phase, old, old.with_content(new), own_directory=True, revoked=True)
    world.journal = Journal("s", "part", (*world.journal.entries, entry))
    return world


def users(world: World) -> bytes | None:
    return read_state(world.etc / "leaving" / "users").content


@pytest.mark.parametrize("new", [NEW_USER, None])
def test_what_was_to_be_revoked_does_not_come_back(world: World, new: bytes | None) -> None:
    """Whatever fails once it has gone; everything else is put back, and the error says so."""
    revoking(world, new)

    def verify() -> None:
        if new is None:
            # As the removal of a master user is proven: with another entry in its place.
            (world.etc / "leaving" / "users").write_bytes(PROBE)
        raise VerifyFailed("It does not live.", temporary=False)

    with pytest.raises(VerifyFailed, match=r"It does not live\. .* stays revoked\.") as caught:
        world.transaction(verify=verify).run(nothing)
    assert not caught.value.temporary
    assert users(world) is None
    assert world.snapshot() == world.old


def test_nothing_is_revoked_before_anything_happens(world: World) -> None:
    """The disk is full, or it is read-only: the old password goes on."""
    revoking(world, NEW_USER)
    with pytest.raises(ReloadFailed) as caught:
        world.transaction(on_calls({1: ReloadFailed("No.")})).run(nothing)
    assert str(caught.value) == "No."
    assert users(world) == OLD_USER


@pytest.mark.parametrize("new", [NEW_USER, None])
def test_killed_anywhere_the_old_entry_is_gone_for_good(
    tmp_path: Path, in_child, new: bytes | None
) -> None:
    """Once a log-in by it was refused it is never accepted again; nor does a probe stay."""
    for number in itertools.count(1):
        world = revoking(World(tmp_path / str(number)), new)

        def verify(world: World = world) -> None:
            with (world.etc / "leaving" / "users").open("wb") as stream:
                stream.write((new or b"") + PROBE)
            # Killed here, too.
            os.utime(world.etc)
            (world.etc / "leaving" / "users").write_bytes(new or PROBE)

        code = in_child(lambda: world.transaction(verify=verify).run(nothing), die_at=number)  # noqa: B023
        was_gone = users(world) != OLD_USER
        world.recover()
        assert users(world) in ((new, None) if was_gone else (OLD_USER, new, None))
        assert list(world.journals.iterdir()) == []
        if code == 0:
            break
    assert users(world) == new


def test_a_revive_that_cannot_even_be_tried_leaves_the_files_back(world: World) -> None:
    """A command that hangs or is missing is another thing than a file that is not back."""
    fail = on_calls({2: HostError("It hangs."), 3: HostError("It still hangs.")})
    with pytest.raises(PutBackFailed, match=r"It hangs\. The old files are back, .* still hangs"):
        world.transaction(fail).run(nothing)
    assert world.snapshot() == world.old
    assert world.recover() == "undone"
    world.assert_whole()


def test_a_recovery_that_finds_the_disk_full_says_so(world: World, monkeypatch) -> None:
    """Also where it is a probe that cannot be taken out, or a place that cannot be asked."""
    world.journal.write(world.journals / "journal.json")
    part = FakePart(nothing)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("tidy", "recovering"):
        with monkeypatch.context() as patch:
            patch.setattr(part, name, full)
            with pytest.raises(HostError, match="No space left"):
                recover(world.journals, world.backups, {"part": part})
        assert (world.journals / "journal.json").exists()
    assert world.recover() == "undone"


def test_a_read_only_place_is_left_as_it_was(world: World, tmp_path: Path) -> None:
    """Nothing was written, so nothing has to be put back, and the daemon need not hear of it."""
    reloads: list[int] = []
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system read-only")
    etc = str(world.etc)
    subprocess.run(["mount", "--bind", etc, etc], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", etc], check=True)
        with pytest.raises(HostError, match="Read-only file system") as caught:
            world.transaction(lambda: reloads.append(1)).run(nothing)
        assert not isinstance(caught.value, PutBackFailed)
        world.assert_whole()
        assert reloads == []
    finally:
        subprocess.run(["umount", etc], check=True)
