"""A test of the interval tells just what Dovecot would then delete, and touches nothing."""

from __future__ import annotations

import datetime
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from standing import below
from test_clearing_interval import PASSWORD, tree, visit
from test_unsaved_values import steps, tried

from mailpanel.host.dovecot import Dovecot
from mailpanel.host.old_mail import count_old
from mailpanel.plan import CountOld
from mailpanel.playground.dovecot import PrivateDovecot
from mailpanel.playground.installation import Installation

SETTING = "junk_trash_clearing_interval"
MASTER = "imap_master_password"
ANNA, BOB, CARL = "anna@example.org", "bob@example.org", "carl@example.org"
VALUE = {"junk_days": 7, "trash_days": 14}
# In seconds before the end of a day of UTC's: no test of those that follow begins then.
MIDNIGHT = 60.0


def fill(dovecot: PrivateDovecot, user: str, **ages: tuple[int, ...]) -> None:
    """Give *user*, where there is none, messages of these ages in days, oldest arrival first."""
    # What is told is the day: it shall be the same one to the test's end.
    end = (time.time() // 86_400 + 1) * 86_400
    if end - time.time() < MIDNIGHT:
        time.sleep(end - time.time())
    if user not in dovecot.users_file.read_text():
        dovecot.add_user(user, PASSWORD)
    for folder, days in ages.items():
        for age in days:
            dovecot.save(user, folder, f"{age} days", age)


def preview(panel: Installation, value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a test of *value* counts, by folder; nothing that it counts is in doubt."""
    host = tried(panel, SETTING, value)
    assert host["ok"], host
    assert ("count", True) in steps(host)
    assert all(each["complete"] for each in host["preview"])
    return {each["folder"]: each for each in host["preview"]}


def counts(found: dict[str, dict[str, Any]], *names: str) -> dict[str, tuple[Any, ...]]:
    """Return only the values of *names*, by folder."""
    return {folder: tuple(each[name] for name in names) for folder, each in found.items()}


def said(host: dict[str, Any], step: str) -> str:
    (says,) = [each["says"] for each in host["steps"] if each["name"] == step]
    return says


def stored(dovecot: PrivateDovecot, *users: str) -> dict[str, list[tuple[str, str]]]:
    """Return each message, with its folder and size, of each user, without opening others."""
    fetch = ("-f", "tab", "fetch", "-u")
    found = {}
    for user in users:
        lines = dovecot.doveadm(*fetch, user, "mailbox uid size.physical", "all").splitlines()[1:]
        found[user] = sorted((line.split("\t")[0], line) for line in lines)
    return found


def directories(dovecot: PrivateDovecot) -> set[Path]:
    return {path for path in below(dovecot.mail_directory) if path.is_dir()}


def day(age: int) -> str:
    """Return the day *age* days ago, where mail came in at this time of day."""
    return (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=age)).date().isoformat()


@pytest.mark.parametrize(
    ("mail_format", "junk", "trash", "namespace"),
    [
        ("maildir", "Spam 100%", "Gelöscht [a] & weg", "main"),
        ("maildir", "Junk", "Trash", "inbox"),
        ("mdbox", "Spam 100%", "Gelöscht [a] & weg", "main"),
    ],
)
def test_what_it_counts_is_what_is_gone_then(
    make_dovecot, postfix, make_panel, *, mail_format, junk, trash, namespace
):
    """To the message and the byte, in all mailboxes; also where younger mail came before older."""
    dovecot = make_dovecot(
        folders={"junk": junk, "trash": trash}, namespace=namespace, mail_format=mail_format
    )
    dovecot.start()
    # The third is behind one that may stay; a folder that only begins like it is another.
    fill(dovecot, ANNA, **{junk: (400, 9, 0, 30), trash: (15, 13), f"{junk}er": (50,)})
    fill(dovecot, BOB, **{junk: (8,), f"{trash}/kept": (50,)})
    fill(dovecot, CARL, **{junk: (6,), trash: (0,)})
    for user in (ANNA, BOB, CARL):
        fill(dovecot, user, INBOX=(50,))
    panel = make_panel(postfix, dovecot)
    before, place = stored(dovecot, ANNA, BOB, CARL), directories(dovecot)
    found = preview(panel, VALUE)
    assert counts(found, "messages", "newly", "mailboxes", "oldest", "days") == {
        junk: (3, 3, 2, day(400), 7),
        trash: (1, 1, 1, day(15), 14),
    }
    assert (stored(dovecot, ANNA, BOB, CARL), directories(dovecot)) == (before, place)
    assert panel.set(SETTING, VALUE)["status"] == "applied"
    for user in (ANNA, BOB, CARL):
        visit(dovecot, user)
    after = stored(dovecot, ANNA, BOB, CARL)
    gone = [
        line
        for user in before
        for folder, line in before[user]
        if (folder, line) not in after[user]
    ]
    for folder, each in found.items():
        sizes = [int(line.split("\t")[2]) for line in gone if line.split("\t")[0] == folder]
        assert (each["messages"], each["bytes"]) == (len(sizes), sum(sizes))
    assert len(gone) == 4
    assert counts(preview(panel, VALUE), "messages", "oldest") == {
        junk: (0, None),
        trash: (0, None),
    }


def test_folders_below_a_prefix_are_found(make_dovecot, postfix, make_panel):
    dovecot = make_dovecot(extra="namespace inbox {\n  prefix = INBOX/\n}\n")
    dovecot.start()
    fill(dovecot, ANNA, **{"INBOX/Junk": (9, 1), "INBOX/Trash": (15, 15)})
    panel = make_panel(postfix, dovecot)
    found = preview(panel, VALUE)
    assert counts(found, "messages") == {"Junk": (1,), "Trash": (2,)}
    assert panel.set(SETTING, VALUE)["status"] == "applied"
    visit(dovecot, ANNA)
    assert dovecot.messages(ANNA, "INBOX/Junk") == ["1 days"]
    assert dovecot.messages(ANNA, "INBOX/Trash") == []


def test_several_folders_of_one_use_and_patterns_are_counted_each(
    make_dovecot, postfix, make_panel
):
    own = "namespace inbox {\n  mailbox Spam* {\n    special_use = \\Junk\n  }\n}\n"
    dovecot = make_dovecot(extra=own)
    dovecot.start()
    fill(dovecot, ANNA, Junk=(9,), Spam=(9, 8), Spammers=(30, 0))
    panel = make_panel(postfix, dovecot)
    found = preview(panel, {"junk_days": 7, "trash_days": None})
    assert counts(found, "messages", "mailboxes") == {"Junk": (1, 1), "Spam*": (3, 1)}
    assert panel.set(SETTING, {"junk_days": 7, "trash_days": None})["status"] == "applied"
    visit(dovecot, ANNA)
    left = [dovecot.messages(ANNA, name) for name in ("Junk", "Spam", "Spammers")]
    assert left == [[], [], ["0 days"]]


def test_nothing_is_made_for_anybody(make_dovecot, postfix, make_panel):
    """No home of one who never logged in, and no folder that is made when it is first opened."""
    dovecot = make_dovecot(
        extra="namespace inbox {\n  mailbox Trash {\n    auto = create\n  }\n}\n"
    )
    dovecot.start()
    fill(dovecot, ANNA, Junk=(9,))
    dovecot.add_user(BOB, PASSWORD)
    # A home alone is no mailbox yet.
    dovecot.add_user(CARL, PASSWORD)
    (dovecot.mail_directory / CARL).mkdir()
    panel = make_panel(postfix, dovecot)
    before, place = tree(dovecot), directories(dovecot)
    assert counts(preview(panel, VALUE), "messages") == {"Junk": (1,), "Trash": (0,)}
    assert directories(dovecot) == place
    assert tree(dovecot) == before


def test_what_the_present_interval_clears_already_is_told_apart(make_dovecot, postfix, make_panel):
    """The admin's own, and then mailpanel's."""
    own = "namespace inbox {\n  mailbox Junk {\n    autoexpunge = 30d\n  }\n}\n"
    dovecot = make_dovecot(extra=own)
    dovecot.start()
    fill(dovecot, ANNA, Junk=(60, 31, 20, 9, 1), Trash=(60, 20))
    panel = make_panel(postfix, dovecot)
    found = preview(panel, VALUE)
    assert counts(found, "messages", "newly") == {"Junk": (4, 2), "Trash": (2, 2)}
    assert "By the present interval 2 of them go already." in found["Junk"]["says"]
    assert "present interval" not in found["Trash"]["says"]
    assert panel.set(SETTING, {"junk_days": 10, "trash_days": 50})["status"] == "applied"
    found = preview(panel, VALUE)
    assert counts(found, "messages", "newly") == {"Junk": (4, 1), "Trash": (2, 1)}
    assert counts(preview(panel, {"junk_days": 10, "trash_days": 60}), "newly") == {
        "Junk": (0,),
        "Trash": (0,),
    }


def test_where_nothing_is_due_it_says_so(whole_panel, dovecot):
    fill(dovecot, ANNA, Junk=(3,), Trash=(90,))
    host = tried(whole_panel, SETTING, {"junk_days": 7, "trash_days": None})
    assert said(host, "count").startswith("Nothing is due.")
    (junk,) = host["preview"]
    assert (junk["messages"], junk["oldest"]) == (0, None)
    assert junk["says"] == "Junk: nothing is older than 7 days."
    host = tried(whole_panel, SETTING, {"junk_days": None, "trash_days": None})
    assert (host["ok"], host["preview"]) == (True, [])
    assert "count" not in dict(steps(host))


def test_a_broken_mailbox_does_not_hide_the_others(whole_panel, dovecot):
    """And it says that there may be more."""
    fill(dovecot, ANNA, Junk=(9,))
    fill(dovecot, BOB, Junk=(9,))
    fill(dovecot, CARL, Junk=(9, 9))
    folder = dovecot.mail_directory / BOB / "Maildir" / ".Junk"
    shutil.rmtree(folder / "cur")
    (folder / "cur").write_text("no directory")
    host = tried(whole_panel, SETTING, {"junk_days": 7, "trash_days": None})
    assert host["ok"], host
    (junk,) = host["preview"]
    assert (junk["messages"], junk["mailboxes"], junk["complete"]) == (3, 2, False)
    assert "at least 3 messages" in junk["says"]
    assert "not every one could be read" in said(host, "count")


def test_users_that_cannot_be_listed_are_no_failure(make_dovecot, postfix, make_panel):
    dovecot = make_dovecot()
    auth = dovecot.config_directory / "conf.d" / "10-auth.conf"
    passdb = auth.read_text().partition("userdb")[0]
    home = f"{dovecot.mail_directory}/%"
    userdb = "userdb {\n  driver = static\n  args = uid=mail gid=mail home=" + home + "u\n}\n"
    if "passdb passwd-file" in passdb:
        fields = f"    uid = mail\n    gid = mail\n    home = {home}{{user}}\n"
        userdb = "userdb static {\n  fields {\n" + fields + "  }\n}\n"
    auth.write_text(passdb + userdb)
    dovecot.start()
    panel = make_panel(postfix, dovecot)
    host = tried(panel, SETTING, VALUE)
    assert (host["ok"], host["preview"]) == (True, None), host
    assert "cannot list its users" in said(host, "count")


def test_a_dry_run_counts_nothing(whole_panel, dovecot):
    fill(dovecot, ANNA, Junk=(9,))
    answer = whole_panel.api("POST", f"settings/{SETTING}/?dry_run=1", VALUE)
    (host,) = answer.body["dry_run"]["hosts"]
    assert (host["ok"], host["preview"]) == (True, None)


def test_when_the_time_is_up_it_tells_what_it_has(dovecot, monkeypatch):
    """A mailbox that somebody holds locked keeps nobody waiting."""
    dovecot.start()
    fill(dovecot, ANNA, Junk=(9, 8))
    fill(dovecot, BOB, Junk=(9,))
    folder = dovecot.mail_directory / BOB / "Maildir" / ".Junk"
    # A message that came by another way gets its number under this lock.
    shutil.copy(next(folder.glob("[cn]e*/*")), folder / "new" / "1.M1P1.other")
    (folder / "dovecot-uidlist.lock").touch()
    monkeypatch.setattr("mailpanel.host.dovecot_users.BATCH", 1)
    wanted = [CountOld("Junk", "Junk", 7)]
    counted = count_old(Dovecot(str(dovecot.config_file)), wanted, {}, patience=6.0)
    (junk,) = counted.folders
    assert (junk.messages, junk.mailboxes, junk.complete) == (2, 1, False)
    assert counted.says == "At least 2 messages due: 1 mailbox looked into, then the time was up."


def test_the_command_tells_it_in_sentences(whole_panel, dovecot):
    fill(dovecot, ANNA, Junk=(40, 9), Trash=(1,))
    given = ("setting", "test", SETTING, "--json", "-")
    printed = whole_panel.command(*given, stdin=json.dumps(VALUE))
    size = sum(
        int(line.split("\t")[2]) for folder, line in stored(dovecot, ANNA)[ANNA] if folder == "Junk"
    )
    assert (
        f"  Junk: 2 messages ({size} B) in 1 mailbox are older than 7 days, "
        f"the oldest from {day(40)}.\n  Trash: nothing is older than 14 days.\n"
    ) in printed
    assert "2 messages due. 1 mailbox looked into." in printed


@pytest.mark.parametrize("networks", ["", "10.1.0.0/16 192.0.2.7"])
def test_the_master_password_says_how_to_log_in(make_dovecot, postfix, make_panel, networks):
    dovecot = make_dovecot()
    panel = make_panel(postfix, dovecot, {"mailpanel.master_allow_nets": networks})
    host = tried(panel, MASTER, {})
    assert host["ok"], host
    assert steps(host) == [("read", True), ("check", True), ("log in", True)]
    assert "user@example.net*master" in said(host, "log in")
    where = "from any network" if not networks else "from 10.1.0.0/16, 192.0.2.7/32 alone"
    assert where in said(host, "log in")
    assert any("master-users" in diff["path"] for diff in host["diffs"])
    assert host["preview"] == []
