"""The history of a setting, and old revisions brought back."""

from __future__ import annotations

import pytest

from mailpanel.errors import (
    Conflict,
    FieldError,
    InvalidFields,
    NotFound,
    PreconditionFailed,
)
from mailpanel.services.changes import Author, IfMatch

NAME = "postfix_relayhost"
INTERVAL = "junk_trash_clearing_interval"
MASTER = "imap_master_password"
DESTINATION = ("server_hostname", "server_port", "username", "security")


def entries(history, name=NAME):
    return history.page(name)[0]


def desired(hosts, name=NAME):
    (found,) = [each for each in hosts.desired() if each.setting == name]
    return found


def public(value):
    return {name: each for name, each in value.items() if name != "password"}


class TestPage:
    def test_tells_who_when_and_from_where(self, changes, history, value, clock):
        changes.set(NAME, value, Author("admin", 7, "192.0.2.1"), probe=False)
        assert entries(history) == [
            {
                "revision": 1,
                "author": "admin",
                "token_id": 7,
                "address": "192.0.2.1",
                "created": "2026-11-22T12:00:00.000Z",
                "reset": False,
                "value": public(value),
                "secret": "changed",
                "changes": [{"field": name, "after": each} for name, each in public(value).items()],
                "probe": False,
                "restored": None,
                "restorable": True,
                "unreadable": None,
            }
        ]

    def test_tells_what_differs_from_the_revision_before(self, changes, history, author, value):
        changes.set(NAME, value, author)
        changes.set(NAME, public(value), author)
        changes.set(NAME, {**value, "server_port": 465, "security": "tls"}, author)
        changes.set(NAME, {"server_hostname": "other.example", "server_port": 465}, author)
        changes.reset(NAME, author)
        shown = [(entry["secret"], entry["changes"]) for entry in entries(history)]
        assert shown == [
            (
                None,
                [
                    {"field": "server_hostname", "before": "other.example"},
                    {"field": "server_port", "before": 465},
                ],
            ),
            (
                None,
                [
                    {
                        "field": "server_hostname",
                        "before": "relay.example.net",
                        "after": "other.example",
                    },
                    {"field": "username", "before": "relay-user"},
                    {"field": "security", "before": "tls"},
                ],
            ),
            (
                "changed",
                [
                    {"field": "server_port", "before": 587, "after": 465},
                    {"field": "security", "after": "tls"},
                ],
            ),
            ("kept", []),
            ("changed", shown[-1][1]),
        ]

    def test_null_is_a_value_to_come_from_and_to_go_to(self, changes, history, author):
        for days in (7, None, 8):
            changes.set(INTERVAL, {"junk_days": days, "trash_days": 14}, author)
        newest, second, _ = entries(history, INTERVAL)
        assert newest["changes"] == [{"field": "junk_days", "before": None, "after": 8}]
        assert second["changes"] == [{"field": "junk_days", "before": 7, "after": None}]

    def test_shows_nothing_of_what_was_generated(self, changes, history, author):
        made = [changes.set(MASTER, {}, author).generated for _ in range(2)]
        shown = entries(history, MASTER)
        for entry in shown:
            assert (entry["value"], entry["changes"], entry["secret"]) == (None, [], "changed")
            assert not entry["restorable"]
        assert not any(each in str(shown) for each in (*made, "ARGON2"))

    def test_pages_lead_to_the_first_and_differ_from_what_the_next_begins_with(
        self, changes, history, author
    ):
        for days in range(1, 6):
            changes.set(INTERVAL, {"junk_days": days, "trash_days": 14}, author)
        seen, before = [], None
        for expected in (4, 2, None):
            page, before = history.page(INTERVAL, 2, before)
            assert before == expected
            seen += page
        assert [entry["revision"] for entry in seen] == [5, 4, 3, 2, 1]
        assert [entry["changes"][0].get("before") for entry in seen] == [4, 3, 2, 1, None]

    def test_of_what_was_never_set_is_empty(self, history):
        assert history.page(NAME) == ([], None)

    def test_of_an_unknown_setting_is_not_found(self, history):
        with pytest.raises(NotFound):
            history.page("nonsense")
        with pytest.raises(NotFound):
            history.require(NAME, 1)


class TestRestore:
    def test_brings_value_and_password_back_as_a_new_revision(
        self, changes, hosts, opener, author, value
    ):
        changes.set(NAME, value, author)
        first = desired(hosts).sealed
        changes.set(NAME, {**value, "server_hostname": "other.example", "password": "x"}, author)
        state = changes.restore(NAME, 1, author)
        assert state.as_dict() == {"name": NAME, "status": "applying", "value": public(value)}
        now = desired(hosts)
        assert (state.revision, now.revision, now.sealed) == (3, 3, first)
        destination = {field: value.get(field) for field in DESTINATION}
        assert opener.open(now.sealed, NAME, 3, destination) == value["password"]

    def test_of_another_password_changes_it(self, changes, history, author, value):
        changes.set(NAME, value, author)
        changes.set(NAME, {**value, "password": "another"}, author)
        changes.restore(NAME, 1, author)
        newest = entries(history)[0]
        assert (newest["restored"], newest["secret"], newest["changes"]) == (1, "changed", [])

    def test_of_what_is_desired_keeps_the_password(self, changes, history, author, value):
        changes.set(NAME, value, author)
        changes.restore(NAME, 1, author)
        newest = entries(history)[0]
        assert (newest["restored"], newest["secret"], newest["changes"]) == (1, "kept", [])

    def test_after_a_reset_sets_it_again(self, changes, author, value, report):
        changes.set(NAME, value, author)
        changes.reset(NAME, author)
        report("mx1", 2, "applied")
        assert changes.restore(NAME, 1, author).value == public(value)
        assert changes.get(NAME).is_set

    def test_of_a_reset_is_a_reset(self, changes, history, author, value, report):
        changes.set(NAME, value, author)
        changes.reset(NAME, author)
        changes.set(NAME, value, author)
        state = changes.restore(NAME, 2, author)
        assert state.as_deleting() == {"name": NAME, "status": "deleting"}
        newest = entries(history)[0]
        assert (newest["reset"], newest["restored"], newest["value"]) == (True, 2, None)
        assert changes.restore(NAME, 2, author) == state, "it is under way"
        report("mx1", 4, "applied")
        assert changes.restore(NAME, 2, author) is None, "it is done"

    def test_of_a_password_that_is_no_longer_kept_asks_for_it(
        self, changes, history, hosts, author, value
    ):
        """And not even one for the very same server takes its place."""
        for _ in range(11):
            changes.set(NAME, value, author)
        with pytest.raises(InvalidFields) as raised:
            changes.restore(NAME, 1, author)
        (error,) = raised.value.errors
        assert error.field == "password"
        assert "revision 1 is no longer kept" in error.detail
        assert desired(hosts).revision == 11
        assert [entry["restorable"] for entry in entries(history)] == [True] * 10 + [False]
        assert changes.restore(NAME, 2, author).revision == 12

    def test_without_an_account_needs_no_password_however_old(self, changes, author):
        for port in range(25, 40):
            value = {"server_hostname": "a.example", "server_port": port}
            changes.set(NAME, value, author)
        assert changes.restore(NAME, 1, author).value["server_port"] == 25

    def test_never_brings_back_what_was_generated(self, changes, hosts, author):
        """But its reset it does: that is no password."""
        changes.set(MASTER, {}, author)
        with pytest.raises(Conflict, match="have a new one made"):
            changes.restore(MASTER, 1, author)
        changes.reset(MASTER, author)
        changes.set(MASTER, {}, author)
        assert desired(hosts, MASTER).revision == 3
        assert changes.restore(MASTER, 2, author).status == "deleting"

    def test_of_no_revision_is_not_found(self, changes, author, value):
        changes.set(NAME, value, author)
        for name, number in ((NAME, 2), (NAME, 0), (MASTER, 1), ("nonsense", 1)):
            with pytest.raises(NotFound):
                changes.restore(name, number, author)

    def test_honours_the_precondition_before_all_else(self, changes, hosts, author, value):
        changes.set(NAME, value, author)
        changes.set(NAME, value, author)
        errors = [FieldError("probe", "This must be yes or no, once.")]
        stale = IfMatch(any=False, revisions=frozenset({"1"}))
        with pytest.raises(PreconditionFailed):
            changes.restore(NAME, 1, author, stale, errors=errors)
        with pytest.raises(InvalidFields):
            changes.restore(NAME, 1, author, errors=errors)
        assert desired(hosts).revision == 2
        match = IfMatch(any=False, revisions=frozenset({"2"}))
        assert changes.restore(NAME, 1, author, match).revision == 3

    def test_is_audited_with_what_it_brought_back(self, changes, audit_log, author, value):
        changes.set(NAME, value, author)
        changes.restore(NAME, 1, author, probe=False)
        entry = audit_log.page()[0][0]
        assert (entry["action"], entry["revision"]) == ("setting.restore", 2)
        assert entry["detail"] == {"probe": False, "secret": "kept", "restored": 1}
