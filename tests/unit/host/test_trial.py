"""What the log of a private Postfix tells of a test."""

from __future__ import annotations

from mailpanel.host.trial import _FATAL, _RESULT, RECIPIENT

AT = "Nov 22 21:54:02 mx1 postfix/smtp[12]: "
REFUSED = (
    f"{AT}4AB: to=<{RECIPIENT}>, relay=relay.test[192.0.2.1]:587, delay=0, delays=0/0/0/0, "
    "dsn=4.7.8, status=undeliverable (SASL authentication failed; server relay.test[192.0.2.1] "
    "said: 535 5.7.8 no"
)


def test_a_line_that_postfix_cut_off_is_a_result() -> None:
    """Else a refused password would pass for a relay that is slow, and be sent again and again."""
    (whole, cut) = (_RESULT.search(f"{REFUSED}{end}\n") for end in (")", ""))
    assert whole
    assert cut
    assert whole[2] == cut[2]
    assert whole[2].endswith("535 5.7.8 no")


def test_a_line_that_is_not_written_to_its_end_is_none() -> None:
    assert _RESULT.search(REFUSED) is None


def test_a_relay_cannot_say_that_postfix_has_failed() -> None:
    """What it says may hold the password, and is not shown as Postfix's own words are."""
    assert _FATAL.search(f"{AT}fatal: no file\n")
    assert _FATAL.search(f"{AT}4AB: host relay.test said: 450 x[1]: fatal: your password\n") is None
