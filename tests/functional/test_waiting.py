"""``Prefer: wait=N``: the status that was reached."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from panel import MASTER, RELAYHOST, Panel

from mailpanel.app import THREADS
from mailpanel.errors import DatabaseAway
from mailpanel.services.changes import Author, Changes

VALUE = {"server_hostname": "relay.example.org", "server_port": 25}
WAIT = {"Prefer": "wait=20"}


@contextmanager
def reporting(
    panel: Panel, revision: int, status: str, setting: str = "postfix_relayhost"
) -> Iterator[None]:
    """Report *status* as soon as *revision* is desired of *setting*."""

    def report() -> None:
        while (setting, revision) not in [
            (each.setting, each.revision) for each in panel.hosts.desired()
        ]:
            threading.Event().wait(0.005)
        error = "It was refused." if status == "failed" else None
        panel.report(setting, revision, status, error=error)

    with ThreadPoolExecutor(1) as executor:
        done = executor.submit(report)
        yield
        done.result()


@pytest.mark.parametrize("status", ["applied", "failed"])
def test_post_answers_with_the_status_reached(panel: Panel, status: str) -> None:
    """200 either way, and says that it waited."""
    panel.hosts.checked_in("mail1", {})
    with reporting(panel, 1, status):
        response = panel.call("POST", RELAYHOST, VALUE, headers=WAIT)
    assert response.status_int == 200
    assert response.json["settings"]["status"] == status
    assert response.headers["Preference-Applied"] == "wait=20"
    assert response.headers["ETag"] == '"1"'


def test_delete_is_204_once_it_is_reset(panel: Panel) -> None:
    """There is nothing left to show."""
    panel.hosts.checked_in("mail1", {})
    panel.set(VALUE)
    with reporting(panel, 2, "applied"):
        response = panel.call("DELETE", RELAYHOST, headers=WAIT)
    assert response.status_int == 204
    assert response.headers["Preference-Applied"] == "wait=20"


def test_delete_says_that_the_reset_failed(panel: Panel) -> None:
    """With the error, and without a value."""
    panel.hosts.checked_in("mail1", {})
    panel.set(VALUE)
    with reporting(panel, 2, "failed"):
        answer = panel.call("DELETE", RELAYHOST, headers=WAIT).json["settings"]
    assert set(answer) == {"name", "status", "error"}
    assert answer["status"] == "failed"


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [("wait=0", "wait=0"), ('respond-async, WAIT="0"; x=1', "wait=0"), ("wait=soon", None)],
)
def test_a_wait_that_is_over_answers_as_it_is(
    panel: Panel, prefer: str, applied: str | None
) -> None:
    """And what cannot be read is no preference."""
    response = panel.call("POST", RELAYHOST, VALUE, headers={"Prefer": prefer})
    assert response.json["settings"]["status"] == "applying"
    assert response.headers.get("Preference-Applied") == applied


def test_no_wait_is_longer_than_a_minute(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked for."""
    waited = []
    monkeypatch.setattr(Changes, "wait", lambda *args: waited.append(args[-1]))
    response = panel.call("POST", RELAYHOST, VALUE, headers={"Prefer": "wait=86400"})
    assert waited == [60]
    assert response.headers["Preference-Applied"] == "wait=60"
    assert response.json["settings"]["status"] == "applying"


def test_waiters_never_hold_more_than_half_of_the_threads(panel: Panel) -> None:
    """The rest are answered at once, and wait again when there is room."""
    places = panel.wsgi.registry.waiting_places
    taken = [places.acquire(blocking=False) for _ in range(THREADS)]
    assert taken.count(True) == THREADS // 2
    response = panel.call("POST", RELAYHOST, VALUE, headers=WAIT)
    assert response.json["settings"]["status"] == "applying"
    assert "Preference-Applied" not in response.headers

    places.release()
    for _ in range(2):
        response = panel.call("POST", RELAYHOST, VALUE, headers={"Prefer": "wait=0"})
        assert response.headers["Preference-Applied"] == "wait=0"


class TestMasterPassword:
    """What was generated is told where it counts, or may yet count."""

    def test_it_is_shown_once_it_is_applied(self, panel: Panel) -> None:
        """In that answer and no other."""
        panel.hosts.checked_in("mail1", {})
        with reporting(panel, 1, "applied", "imap_master_password"):
            answer = panel.call("POST", MASTER, headers=WAIT).json["settings"]
        assert set(answer) == {"name", "status", "value"}
        assert answer["status"] == "applied"
        assert len(answer["value"]) == 41
        assert panel.call("GET", MASTER).json == {"settings": {**answer, "value": None}}

    def test_it_is_not_shown_where_it_failed(self, panel: Panel) -> None:
        """The one before is the one that counts."""
        panel.hosts.checked_in("mail1", {})
        with reporting(panel, 1, "failed", "imap_master_password"):
            response = panel.call("POST", MASTER, headers=WAIT)
        answer = response.json["settings"]
        assert set(answer) == {"name", "status", "value", "error"}
        assert (answer["status"], answer["value"]) == ("failed", None)
        assert response.headers["ETag"] == '"1"'

    def test_it_is_shown_where_it_is_still_applying(self, panel: Panel) -> None:
        """It may count at any moment from then on."""
        panel.hosts.checked_in("mail1", {})
        response = panel.call("POST", MASTER, headers={"Prefer": "wait=0"})
        assert response.json["settings"]["status"] == "applying"
        assert len(response.json["settings"]["value"]) == 41
        assert response.headers["Preference-Applied"] == "wait=0"

    def test_it_is_shown_where_the_database_goes_away_in_the_wait(
        self, panel: Panel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is stored already, so a host may make it count."""

        def away(*_: object) -> None:
            raise DatabaseAway("The database is away.")

        monkeypatch.setattr(Changes, "wait", away)
        response = panel.call("POST", MASTER, headers=WAIT)
        assert response.json["settings"]["status"] == "applying"
        assert len(response.json["settings"]["value"]) == 41
        assert "Preference-Applied" not in response.headers

    def test_one_that_a_later_one_has_replaced_is_not_shown(
        self, panel: Panel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nor the later one, which is somebody else's."""
        wait = Changes.wait

        def overtaken(changes: Changes, name: str, revision: int, seconds: float) -> object:
            changes.set(name, {}, Author("other", None, ""))
            return wait(changes, name, revision, seconds)

        monkeypatch.setattr(Changes, "wait", overtaken)
        response = panel.call("POST", MASTER, headers=WAIT)
        assert response.json["settings"]["value"] is None
        assert response.headers["ETag"] == '"2"'
