"""What was refused is noted, but not for ever."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from mailpanel.models import FailedAttempt
from mailpanel.services.audit import Author
from mailpanel.services.refusals import A_DAY, AN_HOUR, MORE, Refusals

ADMIN = Author("admin", 7, "192.0.2.1")


def nobody(number):
    """Return nobody, in the network *number*."""
    return Author("", None, f"10.0.{number // 256}.{number % 256}")


@pytest.fixture
def refusals(database, clock):
    return Refusals(database, clock)


def entries(audit_log):
    shown, _ = audit_log.page(limit=10_000)
    return shown


def test_a_refusal_says_who_and_what(refusals, audit_log):
    refusals.note(ADMIN, "request.refused", {"route": "accounts"})
    (entry,) = entries(audit_log)
    assert (entry["author"], entry["token_id"], entry["address"]) == ("admin", 7, "192.0.2.1")
    assert (entry["action"], entry["detail"]) == ("request.refused", {"route": "accounts"})


@pytest.mark.parametrize("author", [ADMIN, nobody(1)])
def test_one_who_is_refused_on_and_on_is_noted_for_a_while(refusals, audit_log, clock, author):
    """The last line says so, and the next hour begins anew; others are noted meanwhile."""
    for _ in range(AN_HOUR + 5):
        refusals.note(author, "token.refused")
    noted = entries(audit_log)
    assert len(noted) == AN_HOUR
    assert [each["detail"] for each in noted[:2]] == [{"more": MORE}, {}]
    refusals.note(nobody(2), "token.refused")
    clock.forward(3600)
    refusals.note(author, "token.refused")
    assert len(entries(audit_log)) == AN_HOUR + 2


def test_strangers_together_fill_no_disk(database, refusals, audit_log, clock):
    """From however many networks; who is known is noted all the same."""
    for number in range(A_DAY + 50):
        refusals.note(nobody(number), "token.refused")
    assert len(entries(audit_log)) == A_DAY
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(FailedAttempt)) == A_DAY + 1
    refusals.note(ADMIN, "request.refused")
    assert len(entries(audit_log)) == A_DAY + 1
    clock.forward(86_400)
    refusals.note(nobody(1), "token.refused")
    assert len(entries(audit_log)) == A_DAY + 2
