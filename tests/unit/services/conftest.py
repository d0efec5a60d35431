"""Services on a real database, and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailpanel.reports import Report
from mailpanel.seal import Opener, Sealer, make_keys
from mailpanel.services.accounts import Accounts
from mailpanel.services.audit import AuditLog
from mailpanel.services.authentication import Authentication
from mailpanel.services.changes import Author, Changes
from mailpanel.services.database import Database
from mailpanel.services.history import History
from mailpanel.services.hosts import Hosts
from mailpanel.services.tokens import Tokens
from mailpanel.services.wake import make_waker

SETTING = "postfix_relayhost"


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def opener(tmp_path: Path) -> Opener:
    make_keys(tmp_path / "seal.key", tmp_path / "seal.pub")
    return Opener(tmp_path / "seal.key")


@pytest.fixture
def changes(database: Database, tmp_path: Path, opener: Opener, clock: FakeClock) -> Changes:
    waker = make_waker(database, tmp_path / "wake")
    return Changes(database, Sealer(tmp_path / "seal.pub"), waker, clock=clock)


@pytest.fixture
def hosts(database: Database, clock: FakeClock) -> Hosts:
    return Hosts(database, clock)


@pytest.fixture
def accounts(database: Database, clock: FakeClock) -> Accounts:
    return Accounts(database, clock)


@pytest.fixture
def authentication(database: Database, clock: FakeClock) -> Authentication:
    return Authentication(database, clock)


@pytest.fixture
def tokens(database: Database, clock: FakeClock) -> Tokens:
    return Tokens(database, clock)


@pytest.fixture
def audit_log(database: Database) -> AuditLog:
    return AuditLog(database)


@pytest.fixture
def history(database: Database) -> History:
    return History(database)


@pytest.fixture
def author() -> Author:
    return Author("admin", 7, "192.0.2.1")


@pytest.fixture
def value() -> dict[str, Any]:
    return {
        "server_hostname": "relay.example.net",
        "server_port": 587,
        "username": "relay-user",
        "password": "s3cret: pass ü",
    }


@pytest.fixture
def report(hosts: Hosts) -> Callable[..., None]:
    """Report as a host would: ``report("mx1", 1, "applied")``."""

    def report(host: str, revision: int, status: str, error: str | None = None) -> None:
        step = "probe" if error else None
        hosts.report(host, Report(SETTING, revision, status, step, error, 12, revision))

    return report
