"""How many requests a second one address may make, where the administrator wants that counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp, TestResponse

from mailpanel.app import make_app
from mailpanel.rate_limit import BURST, Buckets

RATE = 2


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock, which a test moves."""
    now = [1000.0]
    monkeypatch.setattr("mailpanel.rate_limit.time.monotonic", lambda: now[0])
    return now


def app(directory: Path, rate: str) -> TestApp:
    options = {"mailpanel.state_directory": str(directory), "mailpanel.rate_limit": rate}
    return TestApp(make_app(options))


def get(app: Any, url: str = "/healthz", address: str = "192.0.2.1") -> TestResponse:
    environ = {"REMOTE_ADDR": address}
    return app.get(url, extra_environ=environ, expect_errors=True)


def test_who_asks_more_often_waits(tmp_path: Path, now: list[float]) -> None:
    limited = app(tmp_path, str(RATE))
    statuses = [get(limited).status_int for _ in range(RATE * BURST)]
    assert set(statuses) == {200}
    refused = get(limited, "/api/v1/settings/")
    assert (refused.status_int, refused.headers["Retry-After"]) == (429, "1")
    assert refused.content_type == "application/problem+json"
    page = get(limited, "/")
    assert (page.status_int, page.content_type) == (429, "text/html")
    assert get(limited, address="192.0.2.2").status_int == 200, "others do not wait"
    now[0] += 1 / RATE
    assert get(limited).status_int == 200
    assert get(limited).status_int == 429


def test_by_default_nothing_is_counted(tmp_path: Path, now: list[float]) -> None:
    unlimited = app(tmp_path, "0")
    assert {get(unlimited).status_int for _ in range(200)} == {200}


def test_a_rate_below_one_lets_one_through(now: list[float]) -> None:
    buckets = Buckets(0.01)
    assert buckets.take("a") == 0
    assert buckets.take("a") == pytest.approx(100)
    now[0] += 100
    assert buckets.take("a") == 0


def test_addresses_do_not_fill_the_memory(now: list[float], monkeypatch) -> None:
    monkeypatch.setattr("mailpanel.rate_limit.MOST", 3)
    buckets = Buckets(0.01)
    for network in "abcd":
        buckets.take(network)
    assert len(buckets._levels) == 3
    assert buckets.take("d") > 0
