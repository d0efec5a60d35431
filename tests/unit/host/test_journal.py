"""What is needed to finish or to undo a change is read back as it was written."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailpanel.errors import HostError
from mailpanel.host.files import FileState
from mailpanel.host.journal import Entry, Journal, Phase

PHASES = [Phase.BEFORE, Phase.PREPARE, Phase.COMMIT, Phase.AFTER, Phase.CLEAN]
STATES = st.builds(
    FileState,
    st.text("abc é\udcff", min_size=1, max_size=8).map(lambda name: Path("/etc", name)),
    st.none() | st.binary(max_size=40),
    st.integers(0, 0o7777),
    st.integers(0, 2**32 - 2),
    st.integers(0, 2**32 - 2),
    st.lists(st.tuples(st.just("user.x"), st.binary(max_size=8)), max_size=2).map(tuple),
)
ENTRIES = st.builds(Entry, st.sampled_from(PHASES), STATES, STATES, st.booleans(), st.booleans())


@given(st.lists(ENTRIES, max_size=4).map(tuple))
@settings(deadline=None)
def test_it_is_read_as_it_was_written(tmp_path_factory, entries: tuple[Entry, ...]) -> None:
    """Binary tables, names that are no UTF-8, modes, owners, attributes."""
    path = tmp_path_factory.mktemp("journal") / "journal.json"
    journal = Journal("a setting", "a part", entries, {"unit": None, "boot": "b"})
    journal.write(path)
    assert Journal.read(path) == journal
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_one_no_change_is_under_way(tmp_path: Path) -> None:
    assert Journal.read(tmp_path / "journal.json") is None


OLD, NEW = b"a = 1\n", b"a = 1\nrelayhost = [x]:587\n"


@pytest.mark.parametrize(
    ("live", "committed", "spared"),
    [
        (OLD, False, False),
        (NEW, True, False),
        # Somebody has edited it since.
        (OLD + b"b = 2\n", False, True),
        (NEW + b"b = 2\n", True, True),
        (b"b = 2\n" + NEW, True, True),
        (None, False, True),
    ],
)
def test_the_rename_that_counts_is_known_by_the_file(
    tmp_path: Path, live: bytes | None, committed: bool, spared: bool
) -> None:
    path = tmp_path / "main.cf"
    if live is not None:
        path.write_bytes(live)
    old, new = FileState(path, OLD), FileState(path, NEW)
    journal = Journal("s", "part", (Entry(Phase.COMMIT, old, new),))
    assert journal.committed() is committed
    (entry,) = journal.sparing_edits().entries
    assert (entry.old == entry.new) is spared
    assert entry.old.content == (live if spared else OLD)


def test_without_a_file_that_counts_nothing_is_committed(tmp_path: Path) -> None:
    """Tables that nothing names yet are no new configuration."""
    path = tmp_path / "table"
    path.write_bytes(NEW)
    entry = Entry(Phase.PREPARE, FileState(path, OLD), FileState(path, NEW))
    assert not Journal("s", "part", (entry,)).committed()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'{"setting": "s", "part": "p", "entries": [{}]}']
)
def test_a_damaged_journal_is_told_and_stays(tmp_path: Path, content: bytes) -> None:
    """Nobody knows what it would have put back, so nothing else is changed."""
    path = tmp_path / "journal.json"
    path.write_bytes(content)
    with pytest.raises(HostError, match=r"journal\.json is damaged"):
        Journal.read(path)
    assert path.read_bytes() == content
