"""imap_master_password on a real Dovecot: it opens any mailbox by IMAP, and nothing else."""

from __future__ import annotations

import imaplib
import smtplib
import stat

import pytest
from standing import contents
from test_clearing_interval import failure, tree

from mailpanel.playground.dovecot import PrivateDovecot
from mailpanel.playground.installation import Installation, InstallationError
from mailpanel.playground.relay import StrictRelay

ANNA, PASSWORD = "anna@example.org", "anna's own: #1"
BERT = "bert@example.org"
SETTING = "imap_master_password"


@pytest.fixture
def running(dovecot: PrivateDovecot) -> PrivateDovecot:
    dovecot.start()
    for user in (ANNA, BERT):
        dovecot.add_user(user, PASSWORD)
        dovecot.save(user, "INBOX", f"for {user}")
    return dovecot


@pytest.fixture
def panel(running: PrivateDovecot, postfix, make_panel) -> Installation:
    return make_panel(postfix, running)


def new_password(panel: Installation) -> str:
    state = panel.set(SETTING, {})
    assert state["status"] == "applied"
    return state["value"]


def opens(dovecot: PrivateDovecot, user: str, password: str) -> bool:
    """Say whether *user* gets in; it must then see its mailbox's own message."""
    try:
        session = dovecot.imap(user, password)
    except imaplib.IMAP4.error:
        return False
    with session:
        assert session.select("INBOX")[1] == [b"1"]
    return True


def test_it_opens_every_mailbox_until_the_next(panel, running):
    """By the generated password, not by the one before, nor once it is reset; users' own go on."""
    first = new_password(panel)
    assert opens(running, f"{ANNA}*master", first)
    assert opens(running, f"{BERT}*master", first)
    assert opens(running, ANNA, PASSWORD)
    assert not opens(running, "nobody@example.org*master", first)
    assert not opens(running, f"{ANNA}*master", PASSWORD)
    second = new_password(panel)
    assert second != first
    assert opens(running, f"{ANNA}*master", second)
    assert not opens(running, f"{ANNA}*master", first)
    assert opens(running, ANNA, PASSWORD)
    assert panel.reset(SETTING).status == 204
    assert not opens(running, f"{ANNA}*master", second)
    assert opens(running, ANNA, PASSWORD)


def test_it_sends_no_mail(make_dovecot, postfix, make_panel):
    """At the top level the same passdb would let it."""
    with StrictRelay(address="127.0.0.1") as relay:
        dovecot = make_dovecot(relay_port=relay.port)
        dovecot.start()
        dovecot.add_user(ANNA, PASSWORD)
        password = new_password(make_panel(postfix, dovecot))
        with pytest.raises(smtplib.SMTPAuthenticationError):
            dovecot.submission(f"{ANNA}*master", password)
        with dovecot.submission(ANNA, PASSWORD):
            pass


def test_who_used_it_stands_in_the_audit_log_once(panel, running, wait_until):
    """Mailbox, address, protocol and time, and the last one beside the setting; no owner's own."""
    password = new_password(panel)

    def entries():
        audit = panel.api("GET", "audit/?action=master.log_in").body["audit"]
        return [(each["detail"]["mailbox"], each["address"]) for each in audit]

    assert opens(running, ANNA, PASSWORD)
    assert opens(running, f"{ANNA}*master", password)
    wait_until(lambda: entries() == [(ANNA, "127.0.0.1")])
    assert opens(running, f"{BERT}*master", password)
    wait_until(lambda: entries() == [(BERT, "127.0.0.1"), (ANNA, "127.0.0.1")])
    (host,) = panel.api("GET", f"settings/{SETTING}/status/").body["status"]["hosts"]
    assert host["last_log_in"].startswith(f"{BERT} by imap from 127.0.0.1, ")
    assert f"the master password opened {BERT} by imap" in panel.log("apply")
    panel.stop_service("apply")
    panel.start_service("apply", "apply")
    assert opens(running, f"{ANNA}*master", password)
    wait_until(lambda: len(entries()) == 3)


def is_open(session: imaplib.IMAP4) -> bool:
    try:
        return session.noop()[0] == "OK"
    except (imaplib.IMAP4.abort, OSError):
        return False


@pytest.mark.parametrize("end", ["rotation", "reset"])
def test_sessions_opened_with_the_old_one_end_and_only_they(panel, running, end):
    first = new_password(panel)
    masters = [running.imap(f"{user}*master", first) for user in (ANNA, BERT)]
    own = [running.imap(user, PASSWORD) for user in (ANNA, BERT)]
    assert all(map(is_open, [*masters, *own]))
    if end == "reset":
        assert panel.reset(SETTING).status == 204
    else:
        later = running.imap(f"{ANNA}*master", new_password(panel))
        assert is_open(later)
        later.logout()
    assert not any(map(is_open, masters))
    for session in masters:
        session.shutdown()
    assert all(map(is_open, own))
    for session in own:
        session.logout()


def test_a_reset_brings_back_what_was_there_to_the_byte(running, postfix, make_panel):
    before = tree(running)
    panel = make_panel(postfix, running)
    new_password(panel)
    assert tree(running) != before
    assert panel.reset(SETTING).status == 204
    assert tree(running) == before
    assert not (running.config_directory / "mailpanel").exists()


def test_the_hash_alone_is_kept_and_dovecot_alone_reads_it(panel, running):
    password = new_password(panel)
    file = running.config_directory / "mailpanel" / "master-users"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.group() == "dovecot"
    (line,) = file.read_text().splitlines()
    assert line.startswith("master:{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$")
    for path, content in contents(panel.directory, running.directory).items():
        assert password.encode() not in content, path


def test_networks_and_name_are_roots_own(running, postfix, make_panel):
    options = {
        "mailpanel.master_user": "support",
        "mailpanel.master_allow_nets": "192.0.2.0/24",
    }
    panel = make_panel(postfix, running, options)
    password = new_password(panel)
    (host,) = panel.api("GET", f"settings/{SETTING}/status/").body["status"]["hosts"]
    assert host["log_in_as"] == "user@example.net*support"
    # From here, that is from 127.0.0.1, it opens nothing.
    assert not opens(running, f"{ANNA}*support", password)
    test = ("auth", "test", "-x", "service=imap", "-x", "rip=192.0.2.9", f"{ANNA}*support")
    assert "auth_user=support" in running.doveadm(*test, stdin=f"{password}\n")


def test_a_host_that_wants_none_says_so(running, postfix, make_panel):
    before = tree(running)
    panel = make_panel(postfix, running, {"mailpanel.master_enabled": "no"})
    state = panel.set(SETTING, {})
    assert "mailpanel.master_enabled" in failure(state)
    assert state["value"] is None
    assert tree(running) == before


def test_a_separator_of_the_admins_is_taken(make_dovecot, postfix, make_panel):
    dovecot = make_dovecot(extra="auth_master_user_separator = +\n")
    dovecot.start()
    dovecot.add_user(ANNA, PASSWORD)
    dovecot.save(ANNA, "INBOX", "one")
    panel = make_panel(postfix, dovecot)
    assert opens(dovecot, f"{ANNA}+master", new_password(panel))


def test_without_any_mailbox_it_is_tried_too(dovecot, postfix, make_panel):
    """The password is right, though it opens nothing yet."""
    dovecot.start()
    panel = make_panel(postfix, dovecot)
    password = new_password(panel)
    dovecot.add_user(ANNA, PASSWORD)
    dovecot.save(ANNA, "INBOX", "one")
    assert opens(dovecot, f"{ANNA}*master", password)


def test_a_cache_of_passwords_remembers_no_old_one(make_dovecot, postfix, make_panel):
    dovecot = make_dovecot(extra="auth_cache_size = 10 M\nauth_cache_ttl = 1 hour\n")
    dovecot.start()
    dovecot.add_user(ANNA, PASSWORD)
    dovecot.save(ANNA, "INBOX", "one")
    panel = make_panel(postfix, dovecot)
    first = new_password(panel)
    assert opens(dovecot, f"{ANNA}*master", first)
    new_password(panel)
    assert not opens(dovecot, f"{ANNA}*master", first)


def test_both_settings_of_dovecot_side_by_side(panel, running):
    """Each has a file of its own, and neither takes the other's away."""
    interval = "junk_trash_clearing_interval"
    password = new_password(panel)
    assert panel.set(interval, {"junk_days": 7, "trash_days": None})["status"] == "applied"
    assert opens(running, f"{ANNA}*master", password)
    assert panel.reset(SETTING).status == 204
    assert [path.name for path in running.config_directory.rglob("99-*")] == [
        f"99-mailpanel-{interval}.conf"
    ]
    assert not opens(running, f"{ANNA}*master", password)


def test_root_takes_it_back_whatever_the_database_says(running, postfix, make_panel):
    """By the option alone; and gives it back."""
    panel = make_panel(postfix, running)
    password = new_password(panel)
    allowed = panel.ini.read_text()
    panel.stop_service("apply")
    panel.ini.write_text(f"{allowed}mailpanel.master_enabled = no\n")
    with pytest.raises(InstallationError):
        panel.command("apply", "--once")
    assert not opens(running, f"{ANNA}*master", password)
    assert opens(running, ANNA, PASSWORD)
    panel.ini.write_text(allowed)
    panel.command("apply", "--once")
    assert opens(running, f"{ANNA}*master", password)
    panel.ini.write_text(f"{allowed}mailpanel.master_allow_nets = 192.0.2.0/24\n")
    panel.command("apply", "--once")
    assert not opens(running, f"{ANNA}*master", password)


def test_roots_option_is_no_leave_to_write_over_an_edit(running, postfix, make_panel):
    """The file differs by the option alone; what somebody wrote into it is theirs to keep."""
    panel = make_panel(postfix, running)
    new_password(panel)
    panel.stop_service("apply")
    file = running.config_directory / "mailpanel" / "master-users"
    edited = file.read_text() + "# mine\n"
    file.write_text(edited)
    panel.ini.write_text(f"{panel.ini.read_text()}mailpanel.master_allow_nets = 192.0.2.0/24\n")
    with pytest.raises(InstallationError, match="edited by hand"):
        panel.command("apply", "--once")
    assert file.read_text() == edited
