"""junk_trash_clearing_interval on a real Dovecot: old mail goes, and nothing else."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from real_host import PATIENCE
from standing import contents

from mailpanel.playground.dovecot import PrivateDovecot

USER, PASSWORD = "anna@example.org", "anna's own: #1"
SETTING = "junk_trash_clearing_interval"
# In the order in which mail comes: autoexpunge stops at the first message that may stay.
AGES = (400, 15, 13, 8, 6, 0)
ALL = [f"{age} days" for age in AGES]


def fill(dovecot: PrivateDovecot, *folders: str) -> None:
    """Store a message of each age in each folder."""
    dovecot.add_user(USER, PASSWORD)
    for folder in folders:
        for age in AGES:
            dovecot.save(USER, folder, f"{age} days", age)


def visit(dovecot: PrivateDovecot, user: str = USER) -> None:
    """Log in and out, and wait for the process: it clears the mailbox when the client has gone."""

    def processes() -> list[str]:
        return re.findall(r"imap-login: .*\bmpid=([0-9]+)", dovecot.log())

    before = len(processes())
    with dovecot.imap(user, PASSWORD) as session:
        session.select("INBOX")
    deadline = time.monotonic() + PATIENCE
    # The log is written by a process of its own, when that gets round to it.
    while len(processes()) == before or Path("/proc", processes()[-1]).exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def tree(dovecot: PrivateDovecot) -> dict[str, tuple[bytes, int, int, int]]:
    """Return all of the configuration to the byte, with mode and owner."""
    return {
        str(path.relative_to(dovecot.config_directory)): (
            content,
            path.stat().st_mode,
            path.stat().st_uid,
            path.stat().st_gid,
        )
        for path, content in contents(dovecot.config_directory).items()
    }


@pytest.mark.parametrize("conf_d", [True, False])
@pytest.mark.parametrize(
    ("junk", "trash", "namespace"),
    [("Junk", "Trash", "inbox"), ("Spam", "Deleted Messages", "main")],
)
def test_old_mail_goes_and_nothing_else(
    make_dovecot, postfix, make_panel, *, conf_d, junk, trash, namespace
):
    """Whatever the folders and the namespace are called, with and without a conf.d."""
    dovecot = make_dovecot(
        folders={"junk": junk, "trash": trash}, namespace=namespace, conf_d=conf_d
    )
    dovecot.start()
    fill(dovecot, "INBOX", "Archive", junk, trash, f"{trash}/kept")
    before = tree(dovecot)
    panel = make_panel(postfix, dovecot)
    state = panel.set(SETTING, {"junk_days": 7, "trash_days": 14})
    assert state["status"] == "applied"
    visit(dovecot)
    assert dovecot.messages(USER, junk) == ALL[4:]
    assert dovecot.messages(USER, trash) == ALL[2:]
    for folder in ("INBOX", "Archive", f"{trash}/kept"):
        assert dovecot.messages(USER, folder) == ALL
    assert panel.reset(SETTING).status == 204
    assert tree(dovecot) == before


def test_never_turns_an_interval_of_the_admins_off(make_dovecot, postfix, make_panel, wait_until):
    """And a reset brings it back."""
    own = "namespace inbox {\n  mailbox Trash {\n    autoexpunge = 3d\n  }\n}\n"
    dovecot = make_dovecot(extra=own)
    dovecot.start()
    fill(dovecot, "Trash")
    panel = make_panel(postfix, dovecot)

    def present() -> object:
        (host,) = panel.api("GET", f"settings/{SETTING}/status/").body["status"]["hosts"]
        return host["present"]

    wait_until(lambda: present() == {"junk_days": None, "trash_days": 3})
    assert panel.set(SETTING, {"junk_days": 7, "trash_days": None})["status"] == "applied"
    visit(dovecot)
    assert dovecot.messages(USER, "Trash") == ALL
    assert panel.reset(SETTING).status == 204
    visit(dovecot)
    assert dovecot.messages(USER, "Trash") == ALL[5:]


def test_what_would_newly_be_deleted_waits(make_dovecot, postfix, make_panel, wait_until):
    """The milder interval counts at once and says from when the new one does."""
    dovecot = make_dovecot()
    dovecot.start()
    fill(dovecot, "Junk", "Trash")
    # Time enough to look at what counts meanwhile.
    panel = make_panel(postfix, dovecot, {"mailpanel.clearing_grace": "12"})
    assert panel.set(SETTING, {"junk_days": None, "trash_days": 14})["status"] == "applied"
    visit(dovecot)
    assert dovecot.messages(USER, "Trash") == ALL
    (host,) = panel.api("GET", f"settings/{SETTING}/status/").body["status"]["hosts"]
    assert host["effective_from"].endswith("Z")

    def is_strict() -> bool:
        (host,) = panel.api("GET", f"settings/{SETTING}/status/").body["status"]["hosts"]
        return host["status"] == "applied" and "effective_from" not in host

    wait_until(is_strict)
    visit(dovecot)
    assert dovecot.messages(USER, "Trash") == ALL[2:]
    assert dovecot.messages(USER, "Junk") == ALL


def failure(state: dict[str, str]) -> str:
    """Return why the change failed, which it must have."""
    assert state["status"] == "failed"
    return state["error"]


def test_without_a_junk_folder_it_says_how_to_get_one(make_dovecot, postfix, make_panel):
    dovecot = make_dovecot()
    mailboxes = dovecot.config_directory / "conf.d" / "15-mailboxes.conf"
    mailboxes.write_text(mailboxes.read_text().replace("special_use = \\Junk", ""))
    dovecot.start()
    before = tree(dovecot)
    panel = make_panel(postfix, dovecot)
    error = failure(panel.set(SETTING, {"junk_days": 7, "trash_days": 14}))
    assert "special_use = \\Junk" in error
    assert tree(dovecot) == before
    assert panel.set(SETTING, {"junk_days": None, "trash_days": 14})["status"] == "applied"


def test_a_broken_configuration_of_the_admins_is_named_and_left(
    make_dovecot, postfix, make_panel, wait_until
):
    """By file and line; and mailpanel goes on by itself when it is mended."""
    dovecot = make_dovecot()
    dovecot.start()
    panel = make_panel(postfix, dovecot)
    broken = dovecot.config_directory / "conf.d" / "20-own.conf"
    broken.write_text("# my own\nno_such_parameter = yes\n")
    before = tree(dovecot)
    error = failure(panel.set(SETTING, {"junk_days": 7, "trash_days": 14}))
    assert "20-own.conf" in error
    assert "2" in error
    assert tree(dovecot) == before
    broken.unlink()

    def is_applied() -> bool:
        answer = panel.api("GET", f"settings/{SETTING}/").body["settings"]
        return answer["status"] == "applied"

    wait_until(is_applied)


def test_a_line_of_the_admins_that_comes_later_is_named(make_dovecot, postfix, make_panel):
    """It would win, so nothing would be cleared as it was wanted."""
    dovecot = make_dovecot()
    own = "namespace inbox {\n  mailbox Junk {\n    autoexpunge = 90d\n  }\n}\n"
    (dovecot.config_directory / "local.conf").write_text(own)
    dovecot.start()
    before = tree(dovecot)
    panel = make_panel(postfix, dovecot)
    error = failure(panel.set(SETTING, {"junk_days": 7, "trash_days": None}))
    assert "autoexpunge" in error
    assert tree(dovecot) == before


def test_an_edited_drop_in_is_neither_overwritten_nor_removed(make_dovecot, postfix, make_panel):
    dovecot = make_dovecot()
    dovecot.start()
    panel = make_panel(postfix, dovecot)
    assert panel.set(SETTING, {"junk_days": 7, "trash_days": 14})["status"] == "applied"
    (drop_in,) = dovecot.config_directory.rglob("99-mailpanel-*")
    edited = drop_in.read_text() + "# mine\n"
    drop_in.write_text(edited)
    error = failure(panel.set(SETTING, {"junk_days": 8, "trash_days": 14}))
    assert "edited by hand" in error
    assert drop_in.read_text() == edited


def test_a_foreign_file_in_its_place_is_not_touched(make_dovecot, postfix, make_panel):
    dovecot = make_dovecot()
    dovecot.start()
    panel = make_panel(postfix, dovecot)
    place = Path(dovecot.config_directory, "conf.d", f"99-mailpanel-{SETTING}.conf")
    place.write_text("# somebody else's\n")
    error = failure(panel.set(SETTING, {"junk_days": 8, "trash_days": 14}))
    assert "not mailpanel's" in error
    assert place.read_text() == "# somebody else's\n"


def test_a_dovecot_that_does_not_run_is_waited_for(make_dovecot, postfix, make_panel, wait_until):
    dovecot = make_dovecot()
    dovecot.start()
    panel = make_panel(postfix, dovecot)
    dovecot.stop()
    assert "start it" in failure(panel.set(SETTING, {"junk_days": 8, "trash_days": 14}))
    dovecot.start()

    def is_applied() -> bool:
        answer = panel.api("GET", f"settings/{SETTING}/").body["settings"]
        return answer["status"] == "applied"

    wait_until(is_applied)
