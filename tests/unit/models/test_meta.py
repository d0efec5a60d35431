"""Times know their zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from mailpanel.models.meta import UtcDateTime

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
def test_time_comes_back_as_aware_utc(dialect):
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    stored = UtcDateTime().process_bind_param(there, dialect)
    assert UtcDateTime().process_result_value(stored, dialect) == NOON
    assert UtcDateTime().process_result_value(stored, dialect).tzinfo is UTC


def test_none_stays_none():
    assert UtcDateTime().process_bind_param(None, sqlite.dialect()) is None
    assert UtcDateTime().process_result_value(None, sqlite.dialect()) is None


def test_naive_time_is_refused():
    with pytest.raises(ValueError, match="zone"):
        UtcDateTime().process_bind_param(NOON.replace(tzinfo=None), sqlite.dialect())
