"""What smtp(8) says of a relay becomes the sentence for the person who has to mend it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailpanel.errors import ProbeFailed
from mailpanel.host.verdict import Outcome, judge, judge_letter
from mailpanel.plan import PostfixRelays
from mailpanel.relay_words import FAILURES, FOR_GOOD, PORTS, REMARKS, reply_without
from mailpanel.words import filled

WANTED = PostfixRelays("relay.test", 587, "smtp", "user@relay.test")
HOST = "relay.test[192.0.2.1]"


def outcome(says: str, log: str = "", password: str = "") -> Outcome:
    return Outcome(says == "250 ok", says, "user@relay.test", log, password)


def failure(says: str, log: str = "", wanted: PostfixRelays = WANTED) -> ProbeFailed:
    with pytest.raises(ProbeFailed) as caught:
        judge(wanted, outcome(says, log))
    return caught.value


def refused_certificate(reason: str) -> str:
    return f"postfix/smtp[7]: certificate verification failed for {HOST}:587: {reason}\n"


CASES = {
    "unable to look up host relay.test: Name or service not known": "cannot be resolved",
    "Host or domain name not found. Name service error for name=relay.test type=A: Host not "
    "found": "cannot be resolved",
    "unable to look up host ::1: Address family for hostname not supported": "no address of the",
    "Host or domain name not found. Name service error for name=relay.test type=A: Host found but "
    "no data record of requested type": "no address of the kind",
    f"connect to {HOST}:587: Connection refused": "the connection is refused",
    f"connect to {HOST}:587: Connection timed out": "it does not answer. Check name and port",
    f"connect to {HOST}:587: Network is unreachable": "this host has no way there",
    f"connect to {HOST}:587: No route to host": "this host has no way there",
    f"host {HOST} refused to talk to me: 554 5.7.1 go": "turns this host away (554 5.7.1 go)",
    f"host {HOST} said: 550 no (in reply to EHLO command)": "refuses EHLO (550 no)",
    f"conversation with {HOST} timed out while receiving the initial server greeting": "TLS from",
    f"lost connection with {HOST} while receiving the initial server greeting": "not speak SMTP",
    f"TLS is required, but was not offered by host {HOST}": "offers no STARTTLS",
    "Cannot start TLS: handshake failure": "does not speak TLS, or none that",
    f"SASL authentication failed; cannot authenticate to server {HOST}: no mechanism "
    "available": "no way to log in in common",
    f"SASL authentication failed; server {HOST} said: 535 5.7.8 bad": "the password (535 5.7.8 ba",
    f"SASL authentication failed; server {HOST} said: 534 5.7.9 Application-specific password "
    "required": "refuses the password (534 5.7.9 Application-specific",
    f"SASL authentication failed; server {HOST} said: 535 5.7.8 Account suspended": "locked or dis",
    f"SASL authentication failed; server {HOST} said: 535 Too many failed log-ins": "locked or dis",
    f"SASL authentication failed; server {HOST} said: 454 4.7.0 later": "at the moment (454 4.7.0",
    f"SASL authentication failed; server {HOST} said: 504 5.5.4 which": "take a log-in here (504",
    f"host {HOST} said: 530 5.7.0 Authentication required (in reply to MAIL FROM "
    "command)": "wants an account (530 5.7.0 Authentication required)",
    f"host {HOST} said: 530 5.7.0 Must issue a STARTTLS command first (in reply to MAIL FROM "
    "command)": "over TLS alone",
    f"host {HOST} said: 550 5.7.1 account disabled (in reply to MAIL FROM command)": "locked or",
    f"host {HOST} said: 554 5.7.1 <a@b>: Relay access denied (in reply to RCPT TO "
    "command)": "takes no mail for others",
    f"host {HOST} said: 554 5.7.1 Client host rejected (in reply to RCPT TO command)": "for others",
    "mail for relay.test loops back to myself": "round in circles",
    "something that nobody has seen yet": "Postfix cannot send mail through relay.test, port 587",
}


@pytest.mark.parametrize(("says", "told"), CASES.items(), ids=range(len(CASES)))
def test_a_failure(says: str, told: str) -> None:
    error = failure(says)
    assert told in str(error)
    assert error.temporary is not any(
        word in told for word in ("the password", "locked", "wants an account")
    )


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("certificate has expired", "it has expired"),
        ("self-signed certificate", "it is self-signed"),
        ("self signed certificate", "it is self-signed"),
        ("untrusted issuer /CN=x", "nobody here knows who issued it"),
        ("self-signed certificate in certificate chain", "nobody here knows who issued it"),
        ("num=62:hostname mismatch", "it is for another name"),
        ("num=64:IP address mismatch", "it is for another name"),
        ("CA certificate key too weak", "not accepted: CA certificate key too weak."),
    ],
)
def test_a_certificate(reason: str, told: str) -> None:
    """Its reason stands in the log alone."""
    error = failure("Server certificate not verified", refused_certificate(reason))
    assert told in str(error)
    assert "Postfix does not say why" in str(failure("Server certificate not verified"))


@pytest.mark.parametrize("command", ["MAIL FROM", "RCPT TO"])
def test_a_host_that_is_turned_away_without_an_account(command: str) -> None:
    """It bounces all mail; an account's sender is another matter."""
    says = f"host {HOST} said: 554 5.7.1 blocked using a list (in reply to {command} command)"
    wanted = PostfixRelays("relay.test", 25, "smtp")
    assert "takes no mail for others from this host" in str(failure(says, wanted=wanted))


def test_plain_smtp_where_tls_is_expected() -> None:
    log = "warning: TLS library problem: error:0A00010B:SSL routines::wrong version number:x:350:"
    error = failure("Cannot start TLS: handshake failure", log)
    assert "does not speak TLS from the start" in str(error)


def test_a_port_25_that_is_silent_is_one_that_is_blocked() -> None:
    error = failure(
        f"connect to {HOST}:25: Connection timed out",
        wanted=PostfixRelays("relay.test", 25, "smtp"),
    )
    assert "Many networks block outgoing port 25" in str(error)


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("250 ok", "is accepted"),
        (f"host {HOST} said: 450 4.2.0 Greylisted (in reply to RCPT TO command)", "(450 4.2.0 Gre"),
        (f"host {HOST} said: 421 4.7.0 busy (in reply to MAIL FROM command)", "puts the first"),
        (
            f"host {HOST} said: 553 5.7.1 not yours (in reply to MAIL FROM command)",
            "not the sender user@relay.test (553 5.7.1 not yours)",
        ),
        (
            f"host {HOST} said: 553 5.7.1 <a@b>: Sender address rejected: not owned by user u (in "
            "reply to RCPT TO command)",
            "not the sender user@relay.test",
        ),
        (
            f"host {HOST} said: 556 5.1.10 null MX (in reply to RCPT TO command)",
            "not the recipient",
        ),
    ],
)
def test_what_is_worth_a_remark_alone(says: str, told: str) -> None:
    """The test's own sender and recipient were refused; others get through, or later."""
    assert told in judge(WANTED, outcome(says))


BEGUN = "postfix/smtp[7]: 5A: delays=0.14/0.12/0.012/0.00019, dsn=5.1.1, status=undeliverable (host"
CUT = f"host {HOST} said: 550-5.1.1 {'x ' * 1000}"


def test_a_reply_so_long_that_the_line_is_cut_is_told_in_the_relays_words() -> None:
    """Shortened; to which of the two commands it is cannot be known then."""
    told = judge(WANTED, outcome(CUT, BEGUN))
    assert told.startswith("The relay accepts this host, but not the sender or the recipient of")
    assert "(550-5.1.1 x x" in told
    assert len(told) < 300
    policy = f"host {HOST} said: 554 5.7.1 Relay access denied {'x ' * 1000}"
    assert "takes no mail for others" in str(failure(policy, BEGUN))
    letter = replace(WANTED, message_to="a@b.test")
    with pytest.raises(ProbeFailed, match=r"The server refuses the message \(550-5.1.1 x x"):
        judge_letter(letter, outcome(CUT, BEGUN))


def test_a_cut_reply_to_a_command_before_the_message_is_no_remark() -> None:
    """The relay has not accepted this host then."""
    early = BEGUN.replace("/0.00019,", "/0,")
    assert "Postfix cannot send mail through" in str(failure(CUT, early))


@pytest.mark.parametrize("rest", ["wrong", f"wrong {'x ' * 1000}"])
def test_a_refused_log_in_is_one_however_slow_the_machine_is(rest: str) -> None:
    """Else a password that was refused would be sent again, which locks accounts."""
    says = f"SASL authentication failed; server {HOST} said: 535 5.7.8 {rest}"
    refused = failure(says, BEGUN.replace("/0.00019,", "/0.01,"))
    assert "refuses the password" in str(refused)
    assert not refused.temporary


def test_a_reply_that_repeats_the_account_is_left_out() -> None:
    says = f"SASL authentication failed; server {HOST} said: 535 5.7.8 no: xyzzy-plugh"
    with pytest.raises(ProbeFailed) as caught:
        judge(WANTED, outcome(says, password="xyzzy-plugh"))
    assert "refuses the password (535)" in str(caught.value)
    assert reply_without("535 dXNlcgBwYXNz", "user", "pass") == "535 dXNlcgBwYXNz"
    assert reply_without("535 AHVzZXIAcGFzcw==", "user", "pass") == "535"


@pytest.mark.parametrize(
    "repeated",
    [
        "pässwörd-secret: #17",
        # As smtp(8) logs what is no UTF-8.
        "p?ssw?rd-secret: #17",
        "PÄSSWÖRD-SECRET: #17",
        "p%C3%A4ssw%C3%B6rd-secret%3A%20%2317",
        'pässwörd-secret: \\"#17\\"',
        "pässwörd-  secret: #17",
        "AHVzZXIAcMOkc3N3 w7ZyZC1zZWNyZXQ6ICMxNw==",
    ],
)
def test_a_reply_that_repeats_it_in_another_way_is_left_out(repeated: str) -> None:
    """Some quote, encode or break what they were sent before they log and repeat it."""
    assert reply_without(f"535 no {repeated} here", "user", "pässwörd-secret: #17") == "535"


def test_a_reply_beside_a_password_of_signs_alone_is_shown() -> None:
    assert reply_without("535 5.7.8 wrong", "user", "ä-ö-ü: #!") == "535 5.7.8 wrong"


@pytest.mark.parametrize("key", [*FAILURES, *REMARKS])
def test_each_sentence_ends_and_names_a_remedy_or_nothing_to_do(key: str) -> None:
    text = filled({**FAILURES, **REMARKS}[key], {"ports": PORTS})
    assert text.endswith(".")
    assert text.isprintable()
    assert "  " not in text


def test_what_is_for_good_is_in_the_table() -> None:
    assert FAILURES.keys() > FOR_GOOD
