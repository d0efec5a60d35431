"""mailpanel.services.sessions: who is logged in, and for how long."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from mailpanel.errors import InvalidFields, NotFound, Throttled
from mailpanel.models import PanelSession
from mailpanel.services import passwords
from mailpanel.services.authentication import digest_of
from mailpanel.services.codes import Codes
from mailpanel.services.half_way import Tickets
from mailpanel.services.proofs import BAD_PASSWORDS, Proofs, Visitor
from mailpanel.services.sessions import IDLE, LONGEST, Sessions
from mailpanel.services.throttle import Throttle
from mailpanel.vault import Vault

PASSWORD = "correct horse battery"
NEW = "another horse battery"
HERE = Visitor("192.0.2.1", "Browser/1.0")


@pytest.fixture
def proofs(database, clock):
    throttle = Throttle(database, clock, limit=BAD_PASSWORDS, purpose="log-in ")
    return Proofs(database, throttle, clock)


@pytest.fixture
def sessions(database, accounts, proofs, clock, tmp_path):
    accounts.add("admin", "MasterAdmin", PASSWORD)
    vault = Vault(tmp_path / "web.key")
    codes = Codes(database, vault, proofs, Throttle(database, clock, purpose="code "), clock)
    return Sessions(database, proofs, codes, Tickets(vault, proofs, clock), clock)


def rows(database):
    with database.reading() as session:
        return session.scalars(sa.select(PanelSession)).all()


def test_what_is_kept_opens_nothing(sessions, database):
    """Of the id there is only the digest, and its 256 bits are of the system's."""
    opened = sessions.log_in("admin", PASSWORD, HERE)
    (row,) = rows(database)
    assert row.digest == digest_of(opened.session_id)
    assert len(opened.session_id) == 43
    assert opened.session_id not in repr(opened) + repr(sessions.get(opened.session_id))
    assert sessions.get(row.digest) is None


def test_a_session_knows_who_and_keeps_where_from(sessions, database):
    """In what the columns hold, whatever the browser says."""
    visitor = Visitor("192.0.2.1", "x\r\n" + "y" * 300)
    session = sessions.get(sessions.log_in("admin", PASSWORD, visitor).session_id)
    assert (session.identity.username, session.identity.token_id) == ("admin", None)
    (row,) = rows(database)
    assert (row.address, row.user_agent) == ("192.0.2.1", "x??" + "y" * 252)


@pytest.mark.parametrize(
    ("name", "password"),
    [("admin", "wrong"), ("nobody", PASSWORD), ("api", PASSWORD), ("off", PASSWORD), ("\0", "x")],
)
def test_whatever_is_wrong_takes_one_verification(sessions, accounts, monkeypatch, name, password):
    """Of Argon2, which is all that can be measured from outside."""
    accounts.add("api", "MasterAdmin")
    accounts.add("off", "MasterAdmin", PASSWORD)
    accounts.set_enabled("off", False)
    verified = []
    hasher = passwords._HASHER

    class Counting:
        def verify(self, stored, given):
            verified.append(given)
            return hasher.verify(stored, given)

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    assert sessions.log_in(name, password, HERE) is None
    assert verified == [password]
    assert sessions.log_in("admin", PASSWORD, HERE) is not None
    assert len(verified) == 2


def test_nobodys_hash_costs_what_a_real_one_does():
    """The same parameters, and no password opens it."""
    real, nobodys = passwords.hash_password(PASSWORD), passwords._NOBODYS
    assert real.split("$")[:4] == nobodys.split("$")[:4]
    assert [len(part) for part in real.split("$")] == [len(part) for part in nobodys.split("$")]
    assert not passwords.is_right(PASSWORD, None)


class TestEnd:
    def test_an_hour_without_a_request(self, sessions, clock):
        """Each one that is noted, to the minute, begins it anew."""
        session_id = sessions.log_in("admin", PASSWORD, HERE).session_id
        for _ in range(3):
            clock.forward(IDLE.total_seconds() - 1)
            sessions.touch(sessions.get(session_id))
        clock.forward(IDLE.total_seconds())
        assert sessions.get(session_id) is None
        assert sessions.list("admin") == []

    def test_twelve_hours_in_any_case(self, sessions, clock):
        """However busy it was."""
        session_id = sessions.log_in("admin", PASSWORD, HERE).session_id
        step = IDLE.total_seconds() / 2
        for _ in range(int(LONGEST.total_seconds() / step) - 1):
            clock.forward(step)
            sessions.touch(sessions.get(session_id))
        clock.forward(step)
        assert sessions.get(session_id) is None

    def test_the_next_log_in_removes_what_is_over(self, sessions, clock, database):
        """Nothing else has to clean up."""
        sessions.log_in("admin", PASSWORD, HERE)
        clock.forward(IDLE.total_seconds() + 1)
        sessions.log_in("admin", PASSWORD, HERE)
        assert len(rows(database)) == 1

    def test_one_that_is_used_within_a_minute_is_not_written(self, sessions, clock, database):
        """A page with many parts costs no write."""
        session = sessions.get(sessions.log_in("admin", PASSWORD, HERE).session_id)
        before = rows(database)[0].last_used
        clock.forward(59)
        sessions.touch(session)
        assert rows(database)[0].last_used == before
        clock.forward(1)
        sessions.touch(session)
        assert rows(database)[0].last_used > before

    def test_anothers_is_not_ended(self, sessions, accounts, author):
        """It is as if there were none."""
        accounts.add("other", "MasterAdmin", PASSWORD)
        session = sessions.get(sessions.log_in("other", PASSWORD, HERE).session_id)
        with pytest.raises(NotFound):
            sessions.end("admin", session.number, author)
        sessions.end("other", session.number, author)
        assert sessions.list("other") == []


class TestThrottle:
    def test_too_many_wrong_ones_are_refused_unseen(self, sessions, clock):
        """The right one too, until the minute is over: else guessing would go on."""
        for _ in range(BAD_PASSWORDS):
            assert sessions.log_in("admin", "wrong", HERE) is None
        with pytest.raises(Throttled) as caught:
            sessions.log_in("admin", PASSWORD, HERE)
        clock.forward(caught.value.retry_after)
        assert sessions.log_in("admin", PASSWORD, HERE) is not None

    def test_elsewhere_the_owner_is_not_kept_out(self, sessions):
        """Whatever name a stranger tries: accounts are not locked."""
        stranger = Visitor("198.51.100.7")
        for _ in range(BAD_PASSWORDS):
            sessions.log_in("admin", "wrong", stranger)
        assert sessions.log_in("admin", PASSWORD, HERE) is not None

    def test_a_browser_with_the_owners_mark_is_counted_apart(self, sessions, accounts):
        """Not one that is made up, nor another's, nor one from before the password changed."""
        accounts.add("other", "MasterAdmin", PASSWORD)
        mark = sessions.log_in("admin", PASSWORD, HERE).mark
        others = sessions.log_in("other", PASSWORD, HERE).mark
        for _ in range(BAD_PASSWORDS):
            sessions.log_in("admin", "wrong", HERE)
        for bad in (None, "", "x", f"x{mark}", mark[:-1], "nonce.ü", "\udcff", others):
            with pytest.raises(Throttled):
                sessions.log_in("admin", PASSWORD, Visitor("192.0.2.1", mark=bad))
        marked = Visitor("192.0.2.1", mark=mark)
        assert sessions.log_in("admin", PASSWORD, marked).mark == mark
        accounts.set_password("admin", NEW)
        with pytest.raises(Throttled):
            sessions.log_in("admin", NEW, marked)

    def test_the_mark_opens_nothing(self, sessions):
        """It is no session, and no password."""
        opened = sessions.log_in("admin", PASSWORD, HERE)
        assert sessions.get(opened.mark) is None
        assert sessions.log_in("admin", opened.mark, HERE) is None


class TestPassword:
    def test_a_new_one_ends_every_other_session(self, sessions):
        """And gives this one another id."""
        opened, other = (sessions.log_in("admin", PASSWORD, HERE) for _ in range(2))
        session = sessions.get(opened.session_id)
        new = sessions.change_password(session, PASSWORD, NEW, HERE, {"flash": "Done."})
        assert sessions.get(opened.session_id) is sessions.get(other.session_id) is None
        assert sessions.get(new.session_id).kept == {"flash": "Done."}

    def test_a_wrong_present_one_changes_nothing(self, sessions):
        """Beside the field that it was typed into."""
        session_id = sessions.log_in("admin", PASSWORD, HERE).session_id
        with pytest.raises(InvalidFields) as caught:
            sessions.change_password(sessions.get(session_id), "wrong", NEW, HERE, {})
        assert [error.field for error in caught.value.errors] == ["current"]
        assert sessions.get(session_id) is not None

    @pytest.mark.parametrize("late", [False, True])
    def test_a_new_one_of_an_administrators_stays(
        self, sessions, proofs, accounts, monkeypatch, late
    ):
        """Whoever has stolen the old one gains nothing by changing it at the same moment."""
        session = sessions.get(sessions.log_in("admin", PASSWORD, HERE).session_id)
        class_ = type(accounts) if late else type(proofs)
        name = "renew_password" if late else "by_password"
        asked = getattr(class_, name)

        def and_then_another(*arguments):
            answer = asked(*arguments)
            accounts.set_password("admin", "set by somebody else")
            return answer

        monkeypatch.setattr(class_, name, and_then_another)
        with pytest.raises(NotFound):
            sessions.change_password(session, PASSWORD, NEW, HERE, {})
        monkeypatch.undo()
        assert sessions.list("admin") == []
        assert proofs.by_password("admin", NEW, HERE) is None
        assert proofs.by_password("admin", "set by somebody else", HERE) is not None

    def test_an_account_that_is_gone_meanwhile_gets_no_session(self, sessions, proofs, accounts):
        """Between the verification and the log-in it may have been disabled."""
        accounts.add("other", "MasterAdmin", PASSWORD)
        seen = proofs.account("other")
        accounts.set_enabled("other", False)
        assert sessions._opened(seen, HERE, {}) is None
        accounts.set_enabled("other", True)
        accounts.set_password("other", NEW)
        assert sessions._opened(seen, HERE, {}) is None
        accounts.remove("other")
        assert sessions._opened(seen, HERE, {}) is None


def test_what_is_kept_is_for_one_page(sessions):
    """Kept in place of what was there, and forgotten."""
    session_id = sessions.log_in("admin", PASSWORD, HERE, {"draft": {"x": "y"}}).session_id
    session = sessions.get(session_id)
    assert session.kept == {"draft": {"x": "y"}}
    sessions.keep(session, flash="Saved.")
    assert sessions.get(session_id).kept == {"flash": "Saved."}
    sessions.keep(session)
    assert sessions.get(session_id).kept == {}
