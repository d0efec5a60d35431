"""mailpanel eject: the host goes on as it is, and nothing of it is mailpanel's any more."""

from __future__ import annotations

import pytest
from loopback import RELAY
from test_master_password import ANNA, PASSWORD, opens

from mailpanel.playground.installation import InstallationError

ACCOUNT = {"username": "relay-user", "password": "p:w"}


def test_all_that_was_live_stays_live(dovecot, postfix, make_panel, make_relay):
    dovecot.start()
    dovecot.add_user(ANNA, PASSWORD)
    dovecot.save(ANNA, "INBOX", "one")
    relay = make_relay(accounts={"relay-user": "p:w"})
    panel = make_panel(postfix, dovecot)
    value = {"server_hostname": RELAY, "server_port": 587, **ACCOUNT}
    assert panel.set("postfix_relayhost", value)["status"] == "applied"
    master = panel.set("imap_master_password", {})["value"]

    with pytest.raises(InstallationError, match="Another apply service"):
        panel.command("eject", "--yes")
    panel.stop()
    said = panel.command("eject", "--yes")
    assert "main.cf: relayhost" in said
    assert "master-users" in said

    dovecot.reload()
    postfix.reload()
    assert opens(dovecot, f"{ANNA}*master", master)
    relay.forget()
    postfix.submit("friend@example.net")
    assert len(relay.wait_for(1)) == 1
    state = panel.directory / "state"
    assert sorted(path.name for path in state.iterdir()) == ["apply.lock", "database"]
    (drop_in,) = dovecot.config_directory.rglob("99-mailpanel-*")
    assert "mailpanel's own" not in drop_in.read_text()


def test_it_asks_first(postfix, make_panel):
    panel = make_panel(postfix)
    with pytest.raises(InstallationError, match="Another apply service") as caught:
        panel.command("eject")
    # Nobody is asked what cannot be done.
    assert "Forget" not in str(caught.value)
    panel.stop()
    with pytest.raises(InstallationError, match="Forget"):
        panel.command("eject")
    assert (panel.directory / "state" / "keys").is_dir()
