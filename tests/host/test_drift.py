"""What somebody edits by hand is seen, shown, and put back when the administrator says so."""

from __future__ import annotations

import json
from typing import Any

from loopback import RELAY

from mailpanel.playground.installation import Installation

RELAYHOST = "postfix_relayhost"
INTERVAL = "junk_trash_clearing_interval"
MAILER = "system_mailer"
ACCOUNT = {"username": "relay-user", "password": "xyzzy-plugh: #17"}
VALUE = {"server_hostname": RELAY, "server_port": 587, **ACCOUNT}


def told(panel: Installation, setting: str) -> dict[str, Any]:
    """Return what the one host tells of a setting."""
    (host,) = panel.api("GET", f"settings/{setting}/status/").body["status"]["hosts"]
    assert ACCOUNT["password"] not in json.dumps(host)
    return host


def drift(panel: Installation, setting: str) -> str:
    return "".join(each["diff"] for each in told(panel, setting).get("drift", []))


def put_back(panel: Installation, setting: str) -> dict[str, Any]:
    answer = panel.api("POST", "hosts/mail.test/put-back/", {"setting": setting})
    assert answer.status == 200, answer.body
    return answer.body["put_back"]


def test_an_edited_line_of_main_cf(panel, postfix, make_relay, wait_until):
    make_relay(accounts={ACCOUNT["username"]: ACCOUNT["password"]})
    assert panel.set(RELAYHOST, VALUE)["status"] == "applied"
    before = postfix.main_cf.read_bytes()
    postfix.set_parameters({"relayhost": "[elsewhere.test]:25"})
    wait_until(lambda: drift(panel, RELAYHOST))
    assert "-relayhost = [elsewhere.test]:25" in drift(panel, RELAYHOST)
    assert f"+relayhost = [{RELAY}]:587" in drift(panel, RELAYHOST)
    # Seen, and not touched.
    assert postfix.parameter("relayhost") == "[elsewhere.test]:25"
    assert put_back(panel, RELAYHOST)["ok"]
    assert postfix.main_cf.read_bytes() == before
    assert drift(panel, RELAYHOST) == ""
    assert told(panel, RELAYHOST)["status"] == "applied"


def test_an_edited_and_a_missing_file_of_our_own(whole_panel, dovecot, make_relay, wait_until):
    panel = whole_panel
    make_relay(accounts={ACCOUNT["username"]: ACCOUNT["password"]})
    assert panel.set(INTERVAL, {"junk_days": 7, "trash_days": 14})["status"] == "applied"
    assert panel.set(MAILER, VALUE)["status"] == "applied"
    (drop_in,) = dovecot.config_directory.rglob("99-mailpanel-*")
    written = drop_in.read_bytes()
    drop_in.write_text(drop_in.read_text().replace("7d", "1d"))
    msmtprc = panel.directory.parent / "msmtprc"
    secret = msmtprc.read_bytes()
    msmtprc.unlink()
    wait_until(lambda: drift(panel, INTERVAL) and drift(panel, MAILER))
    assert "-    autoexpunge = 1d" in drift(panel, INTERVAL)
    assert put_back(panel, INTERVAL)["ok"]
    assert put_back(panel, MAILER)["ok"]
    assert drop_in.read_bytes() == written
    assert msmtprc.read_bytes() == secret
    assert drift(panel, INTERVAL) == drift(panel, MAILER) == ""


def test_what_is_in_its_way_is_told(panel, postfix, make_relay, wait_until):
    """Before the next change fails by it; and it goes away by itself."""
    make_relay(accounts={ACCOUNT["username"]: ACCOUNT["password"]})
    assert panel.set(RELAYHOST, VALUE)["status"] == "applied"
    postfix.set_parameters({"smtp_tls_per_site": "hash:/etc/postfix/per_site"})
    wait_until(lambda: "smtp_tls_per_site" in told(panel, RELAYHOST).get("problem", ""))
    assert "smtp_tls_per_site" in put_back(panel, RELAYHOST)["error"]
    postfix.command("postconf", "-X", "smtp_tls_per_site")
    wait_until(lambda: "problem" not in told(panel, RELAYHOST))


def test_an_unknown_host_or_setting(panel):
    answer = panel.api("POST", "hosts/nobody.test/put-back/", {"setting": RELAYHOST})
    assert answer.status == 404
    assert panel.api("POST", "hosts/mail.test/put-back/", {"setting": "no"}).status == 422
