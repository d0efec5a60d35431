"""The sweep clears what autoexpunge would, in mailboxes that nobody opens, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from real_host import PATIENCE
from test_preview import ANNA, BOB, CARL, directories, fill, stored

from mailpanel.errors import HostError, Refused
from mailpanel.host import sweep as sweep_module
from mailpanel.host.dovecot import Dovecot
from mailpanel.host.dovecot_part import DovecotPart
from mailpanel.host.sweep import Sweep
from mailpanel.plan import CountOld
from mailpanel.playground.dovecot import PrivateDovecot, dovecot_version
from mailpanel.playground.installation import Installation

SETTING = "junk_trash_clearing_interval"
VALUE = {"junk_days": 7, "trash_days": None}
JUNK, TRASH = CountOld("Junk", "Junk", 7), CountOld("Trash", "Trash", 14)


def swept(dovecot: PrivateDovecot, *wanted: CountOld, slice_: float = 1.0) -> Sweep:
    """Sweep to the end, slice by slice."""
    sweep = Sweep(Dovecot(str(dovecot.config_file)), wanted or (JUNK, TRASH))
    while sweep.go_on(slice_):
        pass
    return sweep


def told(sweep: Sweep) -> dict[str, tuple[int, int, bool]]:
    return {each.folder: (each.messages, each.mailboxes, each.complete) for each in sweep.folders()}


def hold(dovecot: PrivateDovecot, user: str) -> Path:
    """Hold the Junk folder of *user*: doveadm waits for it. Return the lock."""
    folder = dovecot.mail_directory / user / "Maildir" / ".Junk"
    # A message that came by another way gets its number under this lock.
    other = folder / "new" / "1.M1P1.other"
    shutil.copy(next(folder.glob("[cn]e*/*")), other)
    shutil.chown(other, "mail", "mail")
    lock = folder / "dovecot-uidlist.lock"
    lock.touch()
    return lock


@pytest.mark.parametrize(
    ("mail_format", "junk", "trash", "namespace"),
    [
        ("maildir", "Spam 100%", "Gelöscht [a] & weg", "main"),
        ("mdbox", "Junk", "Trash", "inbox"),
    ],
)
def test_old_mail_goes_where_nobody_looks_and_nothing_else(
    make_dovecot, mail_format, junk, trash, namespace
):
    """A message behind a younger one stays, as autoexpunge has it; no other folder is touched."""
    dovecot = make_dovecot(
        folders={"junk": junk, "trash": trash}, namespace=namespace, mail_format=mail_format
    )
    dovecot.start()
    others = {"INBOX": (50,), f"{junk}er": (50,), f"{trash}/kept": (50,)}
    if junk.endswith("%"):
        # What a pattern of that name would find as well.
        others[f"{junk[:-1]} too"] = (50,)
    fill(dovecot, ANNA, **{junk: (400, 9, 0, 30), trash: (15, 13), **others})
    fill(dovecot, BOB, **{junk: (8,), trash: (15,)})
    fill(dovecot, CARL, **{junk: (6,), trash: (0,)})
    before = stored(dovecot, ANNA, BOB, CARL)
    sweep = swept(dovecot, CountOld(junk, junk, 7), CountOld(trash, trash, 14))
    assert told(sweep) == {junk: (3, 2, True), trash: (2, 2, True)}
    assert sweep.says().endswith("cleared, 3 mailboxes looked into.")
    after = stored(dovecot, ANNA, BOB, CARL)
    lines = {user: set(before[user]) - set(after[user]) for user in before}
    # Folder and UID, which tells the how manieth to come it was.
    gone = {user: sorted(line.split("\t")[:2] for _, line in lines[user]) for user in lines}
    assert gone == {
        ANNA: sorted([[junk, "1"], [junk, "2"], [trash, "1"]]),
        BOB: sorted([[junk, "1"], [trash, "1"]]),
        CARL: [],
    }


def test_what_mdbox_keeps_of_it_is_freed(make_dovecot):
    dovecot = make_dovecot(mail_format="mdbox")
    dovecot.start()
    fill(dovecot, ANNA, Junk=(9,) * 5)
    files = list(dovecot.mail_directory.rglob("m.*"))
    assert files
    swept(dovecot)
    assert [path for path in files if path.exists()] == []


def test_nothing_is_made_for_who_never_logged_in(make_dovecot):
    dovecot = make_dovecot(
        extra="namespace inbox {\n  mailbox Trash {\n    auto = create\n  }\n}\n"
    )
    dovecot.start()
    fill(dovecot, ANNA, Junk=(9,))
    dovecot.add_user(BOB, "nobody's")
    place = directories(dovecot)
    assert told(swept(dovecot)) == {"Junk": (1, 1, True), "Trash": (0, 0, True)}
    assert directories(dovecot) == place


def test_a_broken_mailbox_is_told_of_and_the_others_are_cleared(make_dovecot):
    dovecot = make_dovecot()
    dovecot.start()
    for user in (ANNA, BOB, CARL):
        fill(dovecot, user, Junk=(9,))
    folder = dovecot.mail_directory / BOB / "Maildir" / ".Junk"
    shutil.rmtree(folder / "cur")
    (folder / "cur").write_text("no directory")
    sweep = swept(dovecot)
    assert told(sweep)["Junk"] == (2, 2, False)
    assert sweep.says().endswith("Not every one could be cleared.")


def test_many_messages_go_piece_by_piece(make_dovecot, monkeypatch):
    monkeypatch.setattr(sweep_module, "MESSAGES", 2)
    monkeypatch.setattr(sweep_module, "USERS", 1)
    dovecot = make_dovecot()
    dovecot.start()
    fill(dovecot, ANNA, Junk=(20, 19, 18, 17, 16, 1))
    fill(dovecot, BOB, Junk=(20, 19, 18))
    assert told(swept(dovecot, slice_=0))["Junk"] == (8, 2, True)
    assert dovecot.messages(ANNA, "Junk") == ["1 days"]


def test_one_that_is_stopped_deletes_nothing_more(make_dovecot, monkeypatch):
    monkeypatch.setattr(sweep_module, "MESSAGES", 1)
    dovecot = make_dovecot()
    dovecot.start()
    fill(dovecot, ANNA, Junk=(20, 19, 18))
    sweep = Sweep(Dovecot(str(dovecot.config_file)), (JUNK,))
    while not sum(each.messages for each in sweep.folders()):
        assert sweep.go_on(0)
    sweep.stop()
    assert not sweep.go_on(1)
    assert told(sweep)["Junk"] == (1, 1, False)
    assert dovecot.messages(ANNA, "Junk") == ["19 days", "18 days"]


def test_a_mailbox_that_takes_too_long_keeps_no_other_waiting(make_dovecot, monkeypatch):
    monkeypatch.setattr(sweep_module, "LONG_PATIENCE", 0.8)
    dovecot = make_dovecot()
    dovecot.start()
    for user in (ANNA, BOB, CARL):
        fill(dovecot, user, Junk=(9,))
    hold(dovecot, ANNA)
    assert told(swept(dovecot, JUNK)) == {"Junk": (2, 2, False)}


def with_field(dovecot: PrivateDovecot, user: str, fields: str) -> None:
    """Have the userdb tell *fields* of *user*, from the home on."""
    lines = dovecot.users_file.read_text().splitlines()
    changed = [
        line.removesuffix(":::") + fields if line.startswith(f"{user}:") else line for line in lines
    ]
    # It is looked at once in a second.
    time.sleep(1.1)
    dovecot.users_file.write_text("".join(f"{line}\n" for line in changed))
    deadline = time.monotonic() + PATIENCE
    while fields.rsplit("=", maxsplit=1)[-1].strip(":") not in dovecot.doveadm("user", user):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_who_has_an_interval_of_their_own_is_left_to_dovecot(make_dovecot):
    dovecot = make_dovecot()
    dovecot.start()
    for user in (ANNA, BOB):
        fill(dovecot, user, Junk=(30,))
    with_field(dovecot, ANNA, ":::userdb_namespace/inbox/mailbox/Junk/autoexpunge=365d")
    sweep = swept(dovecot)
    assert told(sweep)["Junk"] == (1, 1, True)
    assert "1 mailbox has an interval of their own" in sweep.says()
    assert dovecot.messages(ANNA, "Junk") == ["30 days"]


def test_a_home_that_cannot_be_looked_at_is_not_the_others(make_dovecot):
    dovecot = make_dovecot()
    dovecot.start()
    for user in (ANNA, BOB):
        fill(dovecot, user, Junk=(30,))
    with_field(dovecot, ANNA, f":/tmp/{'x' * 300}::")
    assert told(swept(dovecot))["Junk"] == (1, 1, False)


def test_a_mailbox_that_is_locked_is_waited_for_once(make_dovecot, monkeypatch):
    monkeypatch.setattr(sweep_module, "MESSAGES", 1)
    dovecot = make_dovecot()
    dovecot.start()
    fill(dovecot, ANNA, Junk=(20, 19, 18))
    fill(dovecot, BOB, Junk=(20, 19))
    tried: list[str] = []
    delete = Sweep._delete

    def counted(sweep: Sweep, folder: Any, chunk: Any) -> bool:
        tried.append(chunk.user)
        return chunk.user != ANNA and delete(sweep, folder, chunk)

    monkeypatch.setattr(Sweep, "_delete", counted)
    swept(dovecot)
    assert tried == [ANNA, BOB, BOB]


def part_of(dovecot: PrivateDovecot) -> DovecotPart:
    names = {"dovecot_config_file": dovecot.config_file, "state_directory": dovecot.directory}
    return DovecotPart(SimpleNamespace(**{name: str(path) for name, path in names.items()}))


@pytest.mark.parametrize("block", ["protocol imap", "protocol lmtp", "remote 192.0.2.0/24"])
def test_nothing_goes_where_dovecot_has_more_than_one_interval(make_dovecot, block):
    """By one of them Dovecot itself would keep the mail."""
    own = "namespace inbox {{\n  mailbox Junk {{\n    autoexpunge = {}\n  }}\n}}\n"
    dovecot = make_dovecot(extra=f"{block} {{\n{own.format('90d')}}}\n{own.format('7d')}")
    dovecot.start()
    with pytest.raises(HostError, match="nothing is cleared"):
        part_of(dovecot).sweep((JUNK,))
    dovecot = make_dovecot(extra=own.format("7d"))
    dovecot.start()
    part_of(dovecot).sweep((JUNK,))


class TestLazyExpunge:
    OLD = dovecot_version().startswith("2.3")
    PLUGIN = (
        "plugin {\n  lazy_expunge = Expunged\n}\n" if OLD else "lazy_expunge_mailbox = Expunged\n"
    )
    OF_IMAP = (
        "mail_plugins = $mail_plugins lazy_expunge\n"
        if OLD
        else "mail_plugins {\n  lazy_expunge = yes\n}\n"
    )

    def test_what_imap_keeps_is_moved(self, make_dovecot):
        dovecot = make_dovecot(extra=f"{self.PLUGIN}protocol imap {{\n{self.OF_IMAP}}}\n")
        dovecot.start()
        fill(dovecot, ANNA, Junk=(30,), Expunged=())
        sweep = swept(dovecot)
        assert "was moved to where that keeps it" in sweep.says()
        assert dovecot.messages(ANNA, "Junk") == []
        assert dovecot.messages(ANNA, "Expunged") == ["30 days"]

    def test_nothing_goes_where_doveadm_would_not_move_it(self, make_dovecot):
        dovecot = make_dovecot(extra=f"protocol imap {{\n{self.OF_IMAP}{self.PLUGIN}}}\n")
        dovecot.start()
        fill(dovecot, ANNA, Junk=(30,))
        with pytest.raises(Refused, match="protocol imap"):
            swept(dovecot)
        assert dovecot.messages(ANNA, "Junk") == ["30 days"]


def _quota(dovecot: PrivateDovecot) -> list[str]:
    answer = dovecot.doveadm("-f", "tab", "-o", "mail_plugins=quota", "quota", "get", "-u", ANNA)
    return re.findall(r"MESSAGE\t([0-9]+)", answer)


def test_a_quota_that_imap_alone_counts_by_knows_what_is_gone(make_dovecot):
    old = (
        "protocol imap {\n  mail_plugins = $mail_plugins quota\n}\n"
        "plugin {\n  quota = maildir:User quota\n  quota_rule = *:storage=1G\n}\n"
    )
    new = (
        "protocol imap {\n  mail_plugins {\n    quota = yes\n  }\n}\n"
        'quota "User quota" {\n  driver = maildir\n  storage_size = 1G\n}\n'
    )
    dovecot = make_dovecot(extra=old if dovecot_version().startswith("2.3") else new)
    dovecot.start()
    fill(dovecot, ANNA, Junk=(9, 8, 1))
    dovecot.doveadm("-o", "mail_plugins=quota", "quota", "recalc", "-u", ANNA)
    assert _quota(dovecot) == ["3"]
    swept(dovecot)
    assert _quota(dovecot) == ["1"]


@pytest.mark.parametrize(
    "wanted", [CountOld("Junk", "Junk", 0), CountOld("INBOX", "inbox", 7), CountOld("*", "*", 7)]
)
def test_what_would_be_everything_is_refused(wanted):
    """savedbefore 0d is every message, and the inbox is never cleared."""
    with pytest.raises(ValueError, match=r"everything|inbox"):
        Sweep(Dovecot("/nowhere/dovecot.conf"), (wanted,))


def runs(panel: Installation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = panel.api("GET", "clearing/").body["clearing"]["runs"]
    return found


def ended(panel: Installation, count: int) -> Callable[[], bool]:
    """Return what says whether there are *count* runs, and all have ended."""
    return lambda: len(runs(panel)) == count and all(each["ended"] for each in runs(panel))


def test_it_goes_by_what_is_live_and_by_nothing_else(make_dovecot, postfix, make_panel, wait_until):
    """Not while somebody has edited that, nor while Dovecot is down; then by the days applied."""
    dovecot = make_dovecot()
    dovecot.start()
    fill(dovecot, ANNA, Junk=(9, 3), Trash=(400,), INBOX=(50,))
    panel = make_panel(postfix, dovecot)
    refused = panel.api("POST", "clearing/run/", {})
    assert (refused.status, runs(panel)) == (202, [])
    assert "no interval is live" in refused.body["clearing"]["hosts"][0]["error"]
    assert panel.set(SETTING, VALUE)["status"] == "applied"
    (drop_in,) = dovecot.config_directory.rglob("99-mailpanel-*")
    text = drop_in.read_text()
    drop_in.write_text(text.replace("autoexpunge = 7d", "autoexpunge = 2d"))
    panel.api("POST", "clearing/run/", {})
    wait_until(ended(panel, 1))
    assert "somebody has edited that" in runs(panel)[0]["error"]
    drop_in.write_text(text)
    dovecot.stop()
    panel.api("POST", "clearing/run/", {})
    wait_until(ended(panel, 2))
    assert "Dovecot is not running" in runs(panel)[0]["error"]
    dovecot.start()
    assert dovecot.messages(ANNA, "Junk") == ["9 days", "3 days"]
    printed = panel.command("clear", "run", "--wait")
    assert "1 message" in printed
    run = runs(panel)[0]
    assert (run["status"], run["asked_by"], run["messages"]) == ("done", "root", 1)
    assert [(each["folder"], each["days"]) for each in run["folders"]] == [("Junk", 7)]
    assert dovecot.messages(ANNA, "Junk") == ["3 days"]
    assert dovecot.messages(ANNA, "Trash") == ["400 days"]
    assert dovecot.messages(ANNA, "INBOX") == ["50 days"]
    again = panel.api("POST", "clearing/run/", {}).body["clearing"]["hosts"][0]
    assert "a moment ago" in again["error"]


def test_once_a_day_and_a_run_that_is_killed_is_over(make_dovecot, postfix, make_panel, wait_until):
    """A host that was off at the time clears when it is back, and after that no more that day."""
    dovecot = make_dovecot()
    dovecot.start()
    fill(dovecot, ANNA, Junk=(9, 3))
    a_minute_ago = f"{datetime.now() - timedelta(minutes=1):%H:%M}"
    panel = make_panel(postfix, dovecot, {"mailpanel.clearing_time": a_minute_ago})
    # What was not live at the time waits for tomorrow.
    assert panel.set(SETTING, VALUE)["status"] == "applied"
    assert runs(panel) == []
    panel.stop_service("apply")
    fill(dovecot, BOB, Junk=(9,))
    lock = hold(dovecot, BOB)
    panel.start_service("apply", "apply")
    wait_until(lambda: len(runs(panel)) == 1)
    assert runs(panel)[0]["status"] == "running"
    os.kill(panel.pid("apply"), signal.SIGKILL)
    panel.stop_service("apply")
    lock.unlink()
    panel.start_service("apply", "apply")
    wait_until(ended(panel, 1))
    (run,) = runs(panel)
    assert (run["status"], run["day"] is None) == ("failed", False)
    assert "without a word" in run["error"]
    assert dovecot.messages(ANNA, "Junk")[-1] == "3 days"


def test_a_change_in_its_midst_ends_it(make_dovecot, postfix, make_panel, wait_until):
    """And is made meanwhile: what is set to never is cleared no more."""
    dovecot = make_dovecot()
    dovecot.start()
    fill(dovecot, BOB, Junk=(9,))
    panel = make_panel(postfix, dovecot)
    assert panel.set(SETTING, VALUE)["status"] == "applied"
    lock = hold(dovecot, BOB)
    assert panel.api("POST", "clearing/run/", {}).status == 202
    wait_until(lambda: len(runs(panel)) == 1)
    answer = panel.api("POST", f"settings/{SETTING}/", {"junk_days": None, "trash_days": None})
    assert answer.status == 200
    wait_until(ended(panel, 1))
    assert "has been changed meanwhile" in runs(panel)[0]["error"]
    lock.unlink()
    assert "9 days" in dovecot.messages(BOB, "Junk")
