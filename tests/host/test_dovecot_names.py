"""What mailpanel writes for Dovecot is what doveconf reads, whatever the admin's names are."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from mailpanel.host.doveconf import Doveconf
from mailpanel.plan import DovecotFacts, DovecotSays, Facts, Folder, WriteFile
from mailpanel.settings import SETTINGS

ADMINS = """\
protocols = imap
mail_location = maildir:~/Maildir
namespace {namespace} {{
  inbox = yes
  mailbox {folder} {{
    special_use = \\Trash
  }}
}}
{more}
"""
VALUES: dict[str, dict[str, Any]] = {
    "junk_trash_clearing_interval": {"junk_days": None, "trash_days": 14},
    "imap_master_password": {"hash": "{ARGON2ID}…"},
}


def doveconf(path: Path, text: str) -> Doveconf:
    path.write_text(text, encoding="utf-8")
    argv = ["doveconf", "-c", str(path), "-n"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return Doveconf(done.stdout)


def read_with(place: Path, setting: str, admins: str, **parameters: str) -> None:
    """Assert that with *setting*'s drop-in behind the *admins* own configuration doveconf says
    what the plan expects, and nothing of the admin's is gone."""
    before = doveconf(place / "before.conf", admins)
    (namespace,) = before.blocks("namespace")
    folders = {
        name: Folder(frozenset({each["special_use"]}))
        for name, each in before.blocks("mailbox", (f"namespace {namespace}",)).items()
    }
    dovecot = DovecotFacts(
        "2.3.19.1", parameters, namespace, folders, str(place), str(place), "dovecot"
    )
    facts = Facts(host_name="mx.test", ca_file="/etc/ca.pem", dovecot=dovecot)
    plan = SETTINGS[setting].plan(VALUES[setting], None, facts)
    (drop_in,) = [each for each in plan.changes if isinstance(each, WriteFile)]
    after = doveconf(place / "after.conf", f"{admins}\n{drop_in.content}")
    (check,) = plan.checks
    assert isinstance(check, DovecotSays)
    for key, value in check.values:
        assert after.says(key, value), key
    added, removed = after.differences(before)
    said = {key for key, _ in check.values}
    assert removed <= said
    # The blocks around them are new too, and a passdb says what it is called.
    blocks = {key[:depth] for key in said for depth in range(1, len(key))}
    assert set(added) <= said | blocks | {("protocol imap", "passdb", "name")}


@pytest.mark.parametrize(
    "folder",
    [
        "Trash",
        '"Deleted Items"',
        '"a #b"',
        '"a#b"',
        'a"b',
        'a"',
        "a\\b",
        '"a \\\\ b"',
        "a'b",
        '"a\'b c"',
        "Trash/2019",
        "a%u",
        "a$x",
        "Корзина",
        '"日本 語"',
        "<x",
        "a=b",
        '" lead"',
        '"!include x"',
    ],
)
@pytest.mark.parametrize("namespace", ["inbox", '"Meine Post"'])
def test_the_block_of_a_folder_is_that_very_folder(
    tmp_path: Path, folder: str, namespace: str
) -> None:
    """One of another name beside it would make the folder vanish."""
    admins = ADMINS.format(namespace=namespace, folder=folder, more="")
    read_with(tmp_path, "junk_trash_clearing_interval", admins, mail_always_cache_fields="")


@pytest.mark.parametrize("cached", ["flags", "flags,hdr.date", "date.save", "flags,date.save"])
def test_what_the_admin_has_cached_stays_cached(tmp_path: Path, cached: str) -> None:
    admins = ADMINS.format(
        namespace="inbox", folder="Trash", more=f"mail_always_cache_fields = {cached}"
    )
    read_with(tmp_path, "junk_trash_clearing_interval", admins, mail_always_cache_fields=cached)


@pytest.mark.parametrize(
    ("elements", "written"),
    [
        ("user=<%u> %c", "user=<%u> %c"),
        ('a #b "c" d\\e', '"a #b \\"c\\" d\\\\e"'),
        ("$mail_plugins %u", "'$mail_plugins %u'"),
    ],
)
def test_what_the_admin_has_logged_stays_logged(
    tmp_path: Path, elements: str, written: str
) -> None:
    """Beside what finds the master user's sessions."""
    more = f"login_log_format_elements = {written}"
    admins = ADMINS.format(namespace="inbox", folder="Trash", more=more)
    read_with(
        tmp_path,
        "imap_master_password",
        admins,
        login_log_format_elements=elements,
        auth_master_user_separator="",
    )
