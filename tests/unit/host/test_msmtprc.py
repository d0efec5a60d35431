"""An msmtprc is read as msmtp reads it, and none of its commands is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailpanel.errors import CheckFailed, Refused
from mailpanel.host.msmtprc import default_account, password_of

PROVIDER = "account a\nhost a.test\nauth on\nuser u\n{password}\naccount default : a\n"


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "msmtprc"
        path.write_text(text)
        path.chmod(0o600)
        return path

    return write


@pytest.mark.parametrize(
    ("text", "password"),
    [
        (PROVIDER.format(password='password "p: #\\"x"'), 'p: #\\"x'),
        (PROVIDER.format(password="password plain"), "plain"),
        ("defaults\npassword d\n" + PROVIDER.format(password=""), "d"),
        ("host a.test\nauth on\nuser u\npassword top\n", "top"),
        (
            "account b\nhost b.test\npassword b\n" + PROVIDER.format(password="password own"),
            "own",
        ),
    ],
)
def test_the_default_account_and_its_password(write, text: str, password: str) -> None:
    path = write(text)
    account = default_account(path)
    assert (account["host"], account["user"]) == ("a.test", "u")
    assert password_of(path, account["account"]) == password


def test_no_command_in_it_is_run(write, tmp_path: Path) -> None:
    """Though msmtp would, even to tell of the file."""
    path = write(PROVIDER.format(password=f"passwordeval touch {tmp_path}/run; echo x"))
    assert default_account(path)["host"] == "a.test"
    with pytest.raises(Refused, match="does not stand in msmtprc itself"):
        password_of(path, "a")
    assert not (tmp_path / "run").exists()


def test_without_a_default_account_there_is_none(write, tmp_path: Path) -> None:
    assert default_account(write("account a\nhost a.test\n")) == {}
    assert default_account(tmp_path / "nosuch") == {}


def test_a_broken_file_is_named_with_its_line(write) -> None:
    with pytest.raises(CheckFailed, match="msmtprc: line 2: unknown command bogus"):
        default_account(write("# mine\nbogus x\n"))
