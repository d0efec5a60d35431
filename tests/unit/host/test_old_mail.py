"""What is counted of old mail, and in which words; tests/host shows that as much is deleted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailpanel.host.old_mail import Tally
from mailpanel.plan import CountOld
from mailpanel.reports import FolderPreview

DAY = 86_400
NOW = 1_800_000_000
GUID = "0123456789abcdef" * 2
TODAY = "2027-01-15"
WANTED = CountOld("Junk", "Junk", 7)
HEAD = "Username\tseq\tuid\tdate.saved.unixtime\tsize.physical\tmailbox-guid\tmailbox"


def tallied(
    *mailboxes: Sequence[float],
    live: float | None = None,
    complete: bool = True,
    wanted: CountOld = WANTED,
    folder: str = "Junk",
    size: int = 100,
) -> FolderPreview:
    """Return what comes of mailboxes with messages of these ages in days, first to last.

    What is younger than a week doveadm does not print.
    """
    tally = Tally(wanted, live, NOW)
    tally.take(HEAD)
    for number, ages in enumerate(mailboxes):
        for sequence, age in enumerate(ages, 1):
            if age >= wanted.days:
                saved = round(NOW - age * DAY)
                tally.take(
                    f"user{number}\t{sequence}\t{sequence}\t{saved}\t{size}\t{GUID}\t{folder}"
                )
    return tally.told(complete=complete)


def test_messages_are_counted_in_all_mailboxes() -> None:
    found = tallied((400, 8, 7), (3, 2), (), (10,))
    assert (found.messages, found.newly, found.bytes, found.mailboxes) == (4, 4, 400, 2)
    assert found.oldest == "2025-12-11"


def test_what_is_behind_a_younger_message_stays() -> None:
    """As autoexpunge has it, in each mailbox by itself."""
    assert tallied((6, 40), (40, 6, 40)).messages == 1


def test_a_folder_that_only_begins_like_it_is_not_counted() -> None:
    assert tallied((40,), folder="Junkyard").messages == 0
    assert tallied((40,), folder="junk").messages == 0


def test_a_pattern_counts_each_folder_that_is_found_by_it() -> None:
    wanted = CountOld("Spam*", "Spam*", 7)
    tally = Tally(wanted, None, NOW)
    for folder in ("Spam", "Spammers"):
        tally.take(f"anna\t1\t1\t{NOW - 9 * DAY}\t100\t{GUID}\t{folder}")
    found = tally.told(complete=True)
    assert (found.folder, found.messages, found.mailboxes) == ("Spam*", 2, 1)


HOURS = st.integers(0, 30 * 24)
AGES = st.lists(HOURS.map(lambda hours: hours / 24), max_size=8)
MAILBOXES = st.lists(AGES, max_size=4)


def autoexpunged(ages: Sequence[float], seconds: float) -> int:
    """Return how many go, as lib-storage/mail-autoexpunge.c has it."""
    gone = 0
    for age in ages:
        if round(NOW - age * DAY) > NOW - seconds:
            break
        gone += 1
    return gone


@given(mailboxes=MAILBOXES, live=st.none() | st.floats(1, 30 * DAY))
@settings(deadline=None)
def test_as_many_are_told_newly_as_go_beyond_the_present_interval(
    mailboxes: list[list[float]], live: float | None
) -> None:
    found = tallied(*mailboxes, live=live)
    new = [autoexpunged(ages, 7 * DAY) for ages in mailboxes]
    old = [autoexpunged(ages, live) if live else 0 for ages in mailboxes]
    assert found.messages == sum(new)
    assert found.newly == sum(max(a - b, 0) for a, b in zip(new, old, strict=True))
    assert found.mailboxes == sum(each > 0 for each in new)


@pytest.mark.parametrize(
    "line",
    [
        "",
        HEAD,
        "\t\t\t\t\t\t",
        "anna\t1\t2",
        f"anna\t1\t1\t-1\t100\t{GUID}\tJunk",
        f"anna\t1\t1\t1\t100\t{GUID[:-1]}\tJunk",
        "Error: no\tJunk",
    ],
)
def test_what_is_no_message_is_not_counted(line: str) -> None:
    tally = Tally(WANTED, None, NOW)
    tally.take(line)
    assert tally.told(complete=True).messages == 0


class TestInWords:
    def test_what_goes(self) -> None:
        many = tallied(*([(20, 9)] * 602), size=44_102)
        assert many.says == (
            "Junk: 1,204 messages (53.1 MB) in 602 mailboxes are older than 7 days, "
            "the oldest from 2026-12-26."
        )

    def test_one(self) -> None:
        one = tallied((1,), wanted=CountOld("Junk", "Junk", 1))
        assert one.says == (
            "Junk: 1 message (100 B) in 1 mailbox is older than 1 day, the oldest from 2027-01-14."
        )

    def test_what_goes_already(self) -> None:
        says = tallied((20, 9), live=14.0 * DAY).says
        assert says.endswith("2026-12-26. By the present interval 1 of them goes already.")
        says = tallied((20, 19, 9), live=14.0 * DAY).says
        assert says.endswith("By the present interval 2 of them go already.")

    def test_nothing(self) -> None:
        assert tallied((3,)).says == "Junk: nothing is older than 7 days."
        in_doubt = tallied((3,), complete=False)
        assert in_doubt.says == "Junk: nothing that was looked at is older than 7 days."
        assert in_doubt.oldest is None

    def test_at_least(self) -> None:
        assert tallied((9,), complete=False).says.startswith("Junk: at least 1 message (100 B) in")
