"""DELETE brings back what was there before mailpanel, to the byte, mode and owner."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from loopback import RELAY
from standing import below

SETTING = "postfix_relayhost"
ACCOUNT = {"relay-user": "secret"}

# What an administrator may have in main.cf: beside the rest of it, and instead of nothing.
BEFORE = {
    "plain": "",
    "own relayhost": "relayhost = [old.example.net]:25\n",
    "no newline at the end": "relayhost=[old.example.net]",
    "over several lines": (
        "smtp_tls_policy_maps =\n"
        "    # for the partner\n"
        "    inline:{ partner.test=encrypt }\n"
        "\tinline:{ other.test=may }\n"
        "smtp_sasl_password_maps = inline:{\n"
        "  { [partner.test]:587 = their:own } }\n"
    ),
    "doubled lines": (
        "relayhost = [first.example.net]\n"
        "# the last one counts\n"
        "relayhost =\t[second.example.net]\n"
        "relayhost =   [third.example.net]:2525\n"
        "smtp_sasl_auth_enable = no\n"
        "smtp_sasl_auth_enable = no\n"
    ),
    "empty values": "relayhost =\ndefault_transport = smtp\nsmtp_tls_CAfile =\n",
    "blanks and comments at the end": "relayhost = [old.example.net]  \n\n\n# the end\n   \n",
}
SEQUENCES = {"587": (587,), "465": (465,), "587-465-587": (587, 465, 587)}


@pytest.fixture(autouse=True)
def relays(make_relay):
    """One relay for each port, at the same address."""
    make_relay(accounts=ACCOUNT)
    make_relay(port=465, implicit_tls=True, accounts=ACCOUNT)


def snapshot(directory: Path) -> dict[str, tuple]:
    """Return each file below *directory* with mode, owner, group and content."""
    found = {}
    for path in [directory, *below(directory)]:
        # Files come and go while a change is put back.
        with suppress(FileNotFoundError):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(directory))] = (
                *(oct(status.st_mode), status.st_uid, status.st_gid),
                content,
            )
    return found


def set_and_reset(panel, ports) -> None:
    for port in ports:
        value = {"server_hostname": RELAY, "server_port": port}
        answer = panel.set(SETTING, value | {"username": "relay-user", "password": "secret"})
        assert answer["status"] == "applied", answer
    assert panel.reset(SETTING).status == 204
    assert panel.api("GET", f"settings/{SETTING}/").status == 204


def assert_comes_back(postfix, before: dict, wait_until) -> None:
    """Mail in flight keeps the maps a little longer than the relayhost."""
    try:
        wait_until(lambda: snapshot(postfix.config_directory) == before)
    except AssertionError:
        assert snapshot(postfix.config_directory) == before
    assert postfix.running


@pytest.mark.parametrize("text", BEFORE.values(), ids=BEFORE)
def test_main_cf_comes_back(text, postfix, make_panel, wait_until) -> None:
    """Whatever the administrator's own lines look like."""
    with postfix.main_cf.open("a") as stream:
        stream.write(text)
    panel = make_panel(postfix)
    before = snapshot(postfix.config_directory)
    set_and_reset(panel, (587,))
    assert_comes_back(postfix, before, wait_until)


@pytest.mark.parametrize("ports", SEQUENCES.values(), ids=SEQUENCES)
def test_it_comes_back_after_each_kind_of_tls(ports, postfix, make_panel, wait_until) -> None:
    """master.cf too, modes and owners too, and no file is left over."""
    shutil.chown(postfix.main_cf, group="postfix")
    postfix.main_cf.chmod(0o640)
    postfix.master_cf.chmod(0o600)
    with postfix.master_cf.open("a") as stream:
        stream.write("# my own service\nmine unix - - n - - smtp\n   -o syslog_name=mine")
    panel = make_panel(postfix)
    before = snapshot(postfix.config_directory)
    set_and_reset(panel, ports)
    assert_comes_back(postfix, before, wait_until)


def test_lines_the_admin_adds_meanwhile_stay(postfix, panel, wait_until) -> None:
    """A reset puts back mailpanel's parameters, not the whole file of the day before."""
    before = snapshot(postfix.config_directory)
    value = {"server_hostname": RELAY, "server_port": 587}
    answer = panel.set(SETTING, value | {"username": "relay-user", "password": "secret"})
    assert answer["status"] == "applied"
    added = b"\n# added meanwhile\nmessage_size_limit = 20480000\n"
    with postfix.main_cf.open("ab") as stream:
        stream.write(added)
    assert panel.reset(SETTING).status == 204
    wait_until(lambda: b"mailpanel" not in postfix.main_cf.read_bytes())
    assert postfix.main_cf.read_bytes() == before["main.cf"][3] + added
