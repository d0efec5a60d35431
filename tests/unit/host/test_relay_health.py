"""How a relay fares is told in the words of a test, and nothing that was not meant for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailpanel.host.relay_health import Growth, Judge, Standing, beside, concluded, told
from mailpanel.host.relay_mail import Attempt, Hop, Queued, Tally
from mailpanel.plan import PostfixRelays

RELAY = PostfixRelays("relay.test", 587, "smtp", "user@relay.test")
HOP = Hop("relay.test", 587)
SERVER = "relay.test[192.0.2.1]"
PASSWORD = "xyzzy plugh@tor: #17"
REFUSED = f"SASL authentication failed; server {SERVER} said: 535 5.7.8 wrong"
NOW = 2000.0
WELL = Standing(True, None, 1000.0)


def judge(reason: str, password: str | None = PASSWORD, why: tuple[str, ...] = ()) -> str:
    return Judge(RELAY, password, why)(reason)[1]


def after(*attempts: tuple[str, str], before: Standing = WELL) -> Standing:
    made = [Attempt("4X", HOP, status, reason) for status, reason in attempts]
    return concluded(before, made, Judge(RELAY, PASSWORD), NOW)


class TestWords:
    def test_they_are_those_of_a_test(self) -> None:
        assert "refuses the password (535 5.7.8 wrong)" in judge(REFUSED)

    def test_mail_that_is_put_off_is_no_failure(self) -> None:
        """Greylisting and limits, at whichever command."""
        for command in ("MAIL FROM", "RCPT TO", "DATA", "end of DATA"):
            reason = f"host {SERVER} said: 451 4.7.1 later (in reply to {command} command)"
            through, says, _ = Judge(RELAY, PASSWORD)(reason)
            assert through
            assert (
                says == "The relay puts mail off (451 4.7.1 later). Postfix tries again by itself."
            )

    def test_why_a_certificate_is_not_accepted_is_the_last_word_on_this_relay(self) -> None:
        lines = (
            f"certificate verification failed for {SERVER}:587: certificate has expired",
            f"certificate verification failed for {SERVER}:587: self-signed certificate",
            "certificate verification failed for other.test[192.0.2.9]:25: it has expired",
        )
        assert "self-signed" in judge("Server certificate not verified", why=lines)
        assert "is not accepted" in judge("Server certificate not verified")

    @pytest.mark.parametrize(
        "said",
        [
            f"535 5.7.8 no {PASSWORD} here",
            f"535 5.7.8 (no {PASSWORD}) (in reply to nothing)",
            f"535 {PASSWORD}",
        ],
    )
    def test_a_password_that_is_repeated_is_not_shown(self, said: str) -> None:
        """Also where it looks like an address in part."""
        for reason in (
            f"SASL authentication failed; server {SERVER} said: {said}",
            f"host {SERVER} refused to talk to me: {said}",
            f"TLS is required, but host {SERVER} refused to start TLS: {said}",
            f"host {SERVER} said: {said} (in reply to MAIL FROM command)",
        ):
            assert "plugh" not in judge(reason)
            assert "#17" not in judge(reason)

    def test_where_the_password_is_not_known_only_codes_are_shown(self) -> None:
        assert "refuses the password (535 5.7.8)" in judge(f"{REFUSED} (x) y", None)
        assert "refuses the password (535)" in judge(REFUSED.replace("5.7.8 wrong", "no"), None)
        reason = f"host {SERVER} said: 530 no (in reply to MAIL FROM command)"
        assert "wants an account (530)" in judge(reason, None)
        reason = f"host {SERVER} said: 450 4.2.0 (q) slow (in reply to RCPT TO command)"
        assert "puts mail off (450 4.2.0)" in judge(reason, None)

    def test_addresses_are_masked(self) -> None:
        reason = (
            f"host {SERVER} said: 450 4.2.0 <friend@example.net> f@x.org: (in reply to RCPT TO)"
        )
        assert "<…>" in judge(reason)
        assert "friend" not in judge(reason)
        assert "x.org" not in judge(reason)

    @given(st.text(), st.sampled_from([None, "", PASSWORD]))
    def test_no_reason_is_too_odd(self, text: str, password: str | None) -> None:
        for reason in (text, f"host {SERVER} said: {text}", f"host {SERVER} said: 450 {text}"):
            says = judge(reason, password)
            assert says.endswith(".")
            assert PASSWORD not in says

    @given(st.text(), st.text())
    def test_no_password_is_ever_shown(self, before: str, behind: str) -> None:
        for code in ("535", "450 4.2.0"):
            said = f"{code} {before}{PASSWORD}{behind}"
            assert PASSWORD not in judge(f"host {SERVER} said: {said}")


class TestStanding:
    def test_the_last_word_counts(self) -> None:
        assert not after(("sent", "250 ok"), ("deferred", REFUSED)).ok
        assert after(("deferred", REFUSED), ("sent", "250 ok")) == Standing(True, None, NOW)
        assert after() == after(("sent", "250 ok")) == WELL

    def test_since_when_it_is_wrong_stays(self) -> None:
        """Also where the words change."""
        ill = after(("deferred", REFUSED))
        assert ill.since == NOW
        later = after(("deferred", f"connect to {SERVER}:587: Connection refused"), before=ill)
        assert later.since == NOW
        assert "connection is refused" in (later.says or "")

    def test_a_message_that_nobody_takes_is_not_the_relays_fault(self) -> None:
        """Three one after the other are."""
        spam = ("bounced", f"host {SERVER} said: 554 5.7.1 denied (in reply to RCPT TO command)")
        assert after(spam).ok
        assert after(spam, spam, ("sent", "250 ok"), spam).ok
        assert not after(spam, spam, spam).ok

    def test_a_bounce_for_want_of_an_account_is(self) -> None:
        """Every message meets it."""
        reason = f"host {SERVER} said: 530 5.7.0 log in (in reply to MAIL FROM command)"
        assert "wants an account" in (after(("bounced", reason)).says or "")

    def test_what_waits_tells_where_the_log_does_not(self) -> None:
        tally = Tally(HOP, since=1000.0)
        tally.add(Queued("4X", 1001, frozenset({REFUSED})))
        ill = beside(WELL, tally, Judge(RELAY, PASSWORD), NOW, log=False)
        assert ill == after(("deferred", REFUSED))
        empty = Tally(HOP)
        assert beside(ill, empty, Judge(RELAY, PASSWORD), NOW + 1, log=True) == ill
        well = beside(ill, empty, Judge(RELAY, PASSWORD), NOW + 1, log=False)
        assert well == Standing(True, None, NOW + 1)

    def test_mail_that_is_put_off_is_remarked_while_it_waits(self) -> None:
        tally = Tally(HOP)
        reason = f"host {SERVER} said: 450 4.7.1 slower (in reply to RCPT TO command)"
        tally.add(Queued("4X", 1001, frozenset({reason})))
        remarked = beside(WELL, tally, Judge(RELAY, PASSWORD), NOW, log=True)
        assert remarked.ok
        assert "puts mail off (450 4.7.1 slower)" in (remarked.says or "")
        assert beside(remarked, Tally(HOP), Judge(RELAY, PASSWORD), NOW, log=True) == WELL


def test_a_queue_that_grows() -> None:
    """By many, and at no look by fewer; a handful is none."""
    growth = Growth()
    assert [growth.add(count) for count in (0, 4, 9, 12)] == [False, False, False, True]
    assert not growth.add(11)
    few = Growth()
    assert not any(few.add(count) for count in (0, 1, 2, 3, 4, 5, 6))


class TestTold:
    def tell(self, tally: Tally, **more: object) -> dict[str, object]:
        given_ = {"growing": False, "complete": True, "log": "file", **more}
        return told(tally.relay, WELL, tally, **given_)  # type: ignore[arg-type]

    def test_all_that_is_well(self) -> None:
        assert self.tell(Tally(HOP)) == {
            "relay": "[relay.test]:587",
            "ok": True,
            "says": None,
            "since": "1970-01-01T00:16:40Z",
            "waiting": 0,
            "left_over": 0,
            "for_older": 0,
            "oldest": None,
            "growing": False,
            "complete": True,
            "log": "file",
            "mail": None,
        }

    def test_the_mail_that_waits_in_a_sentence(self) -> None:
        tally = Tally(HOP, waiting=1, oldest=0)
        assert self.tell(tally)["mail"] == (
            "1 message waits for the relay, the oldest since 1 January 1970, 00:00 UTC."
        )
        tally = Tally(HOP, waiting=1204, for_older=2, oldest=0)
        assert self.tell(tally, growing=True, complete=False)["mail"] == (
            "At least 1,204 messages wait for the relay and 2 messages wait for the old "
            "relay, the oldest since 1 January 1970, 00:00 UTC. More and more wait. What waits for "
            "the old relay goes to the present one when it is tried again."
        )
