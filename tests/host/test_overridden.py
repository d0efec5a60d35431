"""A line of the administrator's that comes later in Dovecot's configuration than mailpanel's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from test_host_contract import ignore

from mailpanel.deployment import load
from mailpanel.host.mailhost import MailHost
from mailpanel.layout import prepare_state
from mailpanel.plan import Plan
from mailpanel.playground.dovecot import PrivateDovecot
from mailpanel.settings import SETTINGS

DAYS = {"junk_days": 7, "trash_days": 14}
LATER = "namespace inbox {\n  mailbox Junk {\n    autoexpunge = 9d\n  }\n}\n"


@pytest.fixture
def host(directory: Path, dovecot: PrivateDovecot) -> MailHost:
    """A host of a Dovecot alone, which runs."""
    dovecot.start()
    options = {
        "mailpanel.state_directory": str(directory / "s"),
        "mailpanel.postfix_config_directory": str(directory / "none"),
        "mailpanel.dovecot_config_file": str(dovecot.config_file),
    }
    deployment = load(options, {})
    prepare_state(deployment)
    return MailHost(deployment)


def applied(host: MailHost, name: str, value: dict) -> Plan:
    """Make *value* live; return its plan."""
    facts = host.facts("dovecot")
    plan = SETTINGS[name].plan(value, None, facts)
    assert host.converge(name, plan, facts, ignore, ignore)
    return SETTINGS[name].plan(value, None, host.facts("dovecot"))


def test_it_is_named_with_its_file_and_the_remedy(host: MailHost, dovecot: PrivateDovecot) -> None:
    """Until it is gone; a put-back of mailpanel's own files finds nothing to do."""
    name = "junk_trash_clearing_interval"
    plan = applied(host, name, DAYS)
    assert host.overridden(plan, host.facts("dovecot")) is None
    later = dovecot.config_directory / "conf.d" / "99-z.conf"
    later.write_text(LATER)
    facts = host.facts("dovecot")
    assert host.drift(name, plan, facts) == []
    told = host.overridden(plan, facts)
    assert "does not read namespace inbox / mailbox Junk / autoexpunge as mailpanel" in told
    assert "Look in conf.d/99-z.conf." in told
    assert "remove that line, and reload Dovecot" in told
    assert not host.converge(name, plan, facts, ignore, ignore, over_edits=True)
    later.unlink()
    assert host.overridden(plan, host.facts("dovecot")) is None


def test_the_same_value_in_other_words_is_no_other_one(
    host: MailHost, dovecot: PrivateDovecot
) -> None:
    """A week is seven days to Dovecot."""
    plan = applied(host, "junk_trash_clearing_interval", DAYS)
    later = dovecot.config_directory / "conf.d" / "99-z.conf"
    later.write_text(LATER.replace("9d", "1 weeks"))
    assert host.overridden(plan, host.facts("dovecot")) is None


def test_a_master_password_counts_as_it_was_applied(
    host: MailHost, dovecot: PrivateDovecot
) -> None:
    """Beside the other setting, too: none of them overrides another."""
    setting = SETTINGS["imap_master_password"]
    applied(host, "junk_trash_clearing_interval", DAYS)
    _, value = setting.generate(os.urandom)
    plan = applied(host, setting.name, value)
    assert host.overridden(plan, host.facts("dovecot")) is None
