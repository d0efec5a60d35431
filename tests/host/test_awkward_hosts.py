"""Hosts as one finds them: what is odd there works, or is refused by name with its remedy."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from test_host_contract import ignore, snapshot

from mailpanel.deployment import load
from mailpanel.errors import CheckFailed, HostError, Refused
from mailpanel.host import command, postfix_part
from mailpanel.host.daemon import children
from mailpanel.host.mailhost import MailHost
from mailpanel.layout import prepare_state
from mailpanel.plan import Plan
from mailpanel.playground.postfix import PrivatePostfix
from mailpanel.settings import SETTINGS

RELAYHOST, INTERVAL = SETTINGS["postfix_relayhost"], SETTINGS["junk_trash_clearing_interval"]
VALUE = {"server_hostname": "192.0.2.1", "server_port": 587, "username": "u"}
# unix(7) takes some ten datagrams that nobody reads; who has one more waits.
WAITING_WORDS = 20
IMPLICIT = VALUE | {"server_port": 465}


class Desk:
    """The real host of *postfix*, and of the Dovecot of *dovecot_conf*, without a panel."""

    def __init__(self, directory: Path, postfix: Path, dovecot_conf: Path, ca_file: Path) -> None:
        options = {
            "mailpanel.state_directory": str(directory / "s"),
            "mailpanel.postfix_config_directory": str(postfix),
            "mailpanel.dovecot_config_file": str(dovecot_conf),
            "mailpanel.ca_file": str(ca_file),
        }
        deployment = load(options, {})
        prepare_state(deployment)
        self.host = MailHost(deployment)

    def set(self, value: dict = VALUE) -> Plan:
        """Make *value* live; nobody is asked whether the relay is there."""
        facts = self.host.facts("postfix")
        plan = RELAYHOST.plan(value, "secret", facts)
        bare = Plan(plan.changes, plan.checks, (), plan.verifications)
        assert self.host.converge(RELAYHOST.name, bare, facts, ignore, ignore)
        return plan

    def reset(self) -> None:
        facts = self.host.facts("postfix")
        self.host.converge(RELAYHOST.name, Plan(), facts, ignore, ignore)
        while self.host.settle():
            pass


@pytest.fixture
def desk(directory, postfix, ca_file, monkeypatch) -> Desk:
    monkeypatch.setattr(postfix_part, "LOOKS_APART", 0.0)
    return Desk(directory, postfix.config_directory, directory / "none.conf", ca_file)


def crlf(postfix: PrivatePostfix) -> None:
    postfix.main_cf.write_bytes(postfix.main_cf.read_bytes().replace(b"\n", b"\r\n"))


def no_newline(postfix: PrivatePostfix) -> None:
    postfix.main_cf.write_bytes(postfix.main_cf.read_bytes() + b"relayhost = [old.test]:25")


def no_compatibility_level(postfix: PrivatePostfix) -> None:
    text = postfix.main_cf.read_text().replace("compatibility_level = 3.6", "no_such_thing = 1")
    postfix.main_cf.write_text(text)


def symlink(postfix: PrivatePostfix) -> None:
    elsewhere = postfix.config_directory.parent / "kept-elsewhere.cf"
    postfix.main_cf.rename(elsewhere)
    postfix.main_cf.symlink_to(elsewhere)


def acl(postfix: PrivatePostfix) -> None:
    """Let another user write main.cf, as setfacl would."""
    entries = ((0x01, 6, -1), (0x02, 6, 33), (0x04, 4, -1), (0x10, 6, -1), (0x20, 4, -1))
    packed = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + mode.to_bytes(2, "little") + (who % 2**32).to_bytes(4, "little")
        for tag, mode, who in entries
    )
    try:
        os.setxattr(postfix.main_cf, "system.posix_acl_access", packed)
    except OSError:
        # This file system has none; an attribute of one's own is kept in the same way.
        os.setxattr(postfix.main_cf, "user.own", b"kept")


def instances(postfix: PrivatePostfix) -> None:
    postfix.set_parameters({"multi_instance_directories": "/etc/postfix-nobody"})


ODD = {each.__name__: each for each in (crlf, no_newline, no_compatibility_level, symlink, acl)}


CASES = {name: (VALUE, make_odd) for name, make_odd in ODD.items()}


@pytest.mark.parametrize(
    ("value", "make_odd"),
    [*CASES.values(), (IMPLICIT, no_newline)],
    ids=[*CASES, "no_newline, 465"],
)
def test_an_odd_main_cf_works_and_comes_back_to_the_byte(make_odd, value, postfix, desk) -> None:
    make_odd(postfix)
    postfix._age()
    postfix.start()
    before, link = snapshot(postfix.config_directory), postfix.main_cf.is_symlink()
    attributes = {
        name: os.getxattr(postfix.main_cf, name) for name in os.listxattr(postfix.main_cf)
    }
    desk.set(value)
    assert postfix.parameter("relayhost") == f"[192.0.2.1]:{value['server_port']}"
    assert postfix.running
    for name, each in attributes.items():
        assert os.getxattr(postfix.main_cf, name) == each
    desk.reset()
    assert snapshot(postfix.config_directory) == before
    assert postfix.main_cf.is_symlink() == link


def test_another_type_of_tables_works(postfix, desk) -> None:
    known = subprocess.run(["postconf", "-m"], capture_output=True, text=True, check=True)
    other = next(name for name in ("lmdb", "btree") if name in known.stdout.split())
    postfix.set_parameters({"default_database_type": other})
    postfix.start()
    desk.set()
    assert postfix.parameter("smtp_sasl_password_maps").startswith(f"{other}:")
    assert desk.host.account(
        "postfix", RELAYHOST.adoptable(desk.host.facts("postfix", standing=True)).account
    ) == ("u", "secret")


@pytest.mark.parametrize(
    ("name", "words"), [("cdb", "package postfix-cdb"), ("sdbm", "default_database_type is sdbm")]
)
def test_a_type_of_tables_that_is_not_there_is_refused_by_name(name, words, postfix, desk) -> None:
    postfix.start()
    postfix.set_parameters({"default_database_type": name})
    before = snapshot(postfix.config_directory)
    with pytest.raises((CheckFailed, Refused), match=words):
        desk.set()
    assert snapshot(postfix.config_directory) == before


@pytest.mark.parametrize(
    "table", ["static:smtp:[192.0.2.9]", "inline:{*=smtp:[192.0.2.9]}", "regexp:{{/./ smtp:}}"]
)
def test_a_transport_for_all_mail_is_refused_by_name(table, postfix, desk) -> None:
    """No mail would go to the relay, though main.cf named it."""
    postfix.set_parameters({"transport_maps": table})
    postfix.start()
    before = snapshot(postfix.config_directory)
    with pytest.raises(Refused, match="transport_maps has an entry for all mail"):
        desk.set()
    assert snapshot(postfix.config_directory) == before


def test_a_transport_for_some_mail_is_told(postfix, desk) -> None:
    postfix.set_parameters({"transport_maps": "inline:{cellar.test=smtp:[192.0.2.9], *=:}"})
    postfix.start()
    assert "transport_maps" in desk.set().details["other_ways"]


@pytest.mark.parametrize("service", ["smtp", "relay"])
def test_an_override_of_either_service_is_refused_by_name(service, postfix, desk) -> None:
    text = postfix.master_cf.read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"{service} "))
    postfix.master_cf.write_text(text.replace(line, f"{line}\n  -o smtp_tls_policy_maps="))
    postfix.start()
    with pytest.raises(Refused, match=f"smtp_tls_policy_maps for the service {service}/unix"):
        desk.set()


def test_other_instances_are_named_and_left(postfix, desk) -> None:
    instances(postfix)
    postfix.start()
    assert "multi_instance_directories" in desk.set().details["other_ways"]
    assert postfix.parameter("relayhost") == "[192.0.2.1]:587"


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("main.cf", "this is no parameter\n", r"main\.cf, line [0-9]+: missing '='"),
        ("main.cf", "delay_warning_time = ${no_end\n", "truncated macro reference: .*no_end"),
        ("master.cf", "submission inet n\n", r"master\.cf: line [0-9]+: bad field count"),
    ],
)
def test_what_the_admin_broke_is_named_and_left(
    file, text, words, postfix, desk, wait_until
) -> None:
    """By file and line, or by the very text; once it is mended the change goes on."""
    postfix.start()
    # One that starts only now would die of it, and not be started again for a minute.
    wait_until(lambda: "disconnect from" in postfix.log())
    path = postfix.config_directory / file
    whole = path.read_text()
    path.write_text(whole + text)
    before = snapshot(postfix.config_directory)
    with pytest.raises(CheckFailed, match=words) as caught:
        desk.set()
    assert caught.value.temporary
    assert snapshot(postfix.config_directory) == before
    path.write_text(whole)
    postfix._age()
    desk.set()


def test_a_reload_outlasts_a_postlogd_that_does_not_answer(
    postfix, desk, wait_until, monkeypatch
) -> None:
    """One that died is not started again for a minute, and postfix(1) waits for it."""
    postfix.start()
    wait_until(lambda: "disconnect from" in postfix.log())
    (pid,) = children(postfix.master_pid, "postlogd")
    os.kill(pid, signal.SIGSTOP)
    argv = ["postlog", "-c", postfix.config_directory, "said while nobody writes it down"]
    waiting = [subprocess.Popen(argv, stderr=subprocess.DEVNULL) for _ in range(WAITING_WORDS)]
    # Every other command has ended by then.
    monkeypatch.setattr(command.run, "__defaults__", ("", 6.0))
    threading.Timer(8.0, os.kill, (pid, signal.SIGCONT)).start()
    began = time.monotonic()
    desk.set()
    assert time.monotonic() - began > 6.0
    assert [each.wait(60.0) for each in waiting] == [0] * WAITING_WORDS


def test_an_edit_that_postfix_has_not_read_is_announced(postfix, desk, wait_until) -> None:
    """Before the reload that makes it live as well, and no more after it."""
    postfix.start()
    assert desk.host.unread_edits("postfix") is None
    wait_until(lambda: bool(_edited(postfix, desk)))
    said = desk.host.unread_edits("postfix")
    assert said.startswith("master.cf was edited")
    assert "Postfix has not been reloaded since" in said
    desk.set()
    wait_until(lambda: desk.host.unread_edits("postfix") is None)


def _edited(postfix: PrivatePostfix, desk: Desk) -> str | None:
    postfix.master_cf.write_text(postfix.master_cf.read_text() + "# mine\n")
    return desk.host.unread_edits("postfix")


class TestDovecot:
    @pytest.fixture
    def dovecot_desk(self, directory, ca_file):
        """Return the desk of a Dovecot."""
        return lambda dovecot: Desk(directory, directory / "none", dovecot.config_file, ca_file)

    def clear(self, desk: Desk) -> None:
        facts = desk.host.facts("dovecot")
        plan = INTERVAL.plan({"junk_days": 7, "trash_days": 14}, None, facts)
        assert desk.host.converge(INTERVAL.name, plan, facts, ignore, ignore)

    @pytest.mark.parametrize("odd", ["no conf.d", "crlf", "no newline", "an include", "a link"])
    def test_an_odd_dovecot_conf_works_and_comes_back(
        self, odd, make_dovecot, dovecot_desk
    ) -> None:
        dovecot = make_dovecot(conf_d=odd not in ("no conf.d", "no newline"))
        main = dovecot.config_file
        if odd == "crlf":
            main.write_bytes(main.read_bytes().replace(b"\n", b"\r\n"))
        elif odd == "no newline":
            main.write_bytes(main.read_bytes().rstrip(b"\n"))
        elif odd == "an include":
            own = dovecot.config_directory / "own.ext"
            own.write_text("mail_max_userip_connections = 20\n")
            # Last: Dovecot 2.4 wants its dovecot_config_version to be the first.
            main.write_text(f"{main.read_text()}!include {own}\n")
        elif odd == "a link":
            main.rename(main.with_name("kept.conf"))
            main.symlink_to(main.with_name("kept.conf"))
        dovecot.start()
        before = snapshot(dovecot.config_directory)
        desk = dovecot_desk(dovecot)
        self.clear(desk)
        (drop_in,) = dovecot.config_directory.rglob("99-mailpanel-*")
        assert "7d" in drop_in.read_text()
        facts = desk.host.facts("dovecot")
        assert desk.host.converge(INTERVAL.name, Plan(), facts, ignore, ignore)
        assert snapshot(dovecot.config_directory) == before

    def test_an_edit_that_dovecot_has_not_read_is_announced(
        self, dovecot, dovecot_desk, wait_until
    ) -> None:
        dovecot.start()
        desk = dovecot_desk(dovecot)
        own = dovecot.config_directory / "conf.d" / "20-own.conf"

        def is_announced() -> bool:
            own.write_text("mail_max_userip_connections = 20\n")
            said = desk.host.unread_edits("dovecot") or ""
            return "20-own.conf was edited" in said

        assert desk.host.unread_edits("dovecot") is None
        wait_until(is_announced)
        self.clear(desk)
        assert desk.host.unread_edits("dovecot") is None

    def test_what_the_admin_broke_is_named_and_left(self, dovecot, dovecot_desk) -> None:
        dovecot.start()
        desk = dovecot_desk(dovecot)
        whole = dovecot.config_file.read_text()
        dovecot.config_file.write_text(f"{whole}\nno_such_parameter = yes\n")
        with pytest.raises(HostError, match=r"dovecot\.conf.* line [0-9]+") as caught:
            self.clear(desk)
        assert caught.value.temporary
        dovecot.config_file.write_text(whole)
        self.clear(desk)
