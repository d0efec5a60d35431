"""What couriers fetch and report."""

from __future__ import annotations

import pytest

from mailpanel.errors import NotFound
from mailpanel.reports import Desired, Report
from mailpanel.services.audit import Author
from mailpanel.services.hosts import Hosts

NAME = "postfix_relayhost"

AUTHOR = Author("admin", None, "127.0.0.1")


def test_check_in_registers_and_then_renews(hosts, clock):
    hosts.checked_in("mx1", {"postfix": "3.7.11"})
    clock.forward(60)
    hosts.checked_in("mx1", {"postfix": "3.9.0"})
    assert hosts.list() == [
        {
            "name": "mx1",
            "versions": {"postfix": "3.9.0"},
            "first_seen": "2026-11-22T12:00:00.000Z",
            "last_seen": "2026-11-22T12:01:00.000Z",
            "settings": {},
        }
    ]


def test_desired_holds_the_last_revision_and_resets_too(hosts, changes, author, value):
    changes.set(NAME, value, author)
    changes.set(NAME, value, author, probe=False)
    (desired,) = hosts.desired()
    assert (desired.revision, desired.reset, desired.probe) == (2, False, False)
    assert desired.value == {key: each for key, each in value.items() if key != "password"}
    assert desired.sealed.startswith("1.")
    changes.reset(NAME, author)
    assert hosts.desired() == [Desired(NAME, 3, True, None, None, True)]


def test_nothing_ever_set_is_nothing_desired(hosts, changes, author):
    changes.reset(NAME, author)
    assert hosts.desired() == []


def test_report_registers_a_host_that_was_forgotten(hosts, report):
    hosts.checked_in("mx1", {})
    hosts.forget("mx1", AUTHOR)
    report("mx1", 4, "applied")
    shown = hosts.get("mx1")["settings"][NAME]
    assert (shown["status"], shown["revision"], shown["duration_ms"]) == ("applied", 4, 12)


def test_present_and_report_keep_each_other(hosts, report):
    hosts.present("mx1", NAME, {"relayhost": "[a]:25"})
    report("mx1", 1, "applied")
    assert hosts.get("mx1")["settings"][NAME]["present"] == {"relayhost": "[a]:25"}
    hosts.present("mx1", NAME, None)
    shown = hosts.get("mx1")["settings"][NAME]
    assert (shown["present"], shown["status"]) == (None, "applied")


def test_what_a_host_tells_beside_is_shown_with_its_report(hosts, changes, author):
    """In the host and in the setting's status, until its next report."""
    told = {"log_in_as": "user@example.net*master", "effective_from": "2026-11-23T12:00:00Z"}
    hosts.report("mx1", Report(NAME, 1, "applied", None, None, 12, 1, told))
    assert hosts.get("mx1")["settings"][NAME].items() >= told.items()
    assert changes.status(NAME)["hosts"][0].items() >= told.items()
    hosts.report("mx1", Report(NAME, 2, "applied", None, None, 12, 2))
    assert not told.keys() & hosts.get("mx1")["settings"][NAME].keys()


def test_what_a_host_tells_beside_hides_nothing(hosts, changes, author, value):
    """A host speaks for itself alone, and of its report there is one."""
    changes.set(NAME, value, author)
    told = dict.fromkeys(("host", "status", "revision", "present", "away", "last_seen"), "told")
    hosts.report("mx1", Report(NAME, 1, "applied", None, None, 12, 1, told))
    (shown,) = changes.status(NAME)["hosts"]
    assert "told" not in shown.values()
    assert (shown["host"], shown["status"], shown["revision"]) == ("mx1", "applied", 1)
    shown = hosts.get("mx1")["settings"][NAME]
    assert (shown["status"], shown["revision"], shown["present"]) == ("applied", 1, None)


@pytest.mark.parametrize("text", ["a\0b", "half \ud800", "ü €", "x" * 10_000])
def test_what_a_host_tells_may_be_any_text(hosts, text):
    """Whatever a path or a name on that host has in it."""
    hosts.report("mx1", Report(NAME, 1, "applied", None, None, 12, 1, {"log_in_as": text}))
    assert hosts.get("mx1")["settings"][NAME]["log_in_as"] == text


def test_forgotten_host_is_waited_for_no_longer(hosts, changes, author, value, report):
    hosts.checked_in("gone", {})
    changes.set(NAME, value, author)
    report("mx1", 1, "applied")
    assert changes.get(NAME).status == "applying"
    hosts.forget("gone", AUTHOR)
    assert changes.get(NAME).status == "applied"


def test_a_host_is_live_for_three_check_intervals(database, clock):
    """As long as a setting waits for it without calling it away."""
    hosts = Hosts(database, clock, check_interval=10)
    assert not hosts.any_live()
    hosts.checked_in("mx1", {})
    clock.forward(30)
    assert hosts.any_live()
    clock.forward(1)
    assert not hosts.any_live()
    hosts.checked_in("mx2", {})
    assert hosts.any_live()


def test_unknown_host_is_not_found(hosts):
    with pytest.raises(NotFound):
        hosts.get("nowhere")
    with pytest.raises(NotFound):
        hosts.forget("nowhere", AUTHOR)
