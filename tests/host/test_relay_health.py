"""A relay that refuses is seen while it is live, and its mail goes out once it is mended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from loopback import NOBODY, RELAY
from odd_relay import OddRelay, self_signed

from mailpanel.playground.certificates import Authority
from mailpanel.playground.installation import Installation
from mailpanel.playground.postfix import PrivatePostfix

NAME = "postfix_relayhost"
USERNAME, PASSWORD = "relay-user", "xyzzy-plugh: #17"
VALUE = {"server_hostname": RELAY, "server_port": 587, "username": USERNAME, "password": PASSWORD}


@dataclass
class Watch:
    """A mailpanel with a Postfix, and what it tells of the relay."""

    panel: Installation
    postfix: PrivatePostfix
    wait_until: Callable[..., None]

    def health(self) -> dict[str, Any]:
        """Return what the host tells; never a secret or an address."""
        (host,) = self.panel.api("GET", f"settings/{NAME}/status/").body["status"]["hosts"]
        assert PASSWORD not in json.dumps(host)
        assert "friend" not in json.dumps(host)
        told: dict[str, Any] = host.get("relay_health", {})
        return told

    def becomes(self, **wanted: Any) -> dict[str, Any]:
        """Wait until it tells *wanted*; return all that it tells then."""
        self.wait_until(lambda: wanted.items() <= self.health().items())
        return self.health()

    def says(self, words: str) -> dict[str, Any]:
        """Wait until the relay is ailing, with *words* in the sentence."""
        self.wait_until(lambda: words in (self.health().get("says") or ""))
        health = self.health()
        assert not health["ok"]
        return health

    def set(self, **more: Any) -> None:
        """Make the relay live, whatever a probe would say."""
        assert self.panel.set(NAME, VALUE | more, probe=False)["status"] == "applied"

    def flush(self) -> dict[str, Any]:
        answer = self.panel.api("POST", "hosts/mail.test/flush/", {})
        assert answer.status == 200, answer.body
        told: dict[str, Any] = answer.body["flush"]
        return told

    def submit(self, count: int = 1) -> None:
        self.postfix.submit_many(["friend@example.net"] * count)


@pytest.fixture
def watch(panel: Installation, postfix: PrivatePostfix, wait_until: Any) -> Watch:
    return Watch(panel, postfix, wait_until)


@pytest.fixture
def relay(authority: Authority) -> Iterator[Callable[..., OddRelay]]:
    """Start odd relays with the account, at port 587 of RELAY and with its certificate."""
    with ExitStack() as stack:

        def start(**more: Any) -> OddRelay:
            given = {"address": RELAY, "port": 587, "username": USERNAME, "password": PASSWORD}
            certificate = more.pop("certificate", authority.issue(RELAY))
            return stack.enter_context(OddRelay(certificate, **given | more))

        yield start


def test_a_refused_password_is_seen_and_over_after_repair_and_flush(
    watch: Watch, relay: Callable[..., OddRelay]
) -> None:
    """In the words of a test."""
    odd = relay(password="another")
    watch.set()
    watch.becomes(ok=True, waiting=0, relay=f"[{RELAY}]:587", log="file")
    watch.submit(3)
    health = watch.says("refuses the password (535 5.7.8 wrong)")
    health = watch.becomes(waiting=3)
    assert "3 messages wait for the relay, the oldest since " in health["mail"]
    odd.password = PASSWORD
    assert watch.flush()["ok"]
    watch.becomes(ok=True, says=None, waiting=0, left_over=0, mail=None)
    assert len(odd.messages) == 3
    status = watch.panel.api("GET", "hosts/").body["hosts"][0]["settings"][NAME]
    assert status["relay_health"]["ok"]


def test_a_flush_tries_the_relay_first(watch: Watch, relay: Callable[..., OddRelay]) -> None:
    """One refused log-in, not one with each message that waits."""
    odd = relay()
    assert watch.panel.set(NAME, VALUE)["status"] == "applied"
    odd.password = "another"
    watch.submit(5)
    watch.says("refuses the password")
    watch.becomes(waiting=5)
    before = len(odd.logins)
    answer = watch.flush()
    assert not answer["ok"]
    assert "refuses the password (535 5.7.8 wrong)" in answer["error"]
    assert "left waiting" in answer["error"]
    assert len(odd.logins) == before + 1
    # Nobody has changed anything here: the account was mended at the provider's.
    odd.password = PASSWORD
    assert watch.flush()["ok"]
    watch.becomes(ok=True, waiting=0)
    assert len(odd.messages) == 5


def test_a_certificate_that_is_not_accepted(
    watch: Watch, relay: Callable[..., OddRelay], authority: Authority
) -> None:
    """Why, is told by the log alone; the relay is told from the queue though no reason names it."""
    with relay(certificate=self_signed("localhost"), address="127.0.0.1", port=0) as odd:
        watch.set(server_hostname="localhost", server_port=odd.port)
        watch.becomes(ok=True)
        watch.submit()
        watch.says("certificate of localhost is not accepted: it is self-signed")
        watch.becomes(waiting=1)
    with relay(certificate=authority.issue("localhost"), address="127.0.0.1", port=odd.port):
        assert watch.flush()["ok"]
        watch.becomes(ok=True, waiting=0)


def test_what_waits_for_the_old_relay_is_told_and_goes_to_the_new_one(
    watch: Watch, relay: Callable[..., OddRelay]
) -> None:
    watch.set(server_hostname=NOBODY)
    watch.becomes(ok=True)
    watch.submit(2)
    watch.says("the connection is refused")
    watch.becomes(waiting=2)
    odd = relay()
    assert watch.panel.set(NAME, VALUE)["status"] == "applied"
    health = watch.becomes(ok=True, waiting=0, for_older=2)
    assert "2 messages wait for the old relay" in health["mail"]
    assert watch.flush()["ok"]
    watch.becomes(for_older=0, waiting=0, mail=None)
    assert len(odd.messages) == 2


def test_what_waits_after_a_reset_is_told_until_it_is_gone(watch: Watch) -> None:
    watch.set(server_hostname=NOBODY)
    watch.becomes(ok=True)
    watch.submit()
    watch.says("the connection is refused")
    watch.panel.reset(NAME)
    watch.becomes(relay=None, for_older=1)
    watch.postfix.command("postsuper", "-d", "ALL")
    watch.wait_until(lambda: watch.health() == {})


def test_without_a_log_the_queue_tells(
    watch: Watch, relay: Callable[..., OddRelay], postfix: PrivatePostfix
) -> None:
    """And it is said that no log can be read."""
    odd = relay(password="another")
    watch.set()
    watch.becomes(log="file")
    postfix.set_parameters({"maillog_file": str(postfix.directory / "log" / "none")})
    watch.becomes(log=None)
    watch.wait_until(lambda: watch.submit() or watch.health().get("says"))
    watch.says("refuses the password (535 5.7.8 wrong)")
    odd.password = PASSWORD
    assert watch.flush()["ok"]
    watch.becomes(ok=True, waiting=0)


def test_a_log_that_is_turned_is_read_on(
    watch: Watch, relay: Callable[..., OddRelay], postfix: PrivatePostfix
) -> None:
    odd = relay(password="another")
    watch.set()
    watch.becomes(ok=True)
    postfix.log_file.rename(Path(f"{postfix.log_file}.1"))
    postfix.reload()
    watch.submit()
    watch.says("refuses the password (535 5.7.8 wrong)")
    odd.password = PASSWORD
    watch.flush()
    watch.becomes(ok=True, waiting=0)
