"""What an answer says, and a log does not, when something breaks."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

import pytest
from panel import RELAYHOST, Panel

from mailpanel.errors import DatabaseAway, DeploymentError
from mailpanel.services.changes import Changes

SECRET = "xyzzy-plugh-17"
VALUE = {
    "server_hostname": "relay.example.org",
    "server_port": 587,
    "username": "someone",
    "password": SECRET,
}


def raising(error: Exception) -> Any:
    """Return a method that raises *error*, chained to another one that quotes a secret."""

    def method(*_args: Any, **_options: Any) -> NoReturn:
        try:
            raise KeyError(SECRET)
        except KeyError as cause:
            raise error from cause

    return method


class TestUnforeseen:
    def test_the_answer_and_the_log_quote_nothing(
        self, panel: Panel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """500 without a detail of the exception; the log has its type and frames."""
        monkeypatch.setattr(Changes, "set", raising(ValueError(f"cannot read {SECRET}")))
        with caplog.at_level(logging.DEBUG):
            response = panel.app.post_json(
                RELAYHOST, VALUE, headers=panel.credentials(), expect_errors=True
            )
        assert response.status_int == 500
        assert response.headers["Cache-Control"] == "no-store"
        assert set(response.json) == {"type", "title", "status", "detail"}
        assert SECRET not in response.text + caplog.text
        assert "ValueError" in caplog.text
        assert "KeyError" in caplog.text
        assert "in raising" not in response.text
        assert "test_faults.py" in caplog.text
        assert "test_faults.py" not in response.text

    def test_mailpanels_own_words_are_logged(
        self, panel: Panel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """They name the remedy and hold no secret; the answer has no path all the same."""
        error = DeploymentError("/srv/seal.pub: the key cannot be read; run mailpanel init")
        monkeypatch.setattr(Changes, "set", raising(error))
        response = panel.app.post_json(
            RELAYHOST, VALUE, headers=panel.credentials(), expect_errors=True
        )
        assert response.status_int == 500
        assert "/srv" not in response.text
        assert "run mailpanel init" in caplog.text
        assert SECRET not in caplog.text

    def test_a_refused_body_is_not_logged(
        self, panel: Panel, caplog: pytest.LogCaptureFixture
    ) -> None:
        """At no level."""
        with caplog.at_level(logging.DEBUG):
            panel.call("POST", RELAYHOST, {**VALUE, "server_port": 0})
            panel.call("POST", RELAYHOST, {**VALUE, "password": f"{SECRET}\n"})
            panel.call("POST", RELAYHOST, VALUE)
        assert SECRET not in caplog.text


class TestDatabaseAway:
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_it_is_503_and_nothing_was_changed(self, panel: Panel, method: str) -> None:
        """With the time to try again."""
        panel.lose_database()
        response = panel.call(method, RELAYHOST, VALUE if method == "POST" else b"")
        assert response.status_int == 503
        assert response.headers["Retry-After"] == "5"
        assert "Nothing was changed" in response.json["detail"]
        assert str(panel.directory) not in response.text

    @pytest.mark.parametrize(("method", "name"), [("POST", "set"), ("DELETE", "reset")])
    def test_in_the_commit_it_says_to_get_first(
        self, panel: Panel, monkeypatch: pytest.MonkeyPatch, method: str, name: str
    ) -> None:
        """Nobody knows then."""
        monkeypatch.setattr(Changes, name, raising(DatabaseAway("It broke.", in_commit=True)))
        response = panel.call(method, RELAYHOST, VALUE if method == "POST" else b"")
        assert response.status_int == 503
        assert "GET first" in response.json["detail"]
        assert "Nothing was changed" not in response.json["detail"]

    def test_a_stored_change_is_answered_though_the_wait_breaks(
        self, panel: Panel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """503 would say that nothing was changed."""
        monkeypatch.setattr(Changes, "wait", raising(DatabaseAway("It went away.")))
        response = panel.call("POST", RELAYHOST, VALUE, headers={"Prefer": "wait=1"})
        assert response.status_int == 200
        assert response.json["settings"]["status"] == "applying"
        assert "Preference-Applied" not in response.headers


def test_an_exception_that_is_its_own_cause_is_logged_and_answered(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its causes were followed for ever."""
    error = ValueError("round and round")
    error.__cause__ = KeyError("and round")
    error.__cause__.__cause__ = error

    def broken(*_args: Any, **_options: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(Changes, "get", broken)
    response = panel.app.get(RELAYHOST, headers=panel.credentials(), expect_errors=True)
    assert response.status_int == 500
    assert caplog.text.count("builtins.ValueError") == 1
