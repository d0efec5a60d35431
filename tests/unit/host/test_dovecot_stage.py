"""Dovecot's configuration is tried in a copy; nothing live is touched and nothing stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailpanel.host.dovecot import Dovecot
from mailpanel.host.dovecot_stage import includes, staged

DIRECTORY = Path("/etc/dovecot")
DROP_IN = DIRECTORY / "conf.d" / "99-mailpanel.conf"


@pytest.mark.parametrize(
    ("text", "included"),
    [
        ("!include conf.d/*.conf\n", True),
        ("!include_try conf.d/*.conf\n", True),
        ("\t !include   conf.d/*.conf \n", True),
        ("!include /etc/dovecot/conf.d/*.conf", True),
        ("!include ./conf.d/*.conf\n", True),
        ("!include conf.d/../conf.d/*.conf\n", True),
        ("!include conf.d/9*.conf\n", True),
        ("!include */*.conf\n", True),
        ("a = b\n!include 10.conf\n!include conf.d/*\n", True),
        ("", False),
        ("#!include conf.d/*.conf\n", False),
        ("  # !include conf.d/*.conf\n", False),
        ("x = !include conf.d/*.conf\n", False),
        ("!include conf.d/10-*.conf\n", False),
        ("!include conf.d/99-mailpanel\n", False),
        ("!include /etc/dovecot.d/*.conf\n", False),
        # glob(3): a * matches no slash.
        ("!include *.conf\n", False),
        ("!include /etc/*.conf\n", False),
        ("!include \udcff.conf\n", False),
    ],
)
def test_whether_a_file_is_included(text: str, included: bool) -> None:
    content = text.encode("utf-8", "surrogateescape")
    assert includes(content, DIRECTORY, DROP_IN) is included


class Live:
    """A configuration as an administrator may have it."""

    def __init__(self, place: Path) -> None:
        self.directory = place / "dovecot"
        self.stage = place / "state" / "stage"
        self.stage.parent.mkdir()
        (self.directory / "conf.d").mkdir(parents=True)
        self.main = self.write("dovecot.conf", f"!include {self.directory}/conf.d/*.conf\n")
        self.auth = self.write("conf.d/10-auth.conf", "a = 1\n")
        self.own = self.write("conf.d/99-mailpanel.conf", "old = 1\n")
        self.dovecot = Dovecot(str(self.main))

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text)
        return path

    def snapshot(self) -> dict[str, tuple[bytes, int, float]]:
        return {
            str(path): (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime)
            for root, _, names in os.walk(self.directory.parent, followlinks=True)
            for path in (Path(root, name) for name in names)
            if not path.is_relative_to(self.stage) and path.exists()
        }


@pytest.fixture
def live(tmp_path: Path) -> Live:
    return Live(tmp_path)


def in_stage(stage: Dovecot, name: str) -> str | None:
    path = stage.directory / name
    return path.read_text() if path.exists() else None


def test_what_changes_stands_in_the_stage_alone(live: Live) -> None:
    """Written, made anew, left out; the live files are linked hard and not written through."""
    before = live.snapshot()
    new = live.directory / "mailpanel.d" / "99-new.conf"
    changes = {live.own: b"new = 1\n", live.auth: None, new: b"x = 1\n"}
    with staged(live.dovecot, changes, live.stage) as stage:
        assert stage.config_file.parent != live.directory
        assert in_stage(stage, "conf.d/99-mailpanel.conf") == "new = 1\n"
        assert in_stage(stage, "conf.d/10-auth.conf") is None
        assert in_stage(stage, "mailpanel.d/99-new.conf") == "x = 1\n"
        assert live.snapshot() == before
    assert live.snapshot() == before
    assert list(live.stage.iterdir()) == []


def test_absolute_includes_lead_into_the_stage_and_nothing_else_changes(live: Live) -> None:
    text = (
        f"# {live.directory}/conf.d is where it is\r\n"
        f"!include {live.directory}/conf.d/*.conf\n"
        f"  !include_try\t{live.directory}/local.conf\n"
        f"!include {live.directory}.d/x.conf\n!include /srv/other.conf\n"
        f"ssl_cert = <{live.directory}/cert.pem\n\udcff = 1"
    )
    live.main.write_bytes(text.encode("utf-8", "surrogateescape"))
    with staged(live.dovecot, {}, live.stage) as stage:
        place = stage.directory
        expected = text
        for word in ("!include ", "!include_try\t"):
            expected = expected.replace(f"{word}{live.directory}/", f"{word}{place}/")
        assert stage.config_file.read_bytes() == expected.encode("utf-8", "surrogateescape")
        # What needed no redirection is the live file itself.
        assert (place / "conf.d" / "10-auth.conf").samefile(live.auth)


def test_through_a_linked_directory_nothing_live_is_written(live: Live) -> None:
    """Where conf.d is a link the file in it would else be the live one, and be removed."""
    elsewhere = live.directory.parent / "elsewhere"
    (live.directory / "conf.d").rename(elsewhere)
    (live.directory / "conf.d").symlink_to("../elsewhere")
    before = live.snapshot()
    new = live.directory / "conf.d" / "98-new.conf"
    for content in (None, b"new = 1\n"):
        with staged(live.dovecot, {live.own: content, new: content}, live.stage) as stage:
            name = "conf.d/99-mailpanel.conf"
            assert in_stage(stage, name) == (content.decode() if content else None)
            assert in_stage(stage, "conf.d/10-auth.conf") == "a = 1\n"
            assert live.snapshot() == before
    assert live.snapshot() == before


def test_through_a_linked_file_nothing_live_is_written(live: Live) -> None:
    elsewhere = live.directory.parent / "main.conf"
    live.main.rename(elsewhere)
    live.main.symlink_to(elsewhere)
    (live.directory / "broken.conf").symlink_to("/nowhere")
    (live.directory / "directory.conf").mkdir()
    before = live.snapshot()
    with staged(live.dovecot, {live.main: b"new = 1\n"}, live.stage) as stage:
        assert stage.config_file.read_text() == "new = 1\n"
    assert live.snapshot() == before


def test_nothing_stays_however_it_ends(live: Live) -> None:
    left = live.stage / "etc" / "left by a process that was killed"
    left.parent.mkdir(parents=True)
    left.touch()

    def fail() -> None:
        with staged(live.dovecot, {}, live.stage) as stage:
            assert not (stage.directory / left.name).exists()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(live.stage.iterdir()) == []


def test_nobody_else_looks_into_the_stage(live: Live) -> None:
    with staged(live.dovecot, {}, live.stage):
        assert live.stage.stat().st_mode & 0o077 == 0


def test_files_elsewhere_are_not_laid_out(live: Live) -> None:
    outside = live.directory.parent / "outside.conf"
    with staged(live.dovecot, {outside: b"x"}, live.stage):
        assert not outside.exists()
