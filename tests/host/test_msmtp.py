"""system_mailer on a real msmtp: local programs send with the file, and only who may reads it."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from loopback import RELAY
from standing import below, contents
from test_clearing_interval import failure

from mailpanel.playground.installation import Installation

SETTING = "system_mailer"
ACCOUNT = "noreply@example.org"
PASSWORD = "7Hp5jQ3GMNyLuwkAlDb3"


def value(password: str = PASSWORD, **more) -> dict[str, object]:
    return {
        "server_hostname": RELAY,
        "server_port": 587,
        "username": ACCOUNT,
        "password": password,
        **more,
    }


@pytest.fixture
def msmtprc(directory: Path) -> Path:
    return directory / "msmtprc"


def send(msmtprc: Path, recipient: str = "admin@example.net") -> None:
    """Send a message as a local program does."""
    argv = ["msmtp", "-C", str(msmtprc), "--", recipient]
    message = f"To: {recipient}\nSubject: alert\n\nHello.\n"
    done = subprocess.run(
        argv, input=message, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


PASSWORDS = [
    PASSWORD,
    "with inner blanks  twice",
    'quo"tes"',
    '"all quoted"',
    "back\\slash\\",
    "hash # and : and $HOME and %h",
    "'",
    "grüße-日本-🔑",
    "é" * 400,
    "x" * 481,
    "'" * 600,
    "y" * 1024,
]


def test_msmtp_sends_with_every_password(postfix, make_panel, make_relay, msmtprc):
    """Long ones by a file of their own: a line over 500 bytes is fatal to msmtp."""
    panel = make_panel(postfix)
    relay = make_relay()
    for password in PASSWORDS:
        relay.accounts = {ACCOUNT: password}
        assert panel.set(SETTING, value(password))["status"] == "applied"
        relay.forget()
        send(msmtprc)
        (message,) = relay.wait_for(1)
        assert (message.username, message.sender) == (ACCOUNT, ACCOUNT)
        assert message.tls


def test_tls_from_the_start(panel: Installation, make_relay, msmtprc):
    relay = make_relay(accounts={ACCOUNT: PASSWORD}, port=465, implicit_tls=True)
    assert panel.set(SETTING, value(server_port=465))["status"] == "applied"
    send(msmtprc)
    assert len(relay.messages) == 1


def test_a_group_may_read_it(panel: Installation, make_relay, msmtprc):
    make_relay(accounts={ACCOUNT: PASSWORD})
    panel.set(SETTING, value())
    assert stat.S_IMODE(msmtprc.stat().st_mode) == 0o640
    assert (msmtprc.owner(), msmtprc.group()) == ("root", "mail")


def test_a_refused_password_changes_nothing(panel: Installation, make_relay, msmtprc):
    make_relay(accounts={ACCOUNT: "another"})
    assert "refuses the password" in failure(panel.set(SETTING, value()))
    assert not msmtprc.exists()


def test_the_admins_own_file_stays(postfix, make_panel, make_relay, msmtprc):
    """mailpanel writes another beside it, and says where."""
    own = "account default\nhost localhost\n"
    msmtprc.write_text(own)
    panel = make_panel(postfix)
    make_relay(accounts={ACCOUNT: PASSWORD})
    assert panel.set(SETTING, value())["status"] == "applied"
    assert msmtprc.read_text() == own
    (host,) = panel.api("GET", f"settings/{SETTING}/status/").body["status"]["hosts"]
    written = Path(host["msmtp_config_file"])
    assert written == msmtprc.parent / "mailpanel" / "msmtprc"
    send(written)
    assert panel.reset(SETTING).status == 204
    assert not written.parent.exists()
    assert msmtprc.read_text() == own


def test_a_reset_takes_all_of_it_away(postfix, make_panel, make_relay, msmtprc, directory):
    panel = make_panel(postfix)
    before = {path for path in below(directory) if "/m/" not in str(path)}
    make_relay(accounts={ACCOUNT: "z" * 900})
    assert panel.set(SETTING, value("z" * 900))["status"] == "applied"
    assert panel.reset(SETTING).status == 204
    after = {path for path in below(directory) if "/m/" not in str(path)}
    assert {path for path in after ^ before if "/p/" not in str(path)} == set()


def test_the_password_is_nowhere_else(panel: Installation, make_relay, msmtprc):
    make_relay(accounts={ACCOUNT: PASSWORD})
    panel.set(SETTING, value())
    for path, content in contents(panel.directory).items():
        assert PASSWORD.encode() not in content, path
