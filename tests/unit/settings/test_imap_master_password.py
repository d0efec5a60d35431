"""imap_master_password: a password that is generated, its hash, and where Dovecot asks for it."""

from __future__ import annotations

import hashlib
import math
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from mailpanel.errors import InvalidFields, Refused
from mailpanel.plan import DovecotFacts, DovecotSays, Facts, MasterUser, Plan, WriteFile
from mailpanel.settings import SETTINGS

SETTING = SETTINGS["imap_master_password"]
ELEMENTS = "user=<%u> method=%m rip=%r lip=%l mpid=%e %c session=<%{session}>"
DOVECOT = DovecotFacts(
    version="2.3.19.1",
    parameters={"auth_master_user_separator": "", "login_log_format_elements": ELEMENTS},
    inbox_namespace="inbox",
    folders={},
    directory="/etc/dovecot/mailpanel",
    drop_ins="/etc/dovecot/conf.d",
    group="dovecot",
)
FACTS = Facts(host_name="mx.test", ca_file="/etc/ca.pem", dovecot=DOVECOT)
PATH = "/etc/dovecot/mailpanel/master-users"
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
HASH = f"{{ARGON2ID}}$argon2id$v=19$m=19456,t=2,p=1${'A' * 22}${'b' * 43}"


def bytes_from(seed: int) -> Callable[[int], bytes]:
    """Return a source that answers always the same, as many as it is asked for."""
    return lambda count: hashlib.shake_256(str(seed).encode()).digest(count)


def facts(**parameters: str) -> Facts:
    changed = replace(DOVECOT, parameters={**DOVECOT.parameters, **parameters})
    return replace(FACTS, dovecot=changed)


def on(version: str, host: Facts = FACTS) -> Facts:
    assert host.dovecot is not None
    return replace(host, dovecot=replace(host.dovecot, version=version))


def planned(host: Facts = FACTS) -> Plan:
    return SETTING.plan({"hash": HASH}, None, host)


def master(plan: Plan) -> MasterUser:
    (found,) = [each for each in plan.changes if isinstance(each, MasterUser)]
    return found


def drop_in(plan: Plan) -> str:
    """Return what is in the drop-in, below the line that says whose it is."""
    (found,) = [each for each in plan.changes if isinstance(each, WriteFile)]
    assert found.path == "/etc/dovecot/conf.d/99-mailpanel-imap_master_password.conf"
    assert found.mode == 0o644
    notice, _, rest = found.content.partition("\n")
    assert notice.startswith("# mailpanel's own, for imap_master_password")
    return rest


def says(plan: Plan) -> dict[tuple[str, ...], str]:
    (check,) = plan.checks
    assert isinstance(check, DovecotSays)
    return dict(check.values)


class TestGenerate:
    """What is made of the system's randomness."""

    def test_the_password_has_letters_that_nobody_mistakes(self) -> None:
        password, _ = SETTING.generate(secrets.token_bytes)
        assert re.fullmatch(f"[{LETTERS}]{{5}}(-[{LETTERS}]{{5}}){{6}}", password)
        assert not set(password) & set("l1o0O")

    def test_it_has_more_than_160_bits(self) -> None:
        """Each letter is as likely as any other: 256 is a multiple of 32."""
        password, _ = SETTING.generate(secrets.token_bytes)
        assert len(password.replace("-", "")) * math.log2(len(LETTERS)) >= 160
        assert 256 % len(LETTERS) == 0
        seen = {
            SETTING.generate(lambda count, at=at: bytes([at]) * count)[0][0] for at in range(64)
        }
        assert seen == set(LETTERS)

    def test_it_is_all_of_the_randomness_that_is_handed_in(self) -> None:
        """Nothing of it is the setting's own; the salt is another draw."""
        asked: list[int] = []

        def draw(count: int) -> bytes:
            asked.append(count)
            return bytes_from(1)(count)

        assert SETTING.generate(draw) == SETTING.generate(bytes_from(1))
        assert asked == [35, 16]
        assert SETTING.generate(bytes_from(2))[0] != SETTING.generate(bytes_from(1))[0]

    def test_what_may_be_stored_is_the_hash_alone(self) -> None:
        """Exactly as Dovecot takes it: OWASP's minimum for Argon2id."""
        password, stored = SETTING.generate(secrets.token_bytes)
        assert list(stored) == ["hash"]
        assert re.fullmatch(
            r"\{ARGON2ID\}\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}",
            stored["hash"],
        )
        assert PasswordHasher().verify(stored["hash"].removeprefix("{ARGON2ID}"), password)
        assert password not in stored["hash"]
        assert SETTING.believed(stored, None) == stored

    def test_each_hash_has_a_salt_of_its_own(self) -> None:
        """The same letters, drawn twice, are stored in two ways."""
        draws = iter([b"\1" * 35, b"salt of one.....", b"\1" * 35, b"salt of another."])
        first, second = (SETTING.generate(lambda _count: next(draws)) for _ in range(2))
        assert first[0] == second[0]
        assert first[1] != second[1]

    def test_what_is_stored_is_never_shown(self) -> None:
        assert SETTING.shown({"hash": HASH}) is None

    @pytest.mark.parametrize(
        "name", [name for name, each in SETTINGS.items() if not each.generates]
    )
    def test_no_other_setting_generates(self, name: str) -> None:
        with pytest.raises(NotImplementedError):
            SETTINGS[name].generate(secrets.token_bytes)


class TestValidate:
    """A request has nothing to say."""

    @pytest.mark.parametrize("given_", [{}, {"null": None}])
    def test_nothing_is_what_may_be_sent(self, given_: dict[str, Any]) -> None:
        assert SETTING.validate(given_) == {}
        assert SETTING.validate({}, form=True) == {}

    @pytest.mark.parametrize("wrong", [0, 1, False, "", "null", [], {}, 0.0])
    def test_null_is_null(self, wrong: Any) -> None:
        with pytest.raises(InvalidFields) as caught:
            SETTING.validate({"null": wrong})
        (error,) = caught.value.errors
        assert (error.field, error.detail) == ("null", "This must be null, or left out.")

    @pytest.mark.parametrize("field", ["password", "hash", "value"])
    def test_nobody_chooses_it(self, field: str) -> None:
        with pytest.raises(InvalidFields) as caught:
            SETTING.validate({"null": None, field: HASH})
        assert [error.field for error in caught.value.errors] == [field]
        assert HASH not in str(caught.value)


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"hash": None},
        {"hash": 7},
        {"hash": [HASH]},
        {"hash": ""},
        {"hash": "{PLAIN}secret"},
        {"hash": HASH.removeprefix("{ARGON2ID}")},
        {"hash": HASH.replace("ARGON2ID", "argon2id")},
        {"hash": HASH.replace("ARGON2ID", "ARGON2I").replace("argon2id", "argon2i")},
        {"hash": HASH.replace("v=19", "v=16")},
        {"hash": HASH.replace("t=2", "t=1")},
        {"hash": HASH.replace("m=19456", "m=8")},
        {"hash": HASH.replace("m=19456", "m=4194304")},
        {"hash": HASH.replace("p=1", "p=2")},
        {"hash": HASH + "\n"},
        {"hash": HASH + "\nroot:{PLAIN}x"},
        {"hash": HASH + ":::::: allow_nets=0.0.0.0/0"},
        {"hash": " " + HASH},
        {"hash": HASH + "="},
        {"hash": HASH[:-1]},
        {"hash": HASH.replace("b" * 43, "b" * 42 + ":")},
        {"hash": HASH.replace("A" * 22, "A" * 21 + "١")},
        {"hash": HASH, "null": None},
        {"hash": HASH, "master_user": "root"},
    ],
)
def test_a_hash_that_mailpanel_did_not_make_is_not_believed(stored: dict[str, Any]) -> None:
    """Whoever can write to the database cannot choose the password's form, or a second line."""
    with pytest.raises(InvalidFields) as caught:
        SETTING.believed(stored, None)
    assert [error.field for error in caught.value.errors] == ["hash"]


@given(st.text(max_size=120))
@settings(deadline=None)
def test_no_text_is_believed(text: str) -> None:
    with pytest.raises(InvalidFields):
        SETTING.believed({"hash": text}, None)


class TestPlan:
    """What becomes of the hash on a host."""

    def test_on_2_3_the_passdb_stands_inside_protocol_imap(self) -> None:
        """At the top level it would also pass for submission."""
        plan = planned()
        assert drop_in(plan) == (
            "auth_master_user_separator = *\n"
            "protocol imap {\n"
            "  passdb {\n"
            "    driver = passwd-file\n"
            f"    args = {PATH}\n"
            "    master = yes\n"
            "    result_success = continue\n"
            "  }\n"
            "}\n"
            f'login_log_format_elements = "{ELEMENTS} auth_user=<%{{auth_user}}>"\n'
        )
        assert says(plan) == {
            ("auth_master_user_separator",): "*",
            ("protocol imap", "passdb", "driver"): "passwd-file",
            ("protocol imap", "passdb", "args"): PATH,
            ("protocol imap", "passdb", "master"): "yes",
            ("protocol imap", "passdb", "result_success"): "continue",
            ("login_log_format_elements",): f"{ELEMENTS} auth_user=<%{{auth_user}}>",
        }

    @pytest.mark.parametrize("version", ["2.4.0", "2.4.1-4", "2.10.0", "3.0.1"])
    def test_on_2_4_it_has_a_name_and_another_parameter(self, version: str) -> None:
        """And other words for what the log has to tell."""
        elements = "user=<%{user}> mpid=%{mail_pid}"
        plan = planned(on(version, facts(login_log_format_elements=elements)))
        assert drop_in(plan) == (
            "auth_master_user_separator = *\n"
            "protocol imap {\n"
            "  passdb mailpanel {\n"
            "    driver = passwd-file\n"
            f"    passwd_file_path = {PATH}\n"
            "    master = yes\n"
            "    result_success = continue\n"
            "  }\n"
            "}\n"
            f'login_log_format_elements = "{elements} auth_user=<%{{auth_user}}>"\n'
        )
        assert set(says(plan)) == {
            ("auth_master_user_separator",),
            ("login_log_format_elements",),
            *(
                ("protocol imap", "passdb mailpanel", name)
                for name in ("driver", "passwd_file_path", "master", "result_success")
            ),
        }

    def test_the_master_user_is_named_by_root_and_has_that_hash_alone(self) -> None:
        found = master(planned(replace(FACTS, master_user="helpdesk")))
        assert found == MasterUser(PATH, "helpdesk", HASH, "*", "dovecot", ())
        assert HASH not in repr(found)

    def test_the_networks_are_roots_own(self) -> None:
        networks = ("10.0.0.0/8", "2001:db8::/32")
        assert master(planned(replace(FACTS, master_allow_nets=networks))).allow_nets == networks

    @pytest.mark.parametrize("version", ["2.3.19.1", "2.4.1"])
    def test_a_separator_of_the_admins_stays(self, version: str) -> None:
        plan = planned(on(version, facts(auth_master_user_separator="%")))
        assert "auth_master_user_separator" not in drop_in(plan)
        assert ("auth_master_user_separator",) not in says(plan)
        assert master(plan).separator == "%"
        assert plan.details == {"log_in_as": "user@example.net%master"}

    def test_it_says_how_to_log_in(self) -> None:
        host = replace(FACTS, master_user="helpdesk")
        assert planned(host).details == {"log_in_as": "user@example.net*helpdesk"}

    @pytest.mark.parametrize(
        ("networks", "where"),
        [
            ((), "from any network"),
            (("10.0.0.0/8", "2001:db8::/32"), "from 10.0.0.0/8, 2001:db8::/32 alone"),
        ],
    )
    def test_a_test_says_how_to_log_in_and_from_where(
        self, networks: tuple[str, ...], where: str
    ) -> None:
        notes = planned(replace(FACTS, master_allow_nets=networks)).notes
        assert notes.keys() == {"log in"}
        assert "by IMAP as user@example.net*master, with" in notes["log in"]
        assert where in notes["log in"]
        assert "sends no mail" in notes["log in"]

    @pytest.mark.parametrize(
        ("own", "written"),
        [
            ("", "mpid=%e auth_user=<%{auth_user}>"),
            ("user=<%u> mpid=%e", "user=<%u> mpid=%e auth_user=<%{auth_user}>"),
            ("user=<%u> pid=%e", "user=<%u> pid=%e mpid=%e auth_user=<%{auth_user}>"),
            ("auth_user=<%{auth_user}> %u", "auth_user=<%{auth_user}> %u mpid=%e"),
        ],
    )
    def test_what_finds_a_masters_sessions_in_the_log_is_added(
        self, own: str, written: str
    ) -> None:
        plan = planned(facts(login_log_format_elements=own))
        assert f'login_log_format_elements = "{written}"\n' in drop_in(plan)
        assert says(plan)[("login_log_format_elements",)] == written

    def test_a_log_that_has_it_already_is_left_alone(self) -> None:
        own = f"{ELEMENTS} auth_user=<%{{auth_user}}>"
        plan = planned(facts(login_log_format_elements=own))
        assert "login_log_format_elements" not in drop_in(plan)
        assert ("login_log_format_elements",) not in says(plan)

    def test_what_would_begin_a_comment_in_the_admins_own_is_quoted(self) -> None:
        """The rest of the line would be lost; what Dovecot says has no quotes."""
        plan = planned(facts(login_log_format_elements='a #b "c" d\\e'))
        written = 'a #b \\"c\\" d\\\\e mpid=%e auth_user=<%{auth_user}>'
        assert f'login_log_format_elements = "{written}"\n' in drop_in(plan)
        assert says(plan)[("login_log_format_elements",)].startswith('a #b "c" d\\e mpid=%e')

    def test_a_host_that_takes_none_refuses_it_and_says_why(self) -> None:
        with pytest.raises(Refused, match=r"mailpanel\.master_enabled"):
            planned(replace(FACTS, master_enabled=False))

    def test_without_dovecot_it_is_refused_with_the_package_to_install(self) -> None:
        with pytest.raises(Refused, match="Install the package dovecot-imapd"):
            planned(replace(FACTS, dovecot=None))

    def test_the_hash_is_in_no_file_that_others_can_read(self) -> None:
        """It is in the master users' file alone, under Dovecot's group."""
        plan = planned()
        assert HASH not in drop_in(plan)
        assert HASH not in repr(plan)
        assert master(plan).group == "dovecot"

    @given(seed=st.integers(0, 9), version=st.sampled_from(["2.3.19.1", "2.4.1"]))
    @settings(deadline=None, max_examples=10)
    def test_the_drop_in_is_the_same_for_every_password(self, seed: int, version: str) -> None:
        """A new one needs no reload."""
        _, stored = SETTING.generate(bytes_from(seed))
        plan = SETTING.plan(SETTING.believed(stored, None), None, on(version))
        assert drop_in(plan) == drop_in(planned(on(version)))
        assert master(plan).hash == stored["hash"]

    def test_there_is_nothing_to_read_and_nothing_waits(self) -> None:
        """The admin's own master users are theirs."""
        assert SETTING.read(FACTS) is None
        assert SETTING.milder({"hash": HASH}, None) is None
