"""PostgreSQL: how it is reached, and what it does that SQLite does not."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from mailpanel.errors import Conflict, DatabaseAway, DeploymentError, NotFound
from mailpanel.models import AuditEntry, DesiredSetting, Host
from mailpanel.seal import Sealer
from mailpanel.services import audit
from mailpanel.services._postgresql import parameters_of
from mailpanel.services._rows import locked_row
from mailpanel.services.accounts import Accounts
from mailpanel.services.audit import Author
from mailpanel.services.clock import utc_now
from mailpanel.services.database import Database
from mailpanel.services.errands import Errands
from mailpanel.services.hosts import Hosts
from mailpanel.services.tokens import Tokens
from mailpanel.services.wake import SocketWaker


@pytest.fixture
def backend():
    """Not on SQLite."""
    return "postgresql"


@pytest.fixture
def name(postgresql, slate):
    """The name of the database that ``database`` opens too."""
    return slate.wiped()


@pytest.fixture
def database(postgresql, name):
    database = Database(postgresql.url(name))
    yield database
    database.dispose()


def store_and_be_killed(database, postgresql, ask_again):
    """Store something through a connection that an administrator of the server ends meanwhile."""
    with database.writing() as session:
        session.add(DesiredSetting(setting="a", revision=1))
        session.flush()
        postgresql.terminate(session.scalar(text("SELECT pg_backend_pid()")))
        if ask_again:
            session.scalar(text("SELECT 1"))


def outcome(work):
    """Return the exception of *work*, or ``None``."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 (whatever it is, the test must see it)
        return type(error)
    return None


def at_once(*works):
    """Do all of *works* in threads that begin together; return their outcomes."""
    barrier = threading.Barrier(len(works))

    def begin(work):
        barrier.wait()
        return outcome(work)

    with ThreadPoolExecutor(len(works)) as executor:
        return list(executor.map(begin, works))


class TestUrl:
    @pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
    def test_both_schemes_and_a_password_with_any_character_work(self, postgresql, name, scheme):
        url = postgresql.remote_url(name).replace("postgresql", scheme, 1)
        database = Database(url)
        database.ping()
        assert database.file is None
        assert database.server["password"] == "p4ss w%rd/ü"
        database.dispose()

    def test_its_own_parameters_win(self, postgresql, name):
        url = (
            postgresql.url(name)
            + "&application_name=mine&connect_timeout=2&options=-c lock_timeout=7s"
        )
        database = Database(url)
        with database.reading() as session:
            shown = [
                session.scalar(text(f"SHOW {each}"))
                for each in ("application_name", "lock_timeout")
            ]
        assert shown == ["mine", "7s"]
        assert database.server["connect_timeout"] == "2"
        database.dispose()

    def test_a_missing_driver_names_the_remedy(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "mailpanel.services._postgresql", None)
        with pytest.raises(DeploymentError, match=r"pip install 'mailpanel\[postgresql\]'"):
            Database("postgresql:///mailpanel")

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [("p4ss", "wr0ng", "password authentication failed"), ("mailpanel:", "nobody:", "nobody")],
    )
    def test_a_refusal_is_told_to_the_administrator_without_the_password(
        self, postgresql, name, old, new, reason
    ):
        database = Database(postgresql.remote_url(name).replace(old, new))
        with pytest.raises(DatabaseAway) as raised:
            database.ping()
        assert str(raised.value) == "The database cannot be reached; try again."
        assert reason in raised.value.reason
        assert "\n" not in raised.value.reason
        assert "w%rd" not in raised.value.reason

    def test_a_server_that_never_answers_is_not_waited_for_long(self, postgresql):
        assert parameters_of(Database("postgresql://h/d")._url)["connect_timeout"] == 5


class TestAway:
    def test_a_restart_is_survived(self, database, postgresql):
        """Every connection of the pool is tried before it is used."""
        sessions = [database.reading() for _ in range(3)]
        for each in sessions:
            each.__enter__().scalar(text("SELECT 1"))
        for each in sessions:
            each.__exit__(None, None, None)
        postgresql.stop()
        with pytest.raises(DatabaseAway, match="cannot be reached"):
            database.ping()
        postgresql.start()
        database.ping()

    def test_killed_before_the_commit_stored_nothing(self, database, postgresql):
        with pytest.raises(DatabaseAway) as raised:
            store_and_be_killed(database, postgresql, ask_again=True)
        assert not raised.value.in_commit
        with database.reading() as session:
            assert session.get(DesiredSetting, "a") is None

    def test_killed_at_the_commit_says_that_nobody_knows(self, database, postgresql):
        with pytest.raises(DatabaseAway) as raised:
            store_and_be_killed(database, postgresql, ask_again=False)
        assert raised.value.in_commit
        assert "AdminShutdown" in raised.value.reason

    def test_killed_within_the_commit_it_may_be_stored(self, database, postgresql, name):
        """It waits for a standby, and is stored on this server already."""

        def store():
            with database.writing() as session:
                session.execute(text("SET LOCAL synchronous_commit = on"))
                session.add(DesiredSetting(setting="a", revision=1))

        with ThreadPoolExecutor(1) as executor:
            storing = executor.submit(store)
            postgresql.terminate(postgresql.wait_for("wait_event = 'SyncRep'", name))
            with pytest.raises(DatabaseAway) as raised:
                storing.result()
        assert raised.value.in_commit
        with database.reading() as session:
            assert session.get(DesiredSetting, "a").revision == 1

    def test_a_standby_is_away_and_no_fault_of_the_program(self, postgresql, name):
        url = postgresql.url(name) + "&options=-c default_transaction_read_only=on"
        database = Database(url)
        with pytest.raises(DatabaseAway):
            Accounts(database).add("a", "MailUser")
        database.dispose()

    def test_a_role_that_may_not_make_tables_is_told_the_remedy(self, postgresql):
        name = postgresql.create_database()
        postgresql.execute(f"ALTER DATABASE {name} OWNER TO postgres")
        database = Database(postgresql.url(name))
        with pytest.raises(DatabaseAway, match="make mailpanel's role its owner"):
            database.migrate()
        database.dispose()


class TestAtOnce:
    """Two transactions that meet: each ends as if it had been alone before or after."""

    @pytest.mark.parametrize("rounds", range(3))
    def test_two_admins_disable_each_other(self, database, rounds):
        """One stays, and none waits for the other in vain."""
        accounts = Accounts(database)
        for name in ("a", "b"):
            accounts.add(name, "MasterAdmin")
        outcomes = at_once(
            lambda: accounts.set_enabled("a", False), lambda: accounts.set_enabled("b", False)
        )
        assert sorted(outcomes, key=str) == sorted([None, Conflict], key=str)

    def test_disabling_locks_in_one_order(self, database):
        """The one who disables the later account has not locked it before the earlier one."""
        accounts = Accounts(database)
        for name in ("a", "b"):
            accounts.add(name, "MasterAdmin")
        with ThreadPoolExecutor(1) as executor, database.writing() as session:
            session.execute(text("SELECT 1 FROM accounts WHERE username = 'a' FOR UPDATE"))
            disabling = executor.submit(accounts.set_enabled, "b", False)
            with pytest.raises(TimeoutError):
                disabling.result(0.3)
            session.execute(text("SELECT 1 FROM accounts WHERE username = 'b' FOR UPDATE NOWAIT"))
            session.rollback()
            disabling.result()

    def test_a_token_is_made_while_its_account_is_removed(self, database, postgresql, name):
        Accounts(database).add("a", "MailUser")
        with ThreadPoolExecutor(1) as executor:
            with database.writing() as session:
                session.execute(text("DELETE FROM accounts WHERE username = 'a'"))
                making = executor.submit(outcome, lambda: Tokens(database).create("a"))
                postgresql.wait_for("wait_event_type = 'Lock'", name)
            assert making.result() is NotFound

    def test_a_token_is_revoked_twice(self, database):
        Accounts(database).add("a", "MailUser")
        tokens = Tokens(database)
        tokens.create("a")
        revoke = lambda: tokens.revoke(1)  # noqa: E731 (twice the same)
        assert sorted(at_once(revoke, revoke), key=str) == sorted([None, NotFound], key=str)
        with database.reading() as session:
            actions = [each.action for each in session.scalars(select(AuditEntry))]
        assert actions.count("token.revoke") == 1

    def test_a_row_is_first_added_by_many(self, database):
        add = lambda: Hosts(database).checked_in("mx1", {"postfix": "3"})  # noqa: E731 (many)
        assert at_once(*[add] * 8) == [None] * 8
        assert [host["name"] for host in Hosts(database).list()] == ["mx1"]

    def test_a_row_is_added_by_another_one_and_is_gone_again(self, database, postgresql, name):
        """It is added after all."""
        with ThreadPoolExecutor(1) as executor:
            with database.writing() as first:
                first.add(Host(name="mx1", versions={}, **times()))
                first.flush()
                second = executor.submit(Hosts(database).checked_in, "mx1", {"postfix": "3"})
                postgresql.wait_for("wait_event_type = 'Lock'", name)
                first.rollback()
            assert second.result()
        assert Hosts(database).get("mx1")["versions"] == {"postfix": "3"}

    def test_reader_sees_one_state_over_several_questions(self, database):
        with database.reading() as session:
            assert session.get(DesiredSetting, "a") is None
            with database.writing() as writer:
                locked_row(writer, DesiredSetting, {"setting": "a"}, revision=3)
            assert session.get(DesiredSetting, "a") is None


class TestTexts:
    """PostgreSQL holds no NUL, and no database a lone surrogate."""

    @pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
    def test_no_name_with_one_is_found(self, database, text):
        accounts, tokens, hosts = Accounts(database), Tokens(database), Hosts(database)
        assert tokens.list(text) == []
        for use in (
            lambda: accounts.remove(text),
            lambda: accounts.set_enabled(text, False),
            lambda: accounts.set_password(text, "long enough for one"),
            lambda: tokens.create(text),
            lambda: hosts.forget(text, Author("admin", None, "")),
            lambda: hosts.get(text),
        ):
            assert outcome(use) is NotFound


def test_times_are_utc_whatever_the_servers_zone(database):
    """The server of the tests is in India."""
    noon = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    with database.writing() as session:
        assert session.scalar(text("SHOW timezone")) == "Asia/Kolkata"
        audit.record(session, audit.Author("a", None, ""), "x", clock=lambda: noon)
    with database.reading() as session:
        at = session.scalars(select(AuditEntry.at)).one()
    assert (at, at.tzinfo) == (noon, UTC)


def times():
    now = datetime.now(UTC)
    return {"first_seen": now, "last_seen": now}


def test_a_host_that_is_asked_is_not_forgotten_before_it_can_be(database, tmp_path, opener):
    """Its errand would belong to no host: whoever forgets it waits, and takes the errand along."""
    hosts = Hosts(database)
    hosts.checked_in("mx1", {})
    author = Author("admin", None, "")
    forgetting = threading.Thread(target=hosts.forget, args=("mx1", author))

    def late():
        """Tell the time; when it is first asked for, the host is there and its errand is not."""
        if not forgetting.ident:
            forgetting.start()
            forgetting.join(0.3)
        return utc_now()

    waker = SocketWaker(tmp_path / "nobody")
    errands = Errands(database, Sealer(tmp_path / "seal.pub"), waker, clock=late)
    ticket = errands.flush("postfix_relayhost", ["mx1"], author)
    forgetting.join()
    assert errands.answers(ticket) == []
