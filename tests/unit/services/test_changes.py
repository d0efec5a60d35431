"""The use cases of settings, on a real database."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import select
from stored import stored

from mailpanel.errors import FieldError, InvalidFields, NotFound, PreconditionFailed, SealError
from mailpanel.models import AuditEntry, Revision
from mailpanel.reports import Report
from mailpanel.seal import Sealer
from mailpanel.services.changes import Author, Changes, IfMatch, SettingState
from mailpanel.services.wake import SocketWaker
from mailpanel.settings import SETTINGS

NAME = "postfix_relayhost"
MASTER = "imap_master_password"
INTERVAL = "junk_trash_clearing_interval"
DESTINATION = ("server_hostname", "server_port", "username", "security")


class LookingWaker:
    """Looks, when it wakes, which revisions are desired."""

    def __init__(self, hosts):
        self.hosts = hosts
        self.seen = []

    def wake(self):
        self.seen.append([each.revision for each in self.hosts.desired()])


def sealed_of(hosts):
    return hosts.desired()[0].sealed


def without(value, *names):
    return {name: each for name, each in value.items() if name not in names}


class TestSet:
    def test_answers_the_value_without_the_password(self, changes, author, value):
        state = changes.set(NAME, value, author)
        assert state.as_dict() == {
            "name": NAME,
            "status": "applying",
            "value": without(value, "password"),
        }

    def test_unknown_setting_is_not_found(self, changes, author):
        with pytest.raises(NotFound):
            changes.set("nonsense", {}, author)

    def test_wrong_field_stores_nothing(self, changes, author, value):
        with pytest.raises(InvalidFields):
            changes.set(NAME, {**value, "server_port": True}, author)
        assert changes.get(NAME) is None
        assert changes.set(NAME, value, author).revision == 1

    def test_what_the_caller_found_wrong_is_told_with_the_fields(self, changes, author, value):
        errors = [FieldError("probe", "This must be yes or no, once.")]
        with pytest.raises(InvalidFields) as raised:
            changes.set(NAME, {**value, "server_port": True}, author, errors=errors)
        assert [error.field for error in raised.value.errors] == ["probe", "server_port"]
        with pytest.raises(InvalidFields):
            changes.set(NAME, value, author, errors=errors)
        with pytest.raises(InvalidFields):
            changes.reset(NAME, author, errors=errors)
        assert changes.get(NAME) is None

    def test_identical_value_is_a_new_revision(self, changes, author, value):
        assert [changes.set(NAME, value, author).revision for _ in range(3)] == [1, 2, 3]

    def test_number_follows_the_highest_that_a_host_has_seen(self, changes, hosts, author, value):
        """A database restored from an old backup never goes below what root has accepted."""
        changes.set(NAME, value, author)
        hosts.report("mx1", Report(NAME, 1, "failed", None, "Lower.", None, highest_revision=41))
        assert changes.set(NAME, value, author).revision == 42

    def test_is_audited_with_author_and_skipped_probe(self, changes, database, author, value):
        changes.set(NAME, value, author, probe=False)
        with database.reading() as session:
            entry = session.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.setting, entry.revision) == ("setting.set", NAME, 1)
        assert (entry.author, entry.token_id, entry.address) == ("admin", 7, "192.0.2.1")
        assert entry.detail == {"probe": False, "secret": "changed"}

    def test_wakes_after_the_commit(self, database, hosts, author, tmp_path):
        waker = LookingWaker(hosts)
        changes = Changes(database, Sealer(tmp_path / "unused"), waker)
        changes.set(NAME, {"server_hostname": "relay.example.net", "server_port": 25}, author)
        changes.reset(NAME, author)
        assert waker.seen == [[1], [2]]

    def test_two_threads_at_once_get_numbers_of_their_own(self, changes, author, value):
        numbers, errors = [], []

        def work():
            try:
                numbers.extend(changes.set(NAME, value, author).revision for _ in range(20))
            except Exception as error:  # noqa: BLE001 (whatever it is, the test must see it)
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert sorted(numbers) == list(range(1, 41))


class TestSecret:
    def test_password_stands_nowhere_in_the_database(self, changes, author, value, database):
        """Neither as it is nor as JSON writes it, in no row and no file."""
        changes.set(NAME, value, author)
        content = stored(database)
        assert b"relay-user" in content
        assert value["password"].encode() not in content
        assert b"s3cret" not in content

    def test_opens_for_its_destination_alone(self, changes, hosts, opener, author, value):
        changes.set(NAME, value, author)
        destination = {field: value.get(field) for field in DESTINATION}
        sealed = sealed_of(hosts)
        assert opener.open(sealed, NAME, 1, destination) == value["password"]
        with pytest.raises(SealError):
            opener.open(sealed, NAME, 1, {**destination, "server_hostname": "evil.example"})

    def test_left_out_on_update_the_stored_one_stays(self, changes, hosts, author, value):
        changes.set(NAME, value, author)
        before = sealed_of(hosts)
        assert changes.set(NAME, without(value, "password"), author).revision == 2
        assert sealed_of(hosts) == before

    @pytest.mark.parametrize(
        "change",
        [
            {"server_hostname": "other.example.net"},
            {"server_port": 465},
            {"username": "somebody"},
            {"security": "starttls"},
        ],
    )
    def test_is_asked_for_again_where_the_destination_changes(self, changes, author, value, change):
        changes.set(NAME, value, author)
        with pytest.raises(InvalidFields) as raised:
            changes.set(NAME, {**without(value, "password"), **change}, author)
        assert [error.field for error in raised.value.errors] == ["password"]

    def test_is_gone_with_the_account(self, changes, hosts, author, value):
        changes.set(NAME, value, author)
        changes.set(NAME, without(value, "username", "password"), author)
        assert sealed_of(hosts) is None
        with pytest.raises(InvalidFields):
            changes.set(NAME, without(value, "password"), author)

    def test_is_not_kept_over_a_reset(self, changes, author, value):
        changes.set(NAME, value, author)
        changes.reset(NAME, author)
        with pytest.raises(InvalidFields):
            changes.set(NAME, without(value, "password"), author)

    def test_is_kept_for_the_last_ten_revisions_only(self, changes, database, author, value):
        for _ in range(13):
            changes.set(NAME, value, author)
        query = (
            select(Revision.number).where(Revision.sealed.is_not(None)).order_by(Revision.number)
        )
        with database.reading() as session:
            assert session.scalars(query).all() == list(range(4, 14))

    def test_is_sealed_before_anything_is_stored(self, database, author, value, tmp_path):
        """Without the public key nothing is stored, rather than a value without its secret."""
        changes = Changes(database, Sealer(tmp_path / "missing"), SocketWaker(tmp_path / "wake"))
        with pytest.raises(Exception, match="run mailpanel init"):
            changes.set(NAME, value, author)
        assert changes.get(NAME) is None


class TestGenerated:
    """A setting that makes a secret of its own, which nothing stores."""

    def test_is_shown_in_the_answer_and_never_again(self, changes, author):
        state = changes.set(MASTER, {"null": None}, author)
        assert state.as_dict() == {
            "name": MASTER,
            "status": "applying",
            "value": state.generated,
        }
        assert len(state.generated) == 41
        read = {"name": MASTER, "status": "applying", "value": None}
        assert changes.get(MASTER).as_dict() == read
        assert [each.as_dict() for each in changes.list()] == [read]
        assert changes.wait(MASTER, 1, 0).as_dict() == read

    def test_is_another_one_each_time(self, changes, author):
        made = [changes.set(MASTER, {}, author) for _ in range(3)]
        assert len({state.generated for state in made}) == 3
        assert [state.revision for state in made] == [1, 2, 3]

    def test_only_its_hash_is_stored_and_told_to_the_hosts(self, changes, hosts, author, database):
        state = changes.set(MASTER, {}, author)
        (desired,) = hosts.desired()
        assert desired.value == SETTINGS[MASTER].believed(desired.value, None)
        assert desired.sealed is None
        content = stored(database)
        assert b"{ARGON2ID}$argon2id$" in content
        assert state.generated.encode() not in content

    def test_is_in_no_representation_of_the_state(self, changes, author):
        """What is logged by mistake does not give it away."""
        state = changes.set(MASTER, {}, author)
        assert state.generated not in repr(state)
        assert state.generated not in str(changes.status(MASTER))

    def test_nothing_is_made_where_the_body_is_wrong(self, changes, author):
        for wrong in ({"null": 1}, {"password": "mine"}):
            with pytest.raises(InvalidFields):
                changes.set(MASTER, wrong, author)
        assert changes.get(MASTER) is None

    def test_its_reset_answers_none(self, changes, author, hosts):
        changes.set(MASTER, {}, author)
        assert changes.reset(MASTER, author).as_deleting() == {"name": MASTER, "status": "deleting"}
        assert changes.get(MASTER).as_dict()["value"] is None

    def test_other_settings_generate_nothing(self, changes, author, value):
        assert changes.set(NAME, value, author).generated is None
        state = changes.set(INTERVAL, {"junk_days": 7, "trash_days": None}, author)
        assert (state.generated, state.value) == (None, {"junk_days": 7, "trash_days": None})


class TestReached:
    """What has become of a change, with the secret that it made where that may count."""

    MADE = SettingState("a", "applying", None, 3, generated="secret")

    @pytest.mark.parametrize("status", ["applied", "applying"])
    def test_it_is_shown_where_it_counts_or_may_yet(self, status):
        reached = self.MADE.reached(SettingState("a", status, None, 3))
        assert reached.as_dict() == {"name": "a", "status": status, "value": "secret"}

    def test_it_is_not_shown_where_it_failed(self):
        reached = self.MADE.reached(SettingState("a", "failed", None, 3, error="No."))
        assert reached.as_dict() == {
            "name": "a", "status": "failed", "value": None, "error": "No."
        }  # fmt: skip

    @pytest.mark.parametrize("status", ["applied", "applying", "deleting"])
    def test_it_is_not_shown_as_a_later_changes(self, status):
        later = SettingState("a", status, None, 4, is_set=status != "deleting")
        assert self.MADE.reached(later) == later

    def test_a_reset_that_is_done_leaves_nothing(self):
        assert self.MADE.reached(None) is None

    def test_a_value_that_was_not_generated_is_the_later_ones(self):
        value = {"junk_days": 7, "trash_days": 14}
        later = SettingState("a", "applied", value, 3)
        assert SettingState("a", "applying", value, 3).reached(later) == later


class TestIfMatch:
    def test_the_desired_revision_passes(self, changes, author, value):
        changes.set(NAME, value, author)
        match = IfMatch(any=False, revisions=frozenset({"1", "9"}))
        assert changes.set(NAME, value, author, match).revision == 2

    def test_any_passes_where_it_is_set(self, changes, author, value):
        changes.set(NAME, value, author)
        changes.set(NAME, value, author, IfMatch(any=True, revisions=frozenset()))

    @pytest.mark.parametrize("tag", ["2", "01", ""])
    def test_another_revision_fails(self, changes, author, value, tag):
        changes.set(NAME, value, author)
        match = IfMatch(any=False, revisions=frozenset({tag}))
        with pytest.raises(PreconditionFailed):
            changes.set(NAME, value, author, match)
        with pytest.raises(PreconditionFailed):
            changes.reset(NAME, author, match)
        assert changes.get(NAME).revision == 1

    def test_fails_where_nothing_is_set(self, changes, author, value):
        match = IfMatch(any=True, revisions=frozenset())
        with pytest.raises(PreconditionFailed):
            changes.set(NAME, value, author, match)
        with pytest.raises(PreconditionFailed):
            changes.reset(NAME, author, match)

    def test_fails_while_deleting(self, changes, author, value):
        changes.set(NAME, value, author)
        changes.reset(NAME, author)
        with pytest.raises(PreconditionFailed):
            changes.reset(NAME, author, IfMatch(any=False, revisions=frozenset({"2"})))

    def test_is_looked_at_before_what_the_caller_found_wrong(self, changes, author, value):
        errors = [FieldError("probe", "This must be yes or no, once.")]
        match = IfMatch(any=True, revisions=frozenset())
        with pytest.raises(PreconditionFailed):
            changes.set(NAME, value, author, match, errors=errors)
        with pytest.raises(PreconditionFailed):
            changes.reset(NAME, author, match, errors=errors)

    def test_is_looked_at_before_the_fields(self, changes, author):
        with pytest.raises(PreconditionFailed):
            changes.set(NAME, {"nonsense": 1}, author, IfMatch(any=True, revisions=frozenset()))


class TestStatus:
    def test_no_host_leaves_it_applying(self, changes, author, value):
        changes.set(NAME, value, author)
        assert changes.get(NAME).status == "applying"

    def test_applied_once_every_host_reported_it(self, changes, hosts, author, value, report):
        hosts.checked_in("mx1", {})
        hosts.checked_in("mx2", {})
        changes.set(NAME, value, author)
        report("mx1", 1, "applied")
        assert changes.get(NAME).status == "applying"
        report("mx2", 1, "applying")
        assert changes.get(NAME).status == "applying"
        report("mx2", 1, "applied")
        assert changes.get(NAME).status == "applied"

    def test_report_of_an_older_revision_does_not_count(self, changes, author, value, report):
        changes.set(NAME, value, author)
        report("mx1", 1, "applied")
        changes.set(NAME, value, author)
        assert changes.get(NAME).status == "applying"

    def test_not_failed_while_another_host_is_still_at_it(self, changes, author, value, report):
        changes.set(NAME, value, author)
        report("mx1", 1, "failed", "The relay refused the password.")
        report("mx2", 1, "applying")
        assert changes.get(NAME).status == "applying"
        assert changes.get(NAME).error is None

    def test_failed_names_host_and_step(self, changes, author, value, report):
        changes.set(NAME, value, author)
        report("mx2", 1, "applied")
        report("mx1", 1, "failed", "The relay refused the password.")
        state = changes.get(NAME)
        assert state.as_dict()["error"] == "mx1, probe: The relay refused the password."
        assert state.value is not None

    def test_failed_on_many_hosts_names_the_first(self, changes, author, value, report):
        changes.set(NAME, value, author)
        for host in ("mx3", "mx1", "mx2"):
            report(host, 1, "failed", f"No, said {host}.")
        assert changes.get(NAME).error == "mx1, probe: No, said mx1. And 2 more hosts."

    def test_tells_whom_it_waits_for(self, changes, hosts, value, report, clock):
        changes.set(NAME, value, Author("admin", 7, "192.0.2.1"))
        hosts.checked_in("mx2", {})
        clock.forward(181)
        report("mx1", 1, "applied")
        hosts.present("mx2", NAME, {"relayhost": "[old]:25"})
        status = changes.status(NAME)
        assert (status["revision"], status["author"], status["status"]) == (1, "admin", "applying")
        assert status["created"] == "2026-11-22T12:00:00.000Z"
        assert status["waiting_for"] == ["mx2"]
        first, second = status["hosts"]
        assert (first["host"], first["status"], first["away"]) == ("mx1", "applied", False)
        assert (second["host"], second["status"], second["away"]) == ("mx2", "waiting", True)
        assert second["present"] == {"relayhost": "[old]:25"}

    def test_of_a_setting_never_set_shows_what_the_hosts_have(self, changes, hosts):
        hosts.present("mx1", NAME, {"relayhost": "[old]:25"})
        status = changes.status(NAME)
        assert (status["status"], status["revision"], status["waiting_for"]) == (None, None, [])
        assert status["hosts"][0]["present"] == {"relayhost": "[old]:25"}


class TestReset:
    def test_of_what_was_never_set_is_nothing(self, changes, author):
        assert changes.reset(NAME, author) is None

    def test_is_deleting_then_gone(self, changes, author, value, report):
        changes.set(NAME, value, author)
        report("mx1", 1, "applied")
        state = changes.reset(NAME, author)
        assert state.as_deleting() == {"name": NAME, "status": "deleting"}
        assert (state.is_set, state.value, state.revision) == (False, None, 2)
        assert changes.get(NAME) == state
        assert changes.list() == []
        report("mx1", 2, "applied")
        assert changes.get(NAME) is None
        assert changes.reset(NAME, author) is None

    def test_again_while_deleting_is_the_same_reset(self, changes, author, value):
        changes.set(NAME, value, author)
        assert changes.reset(NAME, author) == changes.reset(NAME, author)

    def test_that_failed_is_tried_again(self, changes, author, value, report):
        changes.set(NAME, value, author)
        changes.reset(NAME, author)
        report("mx1", 2, "failed", "Postfix did not reload.")
        failed = changes.get(NAME)
        assert (failed.status, failed.value, failed.is_set) == ("failed", None, False)
        again = changes.reset(NAME, author)
        assert (again.status, again.revision) == ("deleting", 3)

    def test_then_set_is_a_later_revision(self, changes, author, value):
        changes.set(NAME, value, author)
        changes.reset(NAME, author)
        state = changes.set(NAME, value, author)
        assert (state.revision, state.status, state.is_set) == (3, "applying", True)


class TestList:
    def test_shows_what_is_set_within_the_names_asked_for(self, changes, author, value):
        assert changes.list() == []
        state = changes.set(NAME, value, author)
        assert changes.list() == [state]
        assert changes.list({NAME}) == [state]
        assert changes.list(set()) == []


class TestWait:
    def test_ends_when_the_revision_is_applied(self, changes, author, value, report):
        state = changes.set(NAME, value, author)
        timer = threading.Timer(0.1, report, ("mx1", 1, "applied"))
        timer.start()
        began = time.monotonic()
        assert changes.wait(NAME, state.revision, 30).status == "applied"
        assert time.monotonic() - began < 25
        timer.join()

    def test_ends_when_another_revision_took_its_place(self, changes, author, value):
        changes.set(NAME, value, author)
        changes.set(NAME, value, author)
        assert changes.wait(NAME, 1, 30).revision == 2

    def test_ends_with_nothing_when_the_reset_is_done(self, changes, author, value, report):
        changes.set(NAME, value, author)
        state = changes.reset(NAME, author)
        report("mx1", 2, "applied")
        assert changes.wait(NAME, state.revision, 30) is None

    def test_ends_after_its_time(self, changes, author, value):
        changes.set(NAME, value, author)
        began = time.monotonic()
        assert changes.wait(NAME, 1, 0.2).status == "applying"
        assert 0.2 <= time.monotonic() - began < 30


def test_author_of_the_local_command_has_no_address(changes, value):
    changes.set(NAME, value, Author("root", None, ""))
    assert changes.status(NAME)["address"] == ""
