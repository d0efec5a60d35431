"""What stands on a host becomes the desired value, with its account, and a reset gives it back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from loopback import RELAY, THEIRS
from test_drift import drift, told

from mailpanel.playground.installation import Answer, Installation, InstallationError

RELAYHOST, INTERVAL, MAILER = "postfix_relayhost", "junk_trash_clearing_interval", "system_mailer"
PASSWORD = 'p:w #"x'
ACCOUNT = {"username": "own-user", "password": PASSWORD}
VALUE = {"server_hostname": RELAY, "server_port": 587, **ACCOUNT}
WITHOUT = {name: each for name, each in VALUE.items() if name != "password"}


def adopt(panel: Installation, setting: str) -> Answer:
    answer = panel.api("POST", "hosts/mail.test/adopt/", {"setting": setting})
    assert PASSWORD not in json.dumps(answer.body)
    assert "sealed" not in json.dumps(answer.body)
    return answer


def adopted(panel: Installation, setting: str) -> dict[str, Any]:
    """Adopt *setting*; return what is desired and applied then."""
    answer = adopt(panel, setting)
    assert answer.status == 200, answer.body
    assert answer.body["adopt"]["ok"]
    number = panel.api("GET", f"settings/{setting}/status/").body["status"]["revision"]
    assert number >= 1
    return answer.body["adopt"]["settings"]["value"]


def applied(panel: Installation, setting: str) -> bool:
    return told(panel, setting)["status"] == "applied"


@pytest.mark.parametrize("bare", [False, True], ids=["with its port", "the bare host"])
def test_the_admins_own_relay_with_its_account(bare, postfix, make_panel, make_relay, wait_until):
    """Under either key of their table; what they had stays, and comes back with a reset."""
    relay = make_relay(accounts={"own-user": PASSWORD})
    key = RELAY if bare else f"[{RELAY}]:587"
    postfix.set_parameters(
        {
            "relayhost": f"[{RELAY}]:587",
            "smtp_sasl_auth_enable": "yes",
            "smtp_sasl_password_maps": postfix.table("sasl", {key: f"own-user:{PASSWORD}"}),
        }
    )
    panel = make_panel(postfix)
    before = postfix.main_cf.read_bytes()
    wait_until(lambda: told(panel, RELAYHOST)["present"] == {"relayhost": f"[{RELAY}]:587"})
    assert adopted(panel, RELAYHOST) == WITHOUT
    wait_until(lambda: applied(panel, RELAYHOST))
    assert told(panel, RELAYHOST)["live_revision"] == 1
    relay.forget()
    postfix.submit("friend@example.net")
    assert relay.wait_for(1)[0].username == "own-user"
    (entry, *_) = panel.api("GET", "audit/?action=setting.set").body["audit"]
    assert entry["detail"]["adopted"] == "mail.test"
    again = adopt(panel, RELAYHOST)
    assert again.status == 409
    assert "nothing to adopt" in again.body["detail"]
    assert panel.reset(RELAYHOST).status in (200, 204)
    wait_until(lambda: postfix.main_cf.read_bytes() == before)


def test_a_relayhost_edited_by_hand(postfix, panel, make_relay, open_relay, wait_until):
    make_relay(accounts={"own-user": PASSWORD})
    assert panel.set(RELAYHOST, VALUE)["status"] == "applied"
    theirs = f"[{open_relay.address}]:{open_relay.port}"
    postfix.set_parameters({"relayhost": theirs, "smtp_sasl_auth_enable": "no"})
    wait_until(lambda: drift(panel, RELAYHOST))
    value = adopted(panel, RELAYHOST)
    assert value == {"server_hostname": open_relay.address, "server_port": open_relay.port}
    wait_until(lambda: applied(panel, RELAYHOST) and drift(panel, RELAYHOST) == "")
    assert postfix.parameter("relayhost") == theirs


@pytest.mark.parametrize(
    ("relayhost", "words"),
    [("relay.test:587", "brackets"), ("[relay.test]:nosuchservice", "port of nosuchservice")],
)
def test_a_relayhost_that_no_value_means_is_not_adopted(relayhost, words, postfix, make_panel):
    """It is said why, and with which remedy."""
    postfix.set_parameters({"relayhost": relayhost})
    panel = make_panel(postfix)
    answer = adopt(panel, RELAYHOST)
    assert answer.status == 409
    assert words in answer.body["detail"]
    assert panel.api("GET", f"settings/{RELAYHOST}/").status == 204


def test_the_admins_own_autoexpunge_and_an_edited_one(
    make_dovecot, postfix, make_panel, wait_until
):
    dovecot = make_dovecot()
    own = "namespace inbox {\n  mailbox Junk {\n    autoexpunge = 30d\n  }\n}\n"
    conf = dovecot.config_directory / "conf.d" / "20-own.conf"
    conf.write_text(own)
    panel = make_panel(postfix, dovecot)
    assert adopted(panel, INTERVAL) == {"junk_days": 30, "trash_days": None}
    wait_until(lambda: applied(panel, INTERVAL))
    (drop_in,) = dovecot.config_directory.rglob("99-mailpanel-*")
    drop_in.write_text("# mine\n" + drop_in.read_text().replace("30d", "40 days"))
    wait_until(lambda: drift(panel, INTERVAL))
    assert adopted(panel, INTERVAL) == {"junk_days": 40, "trash_days": None}
    wait_until(lambda: applied(panel, INTERVAL) and drift(panel, INTERVAL) == "")
    assert "40d" in drop_in.read_text()
    assert panel.reset(INTERVAL).status in (200, 204)
    wait_until(lambda: not drop_in.exists())
    assert conf.read_text() == own


def test_the_admins_own_msmtprc(panel, directory, make_relay, wait_until):
    """It stays, and mailpanel writes one beside it with the same account."""
    make_relay(accounts={"own-user": PASSWORD})
    own = (
        f"defaults\nauth on\ntls on\n# the provider\naccount provider\nhost {RELAY}\nport 587\n"
        f'user own-user\npassword "{PASSWORD}"\naccount default : provider\n'
    )
    (directory / "msmtprc").write_text(own)
    (directory / "msmtprc").chmod(0o600)
    # Seen at the periodic check, without a restart.
    wait_until(lambda: told(panel, MAILER)["present"] == WITHOUT)
    said = panel.command("hosts")
    assert f"Local programs send through {RELAY}, port 587, as own-user" in said
    assert json.loads(panel.command("hosts", "adopt", "mail.test", MAILER))["settings"] == {
        "name": MAILER,
        "status": "applying",
        "value": WITHOUT,
    }
    wait_until(lambda: applied(panel, MAILER))
    written = directory / "mailpanel" / "msmtprc"
    assert f'password "{PASSWORD}"' in written.read_text()
    assert (directory / "msmtprc").read_text() == own
    with pytest.raises(InstallationError, match="nothing to adopt"):
        panel.command("hosts", "adopt", "mail.test", MAILER)


def test_a_password_that_a_command_tells_has_to_be_typed(panel, directory, wait_until):
    text = f"account default\nhost {THEIRS}\nauth on\nuser u\npasswordeval touch {directory}/run\n"
    (directory / "msmtprc").write_text(text)
    answer = adopt(panel, MAILER)
    assert answer.status == 409
    assert "Save the setting with the password" in answer.body["detail"]
    assert not (directory / "run").exists()


def test_where_nothing_stands_there_is_nothing_to_adopt(whole_panel):
    for setting in (RELAYHOST, INTERVAL, MAILER, "imap_master_password"):
        answer = adopt(whole_panel, setting)
        assert answer.status == 409, setting
        assert "nothing to adopt" in answer.body["detail"]
    assert whole_panel.api("POST", "hosts/no.test/adopt/", {"setting": MAILER}).status == 404
    assert whole_panel.api("POST", "hosts/mail.test/adopt/", {"setting": "no"}).status == 422
