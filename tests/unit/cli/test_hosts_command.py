"""mailpanel hosts shows what the database knows of each mail host."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailpanel.reports import ErrandAnswer, Report, Step
from mailpanel.services.database import Database
from mailpanel.services.errands import MOST, Errands
from mailpanel.services.hosts import Hosts
from mailpanel.services.taken_errands import TakenErrands

DRIFT = {"drift": [{"path": "/etc/postfix/main.cf", "diff": "-a = 1\n+a = 2\n"}]}


def hosts(tmp_path: Any) -> Hosts:
    return Hosts(Database(f"sqlite:///{tmp_path}/state/database/mailpanel.sqlite"))


def test_without_a_host_it_says_so(must):
    assert "mailpanel apply" in must("hosts")


def test_each_setting_has_a_row(must, tmp_path):
    known = hosts(tmp_path)
    known.checked_in("mail1", {"postfix": "3.7.11"})
    known.checked_in("mail2", {})
    known.report("mail1", Report("postfix_relayhost", 3, "applied", None, None, 12, 3, DRIFT))
    said = must("hosts").splitlines()
    assert len(said) == 3
    assert "postfix_relayhost" in said[1]
    assert "/etc/postfix/main.cf" in said[1]
    assert said[2].startswith("mail2")
    (first, _) = json.loads(must("hosts", "--json"))
    assert first["settings"]["postfix_relayhost"]["drift"] == DRIFT["drift"]


HEALTH = {"relay_health": {"says": "The relay refuses.", "mail": "3 messages wait."}}


def test_what_is_wrong_with_the_relay_stands_in_its_row(must, tmp_path):
    known = hosts(tmp_path)
    known.report("mail1", Report("postfix_relayhost", 3, "applied", None, None, 12, 3, HEALTH))
    assert "The relay refuses. 3 messages wait." in must("hosts").splitlines()[1]


def test_flush_asks_each_host_and_says_what_came_of_it(run, tmp_path, monkeypatch):
    """One that does not answer is named; the exit status says so."""
    monkeypatch.setattr("mailpanel.cli._flush.WAIT", 0)
    assert run("hosts", "flush").exit_code == 1
    known = hosts(tmp_path)
    for name in ("mail1", "mail2"):
        known.checked_in(name, {})
    result = run("hosts", "flush")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "mail1: It did not answer in time.",
        "mail2: It did not answer in time.",
    ]
    assert len(run("hosts", "flush", "mail1").stdout.splitlines()) == 1
    assert "There is no such host." in run("hosts", "flush", "other").output


def test_flush_asks_as_many_hosts_as_there_are(run, tmp_path, monkeypatch):
    """All of them at once, though a minute has room for twenty questions only."""
    monkeypatch.setattr("mailpanel.cli._flush.WAIT", 0)
    known = hosts(tmp_path)
    for number in range(MOST + 1):
        known.checked_in(f"mail{number}", {})
    assert len(run("hosts", "flush").stdout.splitlines()) == MOST + 1


@pytest.mark.parametrize("error", [None, "The relay refuses."])
def test_flush_prints_the_hosts_answer(run, tmp_path, monkeypatch, error):
    hosts(tmp_path).checked_in("mail1", {})
    database = Database(f"sqlite:///{tmp_path}/state/database/mailpanel.sqlite")

    def answered(self: Errands, ticket: str, _seconds: float) -> Any:
        taken = TakenErrands(database)
        (errand,) = taken.take("mail1")
        assert (errand.kind, errand.setting) == ("flush", "postfix_relayhost")
        taken.answer(ErrandAnswer(errand.number, error, (Step("flush", True, 1, "Tried."),), ()))
        return self.answers(ticket)

    monkeypatch.setattr(Errands, "wait", answered)
    result = run("hosts", "flush", "mail1")
    assert (result.exit_code, result.stdout) == (1 if error else 0, f"mail1: {error or 'Tried.'}\n")
