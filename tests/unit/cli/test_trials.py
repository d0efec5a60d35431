"""A test's steps are printed as they end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mailpanel.cli._trials import told

READ = {"name": "read", "ok": True, "duration_ms": 5, "says": ""}
AUTH = {"name": "auth", "ok": False, "duration_ms": 7, "says": "It refuses."}


def answer(host: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = {"error": None, "now": None, "diffs": [], "preview": None, "done": False, "ok": False}
    return {"host": host, "steps": list(steps), **said, **more}


class Following:
    """Hosts that answer by and by; ``printed`` is what stood there before each further word."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *answers: list[dict[str, Any]]) -> None:
        self._capsys, self._answers = capsys, answers
        self.printed: list[str] = []

    def follow(self, _ticket: str, _seconds: float) -> Iterator[list[dict[str, Any]]]:
        for each in self._answers:
            yield each
            self.printed.append(self._capsys.readouterr().out)


def test_each_step_is_printed_once_and_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    end = {"done": True, "error": "It refuses."}
    errands = Following(
        capsys,
        [answer("mx1")],
        [answer("mx1", READ, now="auth")],
        [answer("mx1", READ, now="auth")],
        [answer("mx1", READ, AUTH, **end)],
    )
    assert told(errands, "ticket") == 1
    assert errands.printed == [
        "mx1:\n",
        "  read       ok           5 ms  \n",
        "",
        "  auth       FAILED       7 ms  It refuses.\n  It refuses.\n",
    ]


def test_one_host_after_another_and_one_that_does_not_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = answer("mx1", READ, done=True, ok=True)
    errands = Following(
        capsys,
        [answer("mx1"), answer("mx2", READ)],
        [done, answer("mx2", READ, now="tls")],
    )
    assert told(errands, "ticket") == 1
    assert errands.printed[0] == "mx1:\n"
    assert errands.printed[1].splitlines()[-2] == "mx2:"
    assert "It did not answer in time. It was at the step tls." in capsys.readouterr().out
