"""The private Dovecot does what tests and playground rely on."""

from __future__ import annotations

import imaplib
import os
import signal
import smtplib
from collections.abc import Callable
from pathlib import Path

import pytest

from mailpanel.playground.dovecot import DovecotError, PrivateDovecot

USER, PASSWORD = "alice@example.net", 'pass: wörd "#$\\'


@pytest.fixture
def make(make_dovecot) -> Callable[..., PrivateDovecot]:
    """Start a Dovecot that has a mailbox."""

    def make(**options) -> PrivateDovecot:
        dovecot = make_dovecot(**options)
        dovecot.start()
        dovecot.add_user(USER, PASSWORD)
        return dovecot

    return make


def programs_in(directory: Path) -> list[str]:
    """Return what runs with a working directory below *directory*."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(directory):
                found.append(str((process / "exe").readlink()))
        except OSError:
            continue
    return found


def greeting(dovecot: PrivateDovecot) -> bytes:
    """Return it; empty where the log-in process ends, as in the instant of a reload."""
    try:
        with imaplib.IMAP4("127.0.0.1", dovecot.imap_port) as client:
            return client.welcome
    except (imaplib.IMAP4.error, OSError):
        return b""


def test_a_log_in_with_the_right_password_alone(make) -> None:
    dovecot = make()
    with dovecot.imap(USER, PASSWORD) as client:
        assert client.select("INBOX") == ("OK", [b"0"])
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        dovecot.imap(USER, "guess")


def test_wrong_passwords_do_not_delay_the_next_log_in(make) -> None:
    """Else every test after one with a wrong password would be slow."""
    dovecot = make()
    for _ in range(3):
        with pytest.raises(imaplib.IMAP4.error):
            dovecot.imap(USER, "guess")
    assert dovecot.doveadm("-f", "tab", "penalty").splitlines()[1:] == []
    dovecot.imap(USER, PASSWORD).logout()


def test_submission_takes_the_same_accounts(make) -> None:
    dovecot = make()
    dovecot.add_user("bob@example.net", "secret")
    dovecot.submission("bob@example.net", "secret").close()
    with pytest.raises(smtplib.SMTPAuthenticationError):
        dovecot.submission("bob@example.net", "guess")


@pytest.mark.parametrize("mail_format", ["maildir", "mdbox"])
def test_an_old_message_is_old(make, mail_format: str) -> None:
    """For savedbefore, which autoexpunge goes by, and in its header."""
    dovecot = make(mail_format=mail_format)
    dovecot.save(USER, "Junk", "of forty days", age_days=40)
    dovecot.save(USER, "Junk", "of today")
    assert dovecot.messages(USER, "Junk") == ["of forty days", "of today"]
    assert dovecot.messages(USER, "Junk", "savedbefore 39d") == ["of forty days"]
    assert dovecot.messages(USER, "Junk", "savedbefore 41d") == []
    assert dovecot.messages(USER, "Junk", "sentbefore 39d") == ["of forty days"]
    assert dovecot.messages(USER, "Nowhere") == []


@pytest.mark.parametrize("conf_d", [True, False])
def test_folders_and_namespace_have_the_names_asked_for(make, conf_d: bool) -> None:
    folders = {"junk": "Spam", "trash": "Deleted Messages"}
    dovecot = make(folders=folders, namespace="private", conf_d=conf_d, extra="mail_debug = no")
    assert (dovecot.config_directory / "conf.d").exists() == conf_d
    assert ("!include" in dovecot.config_file.read_text()) == conf_d
    for name, folder in folders.items():
        dovecot.save(USER, folder, "a message")
        special = dovecot.doveadm("mailbox", "list", "-u", USER, folder)
        assert special == f"{folder}\n", name
    with dovecot.imap(USER, PASSWORD) as client:
        client._simple_command("LIST", "(SPECIAL-USE)", '""', "*")
        _, lines = client.response("LIST")
    text = b"\n".join(lines).decode()
    assert '\\Junk) "/" Spam' in text
    assert '\\Trash) "/" "Deleted Messages"' in text


def test_a_message_comes_in_by_lmtp(make) -> None:
    dovecot = make()
    with smtplib.LMTP(str(dovecot.lmtp_socket)) as client:
        client.sendmail("friend@example.org", [USER], b"Subject: by LMTP\r\n\r\nHello.\r\n")
    assert dovecot.messages(USER, "INBOX") == ["by LMTP"]


def test_stopping_leaves_no_process_even_with_a_session_open(make, directory: Path) -> None:
    dovecot = make()
    session = dovecot.imap(USER, PASSWORD)
    assert programs_in(directory)
    dovecot.stop()
    assert programs_in(directory) == []
    assert not dovecot.running
    session.shutdown()


def test_stopping_ends_what_a_killed_master_has_left(make, directory: Path) -> None:
    dovecot = make()
    with dovecot.imap(USER, PASSWORD):
        assert dovecot.master_pid is not None
        os.kill(dovecot.master_pid, signal.SIGKILL)
        dovecot.stop()
    assert programs_in(directory) == []


def test_the_same_directory_starts_again_with_what_it_has(make) -> None:
    first = make()
    first.save(USER, "Trash", "of ten days", age_days=10)
    first.stop()
    changed = first.config_directory / "conf.d" / "10-logging.conf"
    changed.write_text(changed.read_text() + "# by hand\n")
    ports = {"imap_port": first.imap_port, "submission_port": first.submission_port}
    with PrivateDovecot(first.directory, **ports) as second:
        assert second.messages(USER, "Trash", "savedbefore 9d") == ["of ten days"]
        second.imap(USER, PASSWORD).logout()
    assert changed.read_text().endswith("# by hand\n")


def test_a_reload_takes_a_change_and_a_broken_one_is_told(make, wait_until) -> None:
    dovecot = make()
    own = dovecot.config_directory / "conf.d" / "99-own.conf"
    own.write_text("login_greeting = Hello there.\n")
    dovecot.reload()
    wait_until(lambda: b"Hello there." in greeting(dovecot))
    own.write_text("login_greeting {\n")
    with pytest.raises(DovecotError, match="99-own"):
        dovecot.reload()
