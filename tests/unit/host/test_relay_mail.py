"""What log and queue tell of mail on its way to a relay is read as it is meant, or not at all."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailpanel.host.relay_mail import (
    MOST_REASONS,
    Attempt,
    Hop,
    Queued,
    Tally,
    attempt_of,
    named_hop,
    queued_of,
)

RELAY = Hop("relay.test", 587)
SERVER = "relay.test[192.0.2.1]"
REFUSED = f"SASL authentication failed; server {SERVER} said: 535 5.7.8 wrong"
DELAYS = "delay=0.2, delays=0.1/0.01/0.09/0, dsn=4.7.8"
TIMES = ("Nov 22 21:54:02 mail", "2026-11-22T21:54:02.123456+00:00 mail")


def logged(
    relay: str = f"{SERVER}:587",
    status: str = "deferred",
    reason: str = REFUSED,
    to: str = "to=<friend@example.net>",
    agent: str = "postfix/smtp",
) -> str:
    """Return a line as smtp(8) logs it."""
    return (
        f"{TIMES[0]} {agent}[4711]: 4XYZ1k2Bz: {to}, relay={relay}, {DELAYS}, "
        f"status={status} ({reason})"
    )


def waiting(*reasons: str, arrived: int = 1000, **more: Any) -> str:
    """Return a line as postqueue -j prints it."""
    told = {
        "queue_name": "deferred",
        "queue_id": "4XYZ1k2Bz",
        "arrival_time": arrived,
        "message_size": 305,
        "forced_expire": False,
        "sender": "sender@example.org",
        "recipients": [
            {"address": "friend@example.net", "delay_reason": reason} for reason in reasons
        ],
    }
    return json.dumps(told | more)


class TestTheLog:
    @pytest.mark.parametrize("at", TIMES)
    @pytest.mark.parametrize("agent", ["postfix/smtp", "postfix-out/smtp", "postfix/relay/smtp"])
    def test_an_attempt(self, at: str, agent: str) -> None:
        """Whatever the format of its time, and the name that the instance logs under."""
        line = logged(agent=agent).replace(TIMES[0], at)
        assert attempt_of(line) == Attempt("4XYZ1k2Bz", RELAY, "deferred", REFUSED)

    @pytest.mark.parametrize("status", ["sent", "deferred", "bounced"])
    def test_a_status(self, status: str) -> None:
        attempt = attempt_of(logged(status=status, reason="250 2.0.0 taken"))
        assert attempt is not None
        assert (attempt.status, attempt.reason) == (status, "250 2.0.0 taken")

    def test_a_connection_that_is_used_again_and_an_alias(self) -> None:
        """Each adds a word to the line."""
        line = logged(to="to=<a@example.net>, orig_to=<b@example.org>")
        line = line.replace(", delay=", ", conn_use=2, delay=")
        attempt = attempt_of(line)
        assert attempt is not None
        assert attempt.hop == RELAY

    def test_mail_that_was_not_even_tried(self) -> None:
        """As qmgr(8) has it put off that has just found the relay dead."""
        line = logged(
            "none", reason=f"delivery temporarily suspended: {REFUSED}", agent="postfix/error"
        )
        assert attempt_of(line) == Attempt("4XYZ1k2Bz", Hop("relay.test", 0), "deferred", REFUSED)

    def test_what_a_sender_puts_into_an_address_is_no_attempt(self) -> None:
        """Anybody could else have a relay look broken."""
        forged = f'"x>, relay={SERVER}:587, {DELAYS}, status=deferred (no)"'
        line = logged("other.test[192.0.2.9]:25", "sent", "250 ok", f"to=<{forged}@example.net>")
        attempt = attempt_of(line)
        assert attempt is not None
        assert (attempt.hop, attempt.status) == (Hop("other.test", 25), "sent")

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "Nov 22 21:54:02 mail postfix/smtpd[1]: connect from localhost[127.0.0.1]",
            logged(agent="postfix/local"),
            logged(agent="evil"),
            logged(status="forgotten"),
            # As cleanup(8) logs a Message-ID, all of which a stranger chooses.
            f"{TIMES[0]} postfix/cleanup[12]: 4AB: message-id=<x> {logged()}",
            f"{TIMES[0]} postfix/cleanup[12]: 4AB: message-id=<x> {logged()[16:]}",
            f"{TIMES[1]} postfix/cleanup[12]: 4AB: message-id=<x>{logged().removeprefix(TIMES[0])}",
        ],
    )
    def test_any_other_line_is_none(self, line: str) -> None:
        assert attempt_of(line) is None

    @given(st.text())
    def test_no_line_is_too_odd(self, text: str) -> None:
        """Nor is one that is odd in its middle."""
        assert attempt_of(text) is None
        attempt = attempt_of(logged(reason=text))
        assert attempt is None or attempt.hop == RELAY

    @given(st.text(max_size=300).map(lambda text: text * 200))
    def test_a_long_line_takes_no_time(self, text: str) -> None:
        """The expressions go over it once."""
        started = time.process_time()
        attempt_of(logged(to=f'to=<"{text}'))
        named_hop(text)
        assert time.process_time() - started < 1.0


NAMED = {
    REFUSED: Hop("relay.test", 0),
    f"connect to {SERVER}:587: Connection refused": RELAY,
    f"host {SERVER} refused to talk to me: 554 5.7.1 other.test[192.0.2.9]": Hop("relay.test", 0),
    f"host {SERVER} said: 450 try other.test[192.0.2.9] (in reply to RCPT TO command)": Hop(
        "relay.test", 0
    ),
    f"lost connection with {SERVER} while receiving the initial server greeting": Hop(
        "relay.test", 0
    ),
    f"TLS is required, but was not offered by host {SERVER}": Hop("relay.test", 0),
    "connect to 2001:db8::1[2001:db8::1]:465: Connection timed out": Hop("2001:db8::1", 465),
    "Host or domain name not found. Name service error for name=Relay.Test type=A: Host not "
    "found": Hop("relay.test", 0),
    "unable to look up host relay.test: Name or service not known": Hop("relay.test", 0),
    "mail for relay.test loops back to myself": Hop("relay.test", 0),
    "Server certificate not verified": None,
    "mail transport unavailable": None,
    "": None,
}


@pytest.mark.parametrize("reason", NAMED)
def test_the_server_that_a_reason_names(reason: str) -> None:
    """Not one that the server itself names."""
    assert named_hop(reason) == NAMED[reason]


class TestTheQueue:
    def test_a_message(self) -> None:
        line = waiting(f"delivery temporarily suspended: {REFUSED}", "other")
        assert queued_of(line) == Queued("4XYZ1k2Bz", 1000, frozenset({REFUSED, "other"}))

    @pytest.mark.parametrize("queue", ["active", "incoming", "hold", "maildrop"])
    def test_one_in_another_queue_does_not_wait(self, queue: str) -> None:
        """It is under way, or held by the administrator."""
        assert queued_of(waiting(REFUSED, queue_name=queue)) is None

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda each: st.lists(each) | st.dictionaries(st.text(), each),
        )
    )
    def test_whatever_else_stands_there_is_left_out(self, odd: Any) -> None:
        """Of later versions, or of somebody who has a hand in it."""
        assert queued_of(json.dumps(odd)) is None
        for name in ("queue_id", "arrival_time", "recipients"):
            queued_of(waiting(REFUSED, **{name: odd}))
        queued_of(waiting(recipients=[odd, {"delay_reason": odd}]))

    @given(st.text())
    def test_what_is_no_json_is_left_out(self, text: str) -> None:
        queued_of(text)
        assert queued_of("[" * 100_000) is None


def tallied(*lines: str, **given_: Any) -> Tally:
    tally = Tally(given_.pop("relay", RELAY), **given_)
    for line in lines:
        if (queued := queued_of(line)) is not None:
            tally.add(queued)
    return tally


class TestTheTally:
    def test_what_waits_for_the_relay(self) -> None:
        """Once for each message; not what waits for another server."""
        tally = tallied(
            waiting(REFUSED, REFUSED.replace("wrong", "bad"), arrived=990),
            waiting(REFUSED, arrived=980),
            waiting("connect to mx.example.net[192.0.2.9]:25: Connection refused", arrived=1),
            waiting("mail transport unavailable"),
            waiting(),
        )
        assert (tally.waiting, tally.for_older, tally.oldest) == (2, 0, 980)
        assert tally.reason == REFUSED

    def test_the_reason_that_most_have(self) -> None:
        """Identifiers in it do not make it another, however they begin."""
        busy = f"host {SERVER} said: 451 4.3.0 busy"
        lines = [waiting(f"{busy}, id {begin}4XYZabcdef") for begin in ("", "x", "yz")]
        assert (
            tallied(waiting(REFUSED), waiting(REFUSED), *lines).reason == f"{busy}, id 4XYZabcdef"
        )

    def test_what_came_before_does_not_say_what_is_wrong_now(self) -> None:
        tally = tallied(waiting(REFUSED, arrived=999), waiting(REFUSED, arrived=998), since=1000.7)
        assert (tally.waiting, tally.left_over, tally.reason) == (2, 2, None)
        tally = tallied(waiting(REFUSED, arrived=1000), since=1000.7)
        assert (tally.waiting, tally.left_over, tally.reason) == (1, 0, None)

    def test_the_old_relay(self) -> None:
        """By name, or by port where that is all that differs."""
        lines = [
            waiting("connect to old.test[192.0.2.7]:25: Connection refused"),
            waiting(f"connect to {SERVER}:465: Connection refused"),
            waiting(f"connect to {SERVER}:587: Connection refused"),
        ]
        tally = tallied(*lines, older=[Hop("old.test", 25), Hop("relay.test", 465)])
        assert (tally.waiting, tally.for_older) == (1, 2)

    def test_a_reason_that_names_no_server(self) -> None:
        """The relay's, unless the log has told that it was another's."""
        line = waiting("Server certificate not verified")
        assert tallied(line).waiting == 1
        tried = {"4XYZ1k2Bz": Hop("old.test", 25)}
        tally = tallied(line, older=[Hop("old.test", 25)], tried=tried)
        assert (tally.waiting, tally.for_older) == (0, 1)

    def test_without_a_relay_only_the_old_ones_count(self) -> None:
        tally = tallied(waiting(REFUSED), relay=None, older=[RELAY])
        assert (tally.waiting, tally.for_older) == (0, 1)

    def test_a_reason_of_many_dots_takes_no_time(self) -> None:
        """A relay could else keep root's process busy with each message that waits."""
        started = time.process_time()
        reason = f"host {SERVER} said: 450 {'a.' * 1000}"
        assert tallied(*[waiting(reason)] * 100).waiting == 100
        assert time.process_time() - started < 1.0

    def test_twenty_thousand_messages_are_counted_in_a_moment(self, tmp_path: Any) -> None:
        """From a file as postqueue -j prints it, each with a reason of its own."""
        file = tmp_path / "queue"
        with file.open("w") as stream:
            for number in range(20_000):
                stream.write(waiting(f"{REFUSED} <{number:x}@q>", arrived=number + 1) + "\n")
        started = time.process_time()
        with file.open() as stream:
            tally = tallied(*stream)
        assert time.process_time() - started < 3.0
        assert (tally.waiting, tally.oldest) == (20_000, 1)
        assert len(tally._reasons) <= MOST_REASONS


@given(st.lists(st.sampled_from([REFUSED, "Server certificate not verified", "x"]), max_size=5))
def test_what_is_counted_is_never_counted_twice(reasons: list[str]) -> None:
    tally = tallied(waiting(*reasons), older=[RELAY])
    assert tally.waiting + tally.for_older == (1 if set(reasons) - {"x"} else 0)
