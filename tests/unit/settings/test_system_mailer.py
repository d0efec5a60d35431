"""system_mailer: the account, and the msmtprc that local programs send with."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailpanel.errors import InvalidFields, Refused
from mailpanel.plan import Facts, MsmtpFacts, Plan, SmtpLogin, WriteFile
from mailpanel.settings import SETTINGS, Stored

SETTING = SETTINGS["system_mailer"]
MSMTP = MsmtpFacts("1.8.23", "/etc/msmtprc", "/etc/mailpanel", admins_own=False)
FACTS = Facts(host_name="mx.test", ca_file="/etc/ca.pem", msmtp_group="mail", msmtp=MSMTP)
VALUE = {"server_hostname": "mail.test", "server_port": 587, "username": "a@b.test"}
ACCOUNT = VALUE | {"password": "s3cret"}
# A line of more than 500 bytes is fatal to msmtp.
FATAL = 500


def planned(given: Mapping[str, Any], facts: Facts = FACTS) -> Plan:
    value = SETTING.validate(dict(given))
    return SETTING.plan(SETTING.public(value), value["password"], facts)


def files(plan: Plan) -> dict[str, WriteFile]:
    assert all(isinstance(each, WriteFile) for each in plan.changes)
    return {each.path: each for each in plan.changes if isinstance(each, WriteFile)}


def lines(plan: Plan, path: str = "/etc/msmtprc") -> list[str]:
    """Return the lines of msmtprc below the one that says whose it is."""
    notice, *rest, last = files(plan)[path].content.split("\n")
    assert notice.startswith("# mailpanel's own, for system_mailer")
    assert last == ""
    return rest


def options(plan: Plan) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in lines(plan) if not line.startswith("account"))


def refused(given: Mapping[str, Any], facts: Facts = FACTS) -> str:
    with pytest.raises(Refused) as caught:
        planned(given, facts)
    return str(caught.value)


def wrong(given: Mapping[str, Any], stored: Stored | None = None) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        SETTING.validate(dict(given), stored=stored)
    return {error.field: error.detail for error in caught.value.errors}


def test_the_file_of_an_ordinary_account() -> None:
    plan = planned(ACCOUNT)
    assert lines(plan) == [
        "account system_mailer",
        "host mail.test",
        "port 587",
        "from a@b.test",
        "auth on",
        'user "a@b.test"',
        'password "s3cret"',
        "tls on",
        "tls_starttls on",
        'tls_trust_file "/etc/ca.pem"',
        "account default : system_mailer",
    ]
    (file,) = plan.changes
    assert isinstance(file, WriteFile)
    assert (file.path, file.mode, file.group, file.counts) == ("/etc/msmtprc", 0o640, "mail", True)
    assert (plan.checks, plan.verifications) == ((), ())
    assert plan.details == {"msmtp_config_file": "/etc/msmtprc"}


def test_where_the_file_is_the_admins_own_another_one_is_written_and_named() -> None:
    msmtp = MsmtpFacts("1.8.23", "/etc/mailpanel/msmtprc", "/etc/mailpanel", admins_own=True)
    plan = planned(ACCOUNT, replace(FACTS, msmtp=msmtp))
    assert list(files(plan)) == ["/etc/mailpanel/msmtprc"]
    assert plan.details == {"msmtp_config_file": "/etc/mailpanel/msmtprc"}


def test_the_group_is_the_one_of_the_option() -> None:
    (file,) = planned(ACCOUNT, replace(FACTS, msmtp_group="staff")).changes
    assert isinstance(file, WriteFile)
    assert (file.mode, file.group) == (0o640, "staff")


@pytest.mark.parametrize(
    ("change", "starttls", "tls"),
    [
        ({}, "on", "starttls"),
        ({"server_port": 25}, "on", "starttls"),
        ({"server_port": 465}, "off", "tls"),
        ({"server_port": 465, "security": "starttls"}, "on", "starttls"),
        ({"server_port": 2525, "security": "tls"}, "off", "tls"),
        ({"security": "starttls"}, "on", "starttls"),
    ],
)
def test_465_is_tls_from_the_start_and_all_else_starttls(
    change: dict[str, Any], starttls: str, tls: str
) -> None:
    """Unless security says otherwise; TLS is on and the certificate verified, always."""
    plan = planned(ACCOUNT | change)
    found = options(plan)
    assert (found["tls"], found["tls_starttls"]) == ("on", starttls)
    assert found["port"] == str((ACCOUNT | change)["server_port"])
    assert found["tls_trust_file"] == '"/etc/ca.pem"'
    (probe,) = plan.probes
    assert isinstance(probe, SmtpLogin)
    assert (probe.tls, probe.verify) == (tls, True)


def test_the_probe_logs_in_as_the_file_does() -> None:
    (probe,) = planned(ACCOUNT).probes
    assert probe == SmtpLogin(
        hostname="mail.test",
        port=587,
        tls="starttls",
        verify=True,
        username="a@b.test",
        password="s3cret",
        ca_file="/etc/ca.pem",
        ca_path="",
        mechanisms=("CRAM-MD5", "LOGIN", "PLAIN"),
        helo="mx.test",
    )


@pytest.mark.parametrize(
    ("username", "sender"),
    [
        ("a@b.test", "a@b.test"),
        ("no-reply+x_1.y@mail.b.test", "no-reply+x_1.y@mail.b.test"),
        ("relay-user", "%U@%H"),
        ("100%u@b.test", "%U@%H"),
        ("a b@b.test", "%U@%H"),
        ("ä@b.test", "%U@%H"),
        ("a@b@c.test", "%U@%H"),
        ("@b.test", "%U@%H"),
        ("a@", "%U@%H"),
        ("a@b.test #x", "%U@%H"),
    ],
)
def test_a_username_that_is_an_address_is_the_sender(username: str, sender: str) -> None:
    """Otherwise the local user is, since msmtp would take a % for something of its own."""
    assert options(planned(ACCOUNT | {"username": username}))["from"] == sender


@pytest.mark.parametrize(
    "text", ["#x", "a #b", '"', '"a"', "\\", 'a\\"', "'", "$HOME", "`id`", "%U", "a  b", "пароль"]
)
def test_what_stands_in_quotes_stands_as_it_is(text: str) -> None:
    """msmtp takes off the outermost pair, and nothing inside means anything."""
    found = options(planned(ACCOUNT | {"username": text, "password": text}))
    assert (found["user"], found["password"]) == (f'"{text}"', f'"{text}"')


class TestLongPassword:
    """One that no line can hold."""

    @pytest.mark.parametrize("password", ["p" * 469, "é" * 234])
    def test_the_longest_that_fits_stands_in_the_file(self, password: str) -> None:
        plan = planned(ACCOUNT | {"password": password})
        assert list(files(plan)) == ["/etc/msmtprc"]
        assert max(len(line.encode()) for line in lines(plan)) <= FATAL - 20

    @pytest.mark.parametrize("password", ["p" * 470, "é" * 235, "\U0001f511" * 762])
    def test_a_longer_one_has_a_file_of_its_own(self, password: str) -> None:
        """Under the same mode and group, in mailpanel's own directory, named by the other."""
        plan = planned(ACCOUNT | {"password": password})
        secret = files(plan)["/etc/mailpanel/msmtp-password"]
        assert secret.content == f"{password}\n"
        assert (secret.mode, secret.group, secret.counts) == (0o640, "mail", False)
        found = options(plan)
        assert found["passwordeval"] == '"cat /etc/mailpanel/msmtp-password"'
        assert "password" not in found
        assert list(files(plan)) == ["/etc/mailpanel/msmtp-password", "/etc/msmtprc"]
        (probe,) = plan.probes
        assert isinstance(probe, SmtpLogin)
        assert probe.password == password

    def test_its_path_is_one_word_to_the_shell(self) -> None:
        odd = MsmtpFacts("1.8.23", "/etc/msmtprc", "/etc/mail panel's $x", admins_own=False)
        plan = planned(ACCOUNT | {"password": "p" * 600}, replace(FACTS, msmtp=odd))
        command = options(plan)["passwordeval"][1:-1]
        assert shlex.split(command) == ["cat", "/etc/mail panel's $x/msmtp-password"]


def test_a_log_in_that_no_command_can_hold_is_refused_by_name() -> None:
    """msmtp sends none of more than 4,094 characters."""
    for username, password in (("u", "\U0001f511" * 1024), ("u" * 35, "€" * 1008)):
        sentence = refused(ACCOUNT | {"username": username, "password": password})
        assert "3,058 bytes" in sentence
        assert password not in sentence
    longest = ACCOUNT | {"username": "u" * 34, "password": "€" * 1008}
    assert len(files(planned(longest))) == 2


@pytest.mark.parametrize("username", ["u" * 255, "é" * 236])
def test_a_username_that_fits_is_taken(username: str) -> None:
    plan = planned(ACCOUNT | {"username": username})
    assert options(plan)["user"] == f'"{username}"'


def test_a_username_that_no_line_can_hold_is_refused_by_name() -> None:
    sentence = refused(ACCOUNT | {"username": "é" * 237})
    assert "473 bytes" in sentence
    assert "provider" in sentence


def test_what_the_host_forbids_is_refused_with_the_remedy() -> None:
    assert "install the package msmtp" in refused(ACCOUNT, replace(FACTS, msmtp=None))
    assert "mailpanel.relay_ports" in refused(ACCOUNT, replace(FACTS, relay_ports=(465,)))
    assert "no server can have" in refused(ACCOUNT | {"server_hostname": "169.254.169.254"})
    planned(ACCOUNT, replace(FACTS, relay_allow=("relay.test",), relay_ports=(587,)))


def test_a_password_that_is_gone_is_asked_for() -> None:
    with pytest.raises(Refused, match="password"):
        SETTING.plan(VALUE, None, FACTS)


def test_no_secret_is_in_what_a_plan_shows_of_itself() -> None:
    for password in ("xyzzy-plugh", "xyzzy-plugh" * 50):
        assert "xyzzy" not in repr(planned(ACCOUNT | {"password": password}))


class TestValidate:
    """The rules between the fields."""

    @pytest.mark.parametrize("field", ACCOUNT)
    def test_all_four_are_required(self, field: str) -> None:
        given = {name: value for name, value in ACCOUNT.items() if name != field}
        assert wrong(given) == {field: "This field is required."}

    def test_all_is_told_at_once(self) -> None:
        assert set(wrong({})) == set(ACCOUNT)
        assert set(wrong({"password": "x\n", "security": "none", "z": 1})) == {
            "server_hostname",
            "server_port",
            "username",
            "password",
            "security",
            "z",
        }

    @pytest.mark.parametrize("security", ["none", "ssl", "", None, True])
    def test_there_is_no_account_without_tls(self, security: Any) -> None:
        assert list(wrong(ACCOUNT | {"security": security})) == ["security"]

    def test_the_stored_password_is_kept_for_the_same_server(self) -> None:
        value = VALUE | {"security": "tls"}
        stored = Stored(value, has_secret=True)
        assert SETTING.validate(dict(value), stored=stored) == value
        assert SETTING.keeps_secret(value, stored)

    @pytest.mark.parametrize(
        "change",
        [
            {"server_hostname": "other.test"},
            {"server_port": 465},
            {"username": "b@b.test"},
            {"security": "starttls"},
        ],
    )
    def test_for_another_server_it_is_asked_for_again(self, change: dict[str, Any]) -> None:
        stored = Stored(VALUE, has_secret=True)
        sentence = wrong(VALUE | change, stored)["password"]
        assert sentence.startswith("Type the password again")
        SETTING.validate(VALUE | change | {"password": "new"}, stored=stored)

    def test_one_that_is_no_longer_stored_is_required(self) -> None:
        stored = Stored(VALUE, has_secret=False)
        assert wrong(VALUE, stored) == {"password": "This field is required."}

    def test_a_row_is_believed_with_its_secret_alone(self) -> None:
        """Root checks the fields again; the password is never in the value."""
        assert SETTING.believed(VALUE, "s3cret") == VALUE
        for value, secret in ((VALUE, None), (VALUE, "a\nb"), (VALUE | {"server_port": True}, "s")):
            with pytest.raises(InvalidFields):
                SETTING.believed(value, secret)

    def test_there_is_nothing_to_read_and_nothing_waits(self) -> None:
        assert SETTING.read(FACTS) is None
        assert SETTING.milder(VALUE, None) is None


TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)
LINE = TEXT | st.text("\"'\\#$%` \t\n\r\x0b\x0c\x1c\x85\u2028é", min_size=1, max_size=12)
NAMES = ["host", "port", "from", "auth", "user", "tls", "tls_starttls", "tls_trust_file"]


@given(
    username=LINE,
    password=LINE | st.builds(lambda text, times: text * times, LINE, st.integers(20, 80)),
    hostname=st.sampled_from(["mail.test", "192.0.2.7", "2001:db8::1", "xn--bcher-kva.test"]),
    port=st.integers(1, 65535),
    security=st.sampled_from([{}, {"security": "tls"}, {"security": "starttls"}]),
)
@example(username="a", password="x\npassword y", hostname="mail.test", port=25, security={})
@example(username='u"\\', password='"#', hostname="mail.test", port=25, security={})
@settings(deadline=None, max_examples=300)
def test_whatever_is_valid_is_eleven_lines_and_no_other(
    username: str, password: str, hostname: str, port: int, security: dict[str, str]
) -> None:
    """No value adds a line, ends one, or makes one that msmtp cannot read."""
    given_ = {"server_hostname": hostname, "server_port": port, **security}
    try:
        plan = planned(given_ | {"username": username, "password": password})
    except InvalidFields:
        return
    except Refused:
        assert len(f"{username}{password}".encode()) > 3058
        return
    found = lines(plan)
    how = "passwordeval" if len(files(plan)) == 2 else "password"
    assert [line.split(" ")[0] for line in found] == [
        "account", *NAMES[:5], how, *NAMES[5:], "account"
    ]  # fmt: skip
    assert found[1:3] == [f"host {hostname}", f"port {port}"]
    assert found[5] == f'user "{username}"'
    if how == "password":
        assert found[6] == f'password "{password}"'
    else:
        assert files(plan)["/etc/mailpanel/msmtp-password"].content == f"{password}\n"
    text = files(plan)["/etc/msmtprc"].content
    # Only \n ends a line of a C program's; whatever Python takes for an end is not in it either.
    assert len(text.split("\n")) == 13
    assert not set(text) & set("\r\0\t\x0b\x0c")
    assert all(len(line.encode()) <= FATAL for line in text.split("\n"))
