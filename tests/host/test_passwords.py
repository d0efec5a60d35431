"""Anything that a provider may hand out logs in at the relay, through Postfix."""

from __future__ import annotations

import pytest
from loopback import RELAY

SETTING = "postfix_relayhost"

ACCOUNTS = {
    "every special": ("relay-user", "p:a#s$s \"w'o\\r%d"),
    "inner blanks": ("relay-user", "one  two   three"),
    "not ASCII": ("grüße@exämple.net", "pässwörd-密码-пароль-😀"),
    "1,024 of four bytes": ("relay-user", "😀𝄞" * 512),
    "like a parameter": ("relay-user", "${relayhost}$mail_name"),
    "like a table's entry": ("$name # \\ \"'@x", "# [relay.example.net]:587 x:y"),
    "no-break space inside": ("relay-user", "a\u00a0b\u2003c"),
    "decomposed": ("relay-user", "e\u0301 is not \u00e9"),
    "a backslash at the end": ("relay-user", "ends with \\"),
    "a password of one character": ("u", ":"),
    "all of ASCII": ("r" * 255, "".join(map(chr, range(0x21, 0x7F))) * 10),
}


@pytest.mark.parametrize("port", [587, 465])
def test_each_logs_in(port, make_relay, postfix, panel) -> None:
    """On one host, one after the other: what was set before leaves nothing behind."""
    relay = make_relay(port=port, implicit_tls=port == 465)
    for case, (username, password) in ACCOUNTS.items():
        relay.accounts = {username: password}
        value = {"server_hostname": RELAY, "server_port": port}
        answer = panel.set(SETTING, value | {"username": username, "password": password})
        assert answer["status"] == "applied", (case, answer)
        # The probe has logged in as well; what follows is Postfix's own.
        relay.forget()
        postfix.submit("friend@example.net")
        (message,) = relay.wait_for(1)
        assert message.username == username, case
