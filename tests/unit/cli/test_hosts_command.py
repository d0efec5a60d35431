"""mailpanel hosts shows what the database knows of each mail host."""

from __future__ import annotations

import json
from typing import Any

from mailpanel.reports import Report
from mailpanel.services.database import Database
from mailpanel.services.hosts import Hosts

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
