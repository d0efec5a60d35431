"""What is wrong with a relay or an account never costs a message or a password."""

from __future__ import annotations

import pytest
from loopback import NOBODY, OTHER, RELAY

SETTING = "postfix_relayhost"
VALUE = {
    "server_hostname": RELAY,
    "server_port": 587,
    "username": "relay-user",
    "password": "secret",
}
ACCOUNT = {"relay-user": "secret"}


@pytest.fixture(params=["wrong name", "expired", "STARTTLS stripped"])
def harmed(request, make_relay, authority):
    """A relay that must not be trusted, and what mends it."""
    relay = make_relay(accounts=ACCOUNT)
    if request.param == "STARTTLS stripped":
        relay.strip_starttls()
    elif request.param == "expired":
        relay.present(authority.issue(RELAY, expired=True))
    else:
        relay.present(authority.issue("relay.wrong.test", OTHER))

    def mend() -> None:
        relay.strip_starttls(False)
        relay.present(authority.issue(RELAY))

    return relay, mend


def configuration(postfix) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (postfix.main_cf, postfix.master_cf)}


def test_an_untrusted_relay_gets_neither_mail_nor_login(harmed, postfix, panel, wait_until) -> None:
    """Without the probe it is configured; the mail waits, and goes once it is mended."""
    relay, mend = harmed
    assert panel.set(SETTING, VALUE, probe=False)["status"] == "applied"
    postfix.submit("friend@example.net")
    wait_until(lambda: "status=deferred" in postfix.log())
    assert relay.messages == []
    assert relay.logins == []

    mend()
    # The log tells of it before the queue manager has put the mail by.
    wait_until(lambda: postfix.flush() or relay.messages)
    assert relay.messages[0].username == "relay-user"
    wait_until(lambda: postfix.queue() == [])
    assert "status=bounced" not in postfix.log()


def test_an_untrusted_server_from_the_start_of_tls(
    make_relay, authority, postfix, panel, wait_until
) -> None:
    """The same on 465."""
    relay = make_relay(port=465, implicit_tls=True, accounts=ACCOUNT)
    relay.present(authority.issue("relay.wrong.test"))
    assert panel.set(SETTING, VALUE | {"server_port": 465}, probe=False)["status"] == "applied"
    postfix.submit("friend@example.net")
    wait_until(lambda: "status=deferred" in postfix.log())
    assert relay.logins == []

    relay.present(authority.issue(RELAY))
    wait_until(lambda: postfix.flush() or relay.messages)
    wait_until(lambda: postfix.queue() == [])


def test_the_probe_refuses_an_untrusted_relay(harmed, postfix, panel) -> None:
    """Nothing on the host changes, and the sentence names the relay and the reason."""
    relay, _ = harmed
    before = configuration(postfix)
    answer = panel.set(SETTING, VALUE)
    assert answer["status"] == "failed"
    assert RELAY in answer["error"]
    assert any(word in answer["error"] for word in ("certificate", "STARTTLS")), answer["error"]
    assert "Traceback" not in answer["error"]
    assert relay.logins == []
    assert configuration(postfix) == before


def test_a_wrong_password_leaves_the_old_account_live(make_relay, postfix, panel) -> None:
    """The server's refusal is told, and mail goes on under the old account."""
    relay = make_relay(accounts=ACCOUNT)
    assert panel.set(SETTING, VALUE)["status"] == "applied"
    before = configuration(postfix)

    answer = panel.set(SETTING, VALUE | {"password": "guessed-wrongly"})

    assert answer["status"] == "failed"
    assert "535" in answer["error"] or "refused" in answer["error"], answer["error"]
    assert "guessed-wrongly" not in str(answer)
    assert configuration(postfix) == before
    postfix.submit("friend@example.net")
    assert relay.wait_for(1)[0].username == "relay-user"


def test_a_refused_password_is_not_tried_again_and_again(make_relay, panel, wait_until) -> None:
    """Providers lock accounts: the periodic check must not repeat what was refused."""
    relay = make_relay(accounts={"relay-user": "another"})
    assert panel.set(SETTING, VALUE)["status"] == "failed"
    tried = len(relay.logins)
    assert tried >= 1
    host_seen = panel.log("apply")
    # Several check intervals, told by the clock since nothing is to happen.
    with pytest.raises(TimeoutError):
        relay.wait_for(1, timeout=3.5)
    assert len(relay.logins) == tried, host_seen


def test_a_relay_that_is_away(postfix, panel) -> None:
    """Nobody listens: failed, with the relay named, and main.cf as it was."""
    before = configuration(postfix)
    answer = panel.set(SETTING, VALUE | {"server_hostname": NOBODY})
    assert answer["status"] == "failed"
    assert NOBODY in answer["error"]
    assert configuration(postfix) == before
