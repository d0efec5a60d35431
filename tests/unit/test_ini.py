"""mailpanel.ini: what is read, and what root does not trust."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailpanel import ini
from mailpanel.errors import DeploymentError
from mailpanel.ini import read_ini

ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
SECRET = "xyzzy-plugh-17"
OTHER = 65534


def written(path: Path, text: str = "[app:main]\nmailpanel.user = someone\n") -> Path:
    """Return *path*, which root has written and nobody else can."""
    path.write_text(text)
    path.chmod(0o644)
    return path


def test_the_section_is_read(tmp_path: Path) -> None:
    """With %(here)s filled in, and nothing but what stands there."""
    path = written(tmp_path / "a.ini", "[app:main]\nuse = x\nmailpanel.ca_file = %(here)s/ca\n")
    assert read_ini(path) == {"use": "x", "mailpanel.ca_file": f"{tmp_path}/ca"}


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (f"[app:main]\nsqlalchemy.url = a:{SECRET}%40b\n", "write % as %%"),
        (f"[app:main]\nsqlalchemy.url = %(nothing)s{SECRET}\n", "write % as %%"),
        (f"[app:main]\na = 1\na = {SECRET}\n", "line 3: this stands there already; remove one"),
        (f"[app:main]\n[app:main]\n{SECRET} = 1\n", "line 2: this stands there already; remove"),
        (f"[app:main]\na = 1\n{SECRET}\n", "line 3: write NAME = VALUE"),
        (f"{SECRET} = 1\n[app:main]\n", "line 1: this stands before the first [section]"),
        ("[server:main]\n", "add the line [app:main]"),
    ],
)
def test_a_wrong_ini_is_told_with_the_remedy(tmp_path: Path, text: str, remedy: str) -> None:
    """And never with what stands in it: that may be a password."""
    path = written(tmp_path / "a.ini", text)
    with pytest.raises(DeploymentError) as caught:
        read_ini(path)
    assert remedy in str(caught.value)
    assert str(path) in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("trusted", [False, True])
def test_a_missing_ini_is_named(place: Path, trusted: bool) -> None:
    with pytest.raises(DeploymentError, match="there is no such file"):
        read_ini(place / "none.ini", trusted)
    with pytest.raises(DeploymentError, match="there is no such file"):
        read_ini(place / "none" / "none.ini", trusted)


def test_what_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ini"
    path.write_bytes(b"[app:main]\n\xff\n")
    with pytest.raises(DeploymentError, match="UTF-8"):
        read_ini(path)


@pytest.fixture
def place(public_tmp: Path) -> Path:
    """A directory of root's, in one where nobody can rename what is another's."""
    return public_tmp


@ONLY_ROOT
class TestTrusted:
    def test_what_is_roots_alone_is_read(self, place: Path) -> None:
        path = written(place / "a.ini")
        (place / "link.ini").symlink_to("a.ini")
        (place / "again").symlink_to(place)
        for each in (path, place / "link.ini", place / "again" / "link.ini"):
            assert read_ini(each, trusted=True) == {"mailpanel.user": "someone"}

    @pytest.mark.parametrize("mode", [0o664, 0o646])
    def test_a_file_that_others_can_write_is_refused(self, place: Path, mode: int) -> None:
        path = written(place / "a.ini")
        path.chmod(mode)
        with pytest.raises(DeploymentError, match=r"a\.ini: others may write to it: chmod go-w"):
            read_ini(path, trusted=True)

    def test_somebody_elses_file_is_refused(self, place: Path) -> None:
        path = written(place / "a.ini")
        os.chown(path, OTHER, OTHER)
        with pytest.raises(DeploymentError, match=r"a\.ini: .*chown root"):
            read_ini(path, trusted=True)

    @pytest.mark.parametrize("uid", [0, OTHER])
    def test_a_directory_that_others_can_write_is_refused(self, place: Path, uid: int) -> None:
        (place / "d").mkdir()
        path = written(place / "d" / "a.ini")
        (place / "d").chmod(0o755 if uid else 0o775)
        os.chown(place / "d", uid, -1)
        with pytest.raises(DeploymentError, match="d: "):
            read_ini(path, trusted=True)

    def test_a_link_of_somebody_else_is_refused(self, place: Path) -> None:
        """They can make it lead to another file of root's."""
        path = written(place / "a.ini")
        link = place / "link.ini"
        link.symlink_to(path)
        os.lchown(link, OTHER, OTHER)
        with pytest.raises(DeploymentError, match=r"link.ini: .*chown -h root"):
            read_ini(link, trusted=True)

    def test_a_link_on_the_way_of_somebody_else_is_refused(self, place: Path) -> None:
        """Also where it is reached by way of another link, and both ends are root's."""
        written(place / "a.ini")
        (place / "theirs").symlink_to(place)
        os.lchown(place / "theirs", OTHER, OTHER)
        (place / "ours.ini").symlink_to("theirs/a.ini")
        for each in (place / "theirs" / "a.ini", place / "ours.ini"):
            with pytest.raises(DeploymentError, match="theirs: "):
                read_ini(each, trusted=True)

    def test_a_link_by_way_of_somebody_elses_directory_is_refused(self, place: Path) -> None:
        """A path is walked as the kernel does, two dots too."""
        written(place / "a.ini")
        (place / "theirs").mkdir()
        os.chown(place / "theirs", OTHER, OTHER)
        (place / "link.ini").symlink_to("theirs/../a.ini")
        with pytest.raises(DeploymentError, match="theirs: "):
            read_ini(place / "link.ini", trusted=True)

    def test_links_in_a_circle_are_refused(self, place: Path) -> None:
        (place / "a.ini").symlink_to("b.ini")
        (place / "b.ini").symlink_to("a.ini")
        with pytest.raises(DeploymentError, match="cannot be read"):
            read_ini(place / "a.ini", trusted=True)

    def test_what_takes_its_place_after_the_look_is_refused(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The file that is read is the one that was looked at."""
        path = written(place / "a.ini")
        trusted_path = ini.trusted_path

        def swapped(named: Path) -> Path:
            found = trusted_path(named)
            path.unlink()
            os.chown(written(path), OTHER, OTHER)
            return found

        monkeypatch.setattr(ini, "trusted_path", swapped)
        with pytest.raises(DeploymentError, match="chown root"):
            read_ini(path, trusted=True)
