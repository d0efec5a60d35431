"""A probe tells one sentence about the step that failed, whatever stands at the other end."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailpanel.apply import probes
from mailpanel.apply.own_ports import MOST_PORTS, OwnPorts
from mailpanel.apply.probes import require_server, try_smtp_login
from mailpanel.apply.steps import Steps
from mailpanel.errors import ProbeFailed
from mailpanel.plan import SmtpLogin
from mailpanel.playground.certificates import Authority
from mailpanel.playground.relay import StrictRelay

USERNAME, PASSWORD = "relay-user", "Xyzzy: # a password"
Dialogue = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def ca_file(authority: Authority, tmp_path_factory) -> Path:
    return authority.write_bundle(tmp_path_factory.mktemp("ca") / "ca.pem")


@pytest.fixture
def login(ca_file: Path) -> Callable[..., SmtpLogin]:
    """Make a probe of localhost with the account, unless it is told otherwise."""

    def make(port: int, **change: Any) -> SmtpLogin:
        fields: dict[str, Any] = {
            "hostname": "localhost",
            "port": port,
            "tls": "starttls",
            "verify": True,
            "username": USERNAME,
            "password": PASSWORD,
            "ca_file": str(ca_file),
            "ca_path": "",
            "mechanisms": ("LOGIN", "PLAIN"),
            "helo": "me.test",
        }
        return SmtpLogin(**fields | change)

    return make


@pytest.fixture(scope="module")
def relay(authority: Authority) -> Iterator[StrictRelay]:
    with StrictRelay(authority.issue("localhost"), accounts={USERNAME: PASSWORD}) as relay:
        yield relay


@pytest.fixture(scope="module")
def tls_relay(authority: Authority) -> Iterator[StrictRelay]:
    relay = StrictRelay(
        authority.issue("localhost"), accounts={USERNAME: PASSWORD}, implicit_tls=True
    )
    with relay:
        yield relay


def test_of_many_names_it_says_how_many_it_does_not_tell(
    authority: Authority, login: Callable[..., SmtpLogin]
) -> None:
    """A name that is not among the first five may be there all the same."""
    others = [f"mx{number}.test" for number in range(1, 7)]
    with StrictRelay(
        authority.issue("localhost", *others), accounts={USERNAME: PASSWORD}
    ) as server:
        steps = Steps()
        asyncio.run(try_smtp_login(login(server.port), steps))
    (tls,) = (step.says for step in steps.taken if step.name == "tls")
    names = tls.partition("certificate for ")[2].partition(", issued by")[0]
    assert names.endswith(" and 2 more")
    assert len(names.removesuffix(" and 2 more").split(", ")) == 5


async def let_transports_close() -> None:
    """Let the loop come round: in the courier it always does."""
    await asyncio.sleep(0.01)


def attempt(probe: SmtpLogin) -> ProbeFailed | None:
    """Return how *probe* failed, ``None`` where it did not; a sentence without any secret."""

    async def run() -> None:
        try:
            await try_smtp_login(probe, Steps())
        finally:
            await let_transports_close()

    try:
        asyncio.run(run())
    except ProbeFailed as error:
        text = str(error)
        assert text.isprintable()
        assert len(text) < 600
        assert probe.password is None or probe.password not in text
        return error
    return None


def failure(probe: SmtpLogin) -> str:
    error = attempt(probe)
    assert error is not None, "it must fail"
    assert error.temporary, "only a refused account is for good"
    return str(error)


def against(
    dialogue: Dialogue, probe: Callable[[int], SmtpLogin], tls: ssl.SSLContext | None = None
) -> ProbeFailed | None:
    """Return how the probe of a server failed that speaks as *dialogue* does."""

    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await dialogue(reader, writer)

    async def run() -> ProbeFailed | None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        try:
            await try_smtp_login(probe(server.sockets[0].getsockname()[1]), Steps())
        except ProbeFailed as error:
            return error
        finally:
            server.close()
            for writer in writers:
                writer.transport.abort()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await let_transports_close()
        return None

    error = asyncio.run(run())
    assert str(error).isprintable()
    return error


def script(*replies: bytes) -> Dialogue:
    """Send the first of *replies* at once, and another for each line that comes; then close."""

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for number, reply in enumerate(replies):
                if number:
                    await reader.readline()
                writer.write(reply)
                await writer.drain()
            await reader.readline()
        except OSError:
            pass
        finally:
            writer.close()

    return dialogue


@pytest.fixture(scope="module")
def server_tls(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue("localhost").load_into(context)
    return context


EHLO = b"250-relay.test\r\n250 AUTH PLAIN LOGIN\r\n"
GREETING = b"220 relay.test ESMTP\r\n"


@pytest.fixture
def answering(login, server_tls) -> Callable[..., ProbeFailed | None]:
    """Probe a server with TLS that greets, answers EHLO, and then says what a test wants."""

    def probe(*replies: bytes, ehlo: bytes = EHLO, **change: Any) -> ProbeFailed | None:
        return against(
            script(GREETING, ehlo, *replies),
            lambda port: login(port, **{"tls": "tls"} | change),
            server_tls,
        )

    return probe


def test_a_good_account_over_starttls(relay, login) -> None:
    relay.forget()
    assert attempt(login(relay.port)) is None
    (seen,) = relay.logins
    assert (seen.username, seen.accepted) == (USERNAME, True)
    assert relay.messages == []


def test_a_good_account_over_tls_from_the_start(tls_relay, login) -> None:
    assert attempt(login(tls_relay.port, tls="tls")) is None


@pytest.mark.parametrize("mechanisms", [("PLAIN",), ("LOGIN",), ("LOGIN", "PLAIN")])
def test_each_mechanism_that_postfix_could_use(relay, login, mechanisms) -> None:
    assert attempt(login(relay.port, mechanisms=mechanisms)) is None


def test_a_server_that_offers_login_alone(answering) -> None:
    ehlo = b"250-relay.test\r\n250 AUTH LOGIN\r\n"
    said = b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"235 ok\r\n"
    assert answering(*said, ehlo=ehlo) is None


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ü@example.net", "pässwörd ☃ \U0001f511"),
        ("u", "\U0001f511" * 1024),
        ("u" * 255, "x" * 1024),
        ("u", "\": # $ \\ % ' `"),
    ],
    ids=["UTF-8", "4096 bytes", "longest", "signs"],
)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_any_account_that_a_provider_may_hand_out(
    relay, login, username: str, password: str, mechanism: str
) -> None:
    relay.accounts[username] = password
    probe = login(relay.port, username=username, password=password, mechanisms=(mechanism,))
    assert attempt(probe) is None


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_a_wrong_password_is_for_good(relay, login, mechanism: str) -> None:
    error = attempt(login(relay.port, password="wrong-one", mechanisms=(mechanism,)))
    assert "refuses the password (535" in str(error)
    assert not error.temporary


@pytest.mark.parametrize("reply", [b"454 4.7.0 busy\r\n", b"421 4.3.2 later\r\n", b"451 x\r\n"])
def test_a_temporary_refusal_is_temporary(answering, reply: bytes) -> None:
    error = answering(reply)
    assert error.temporary
    assert reply[:3].decode() in str(error)


@pytest.mark.parametrize(
    "reply", [b"500 what\r\n", b"504 5.5.4 no\r\n", b"530 x\r\n", b"538 x\r\n"]
)
def test_a_refused_mechanism_is_no_refused_password(answering, reply: bytes) -> None:
    """The account was not even looked at: trying again does no harm (RFC 4954, 4.5.3.2)."""
    error = answering(reply)
    assert error.temporary
    assert "refuses the password" not in str(error)


@pytest.mark.parametrize("code", [b"535 5.7.8", b"534 5.7.9", b"550 5.7.1"])
def test_a_refused_account_is_for_good(answering, code: bytes) -> None:
    error = answering(code + b" no\r\n")
    assert not error.temporary
    assert f"({code.decode()} no)" in str(error)


@pytest.mark.parametrize(
    "reply", [b"garbage from another world\r\n", b"\xff\xfe\r\n", b"", b"250 ok\r\n", b"334 x\r\n"]
)
def test_an_answer_that_is_none_is_not_repeated(answering, reply: bytes, monkeypatch) -> None:
    """In place of the answer to AUTH; it is no refused password either."""
    monkeypatch.setattr(probes, "TIMEOUT", 0.3)
    error = answering(reply)
    assert error.temporary
    assert "another world" not in str(error)


def test_no_mechanism_in_common(answering, login, relay) -> None:
    text = str(answering(ehlo=b"250-x\r\n250 AUTH GSSAPI NTLM\r\n"))
    assert "GSSAPI, NTLM" in text
    assert "LOGIN, PLAIN" in text
    assert "offers none" in str(answering(ehlo=b"250 x\r\n"))


def test_no_starttls_means_no_login(login) -> None:
    error = against(script(GREETING, EHLO), login)
    assert "offers no STARTTLS" in str(error)
    assert error.temporary


def test_stripped_starttls_sees_no_login(relay, login) -> None:
    relay.forget()
    relay.strip_starttls()
    try:
        assert "offers no STARTTLS" in failure(login(relay.port))
    finally:
        relay.strip_starttls(False)
    assert relay.logins == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("harm", ["wrong name", "expired", "untrusted"])
def test_a_certificate_that_is_not_accepted(
    authority: Authority, login, tmp_path: Path, tls: str, harm: str
) -> None:
    certificate = authority.issue(
        "other.test" if harm == "wrong name" else "localhost", expired=harm == "expired"
    )
    other_ca = Authority().write_bundle(tmp_path / "ca.pem")
    change = {"ca_file": str(other_ca)} if harm == "untrusted" else {}
    relay = StrictRelay(certificate, accounts={USERNAME: PASSWORD}, implicit_tls=tls == "tls")
    with relay:
        text = failure(login(relay.port, tls=tls, **change))
        assert "certificate of localhost is not accepted" in text
        assert relay.logins == []
        # Without an account nothing is verified, and it comes to light that it wants one.
        nobody = {"verify": False, "username": None, "password": None}
        error = attempt(login(relay.port, tls=tls, **nobody, **change))
        assert "wants an account (530" in str(error)
        assert error is not None
        assert not error.temporary


def test_an_address_is_verified_by_its_own_name(authority: Authority, login) -> None:
    with StrictRelay(authority.issue("127.0.0.1"), accounts={USERNAME: PASSWORD}) as relay:
        assert attempt(login(relay.port, hostname="127.0.0.1")) is None
        assert "not accepted" in failure(login(relay.port))


def test_ipv6(authority: Authority, login) -> None:
    certificate = authority.issue("::1")
    with StrictRelay(certificate, accounts={USERNAME: PASSWORD}, address="::1") as relay:
        assert attempt(login(relay.port, hostname="::1")) is None


def test_the_second_address_is_tried(relay, login, monkeypatch) -> None:
    """localhost is often ::1 first, where nobody listens."""

    async def both(probe: SmtpLogin) -> list[tuple[int, str]]:
        return [(socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")]

    monkeypatch.setattr(probes, "resolve", both)
    assert attempt(login(relay.port)) is None


def test_plain_smtp_on_the_port_for_tls(relay, login) -> None:
    assert "does not speak TLS" in failure(login(relay.port, tls="tls"))


def test_tls_on_the_port_for_starttls(tls_relay, login, monkeypatch) -> None:
    monkeypatch.setattr(probes, "TIMEOUT", 0.3)
    assert "does not speak SMTP" in failure(login(tls_relay.port))


def test_an_open_relay(login) -> None:
    nobody = {"username": None, "password": None, "verify": False}
    with StrictRelay() as relay:
        assert attempt(login(relay.port, tls="may", **nobody)) is None
        assert attempt(login(relay.port, tls="none", **nobody)) is None
        assert "offers no STARTTLS" in failure(login(relay.port, **nobody))


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("replies", [(), (GREETING,), (GREETING, EHLO)])
def test_a_server_that_falls_silent(login, monkeypatch, tls: str, replies) -> None:
    monkeypatch.setattr(probes, "TIMEOUT", 0.2)
    monkeypatch.setattr(probes, "LONGEST", 2.0)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            writer.write(reply)
            await reader.readline()
        while await reader.read(100):
            pass
        writer.close()

    began = time.monotonic()
    error = against(silent, lambda port: login(port, tls=tls))
    assert error is not None
    assert error.temporary
    assert time.monotonic() - began < 30


def test_a_server_that_drips_is_given_up(login, monkeypatch) -> None:
    """A reply without end, each line in time: the whole has a limit too."""
    monkeypatch.setattr(probes, "LONGEST", 0.5)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"220-wait\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        except OSError:
            writer.close()

    began = time.monotonic()
    assert against(drip, login) is not None
    assert time.monotonic() - began < 30


def test_a_server_that_floods_is_given_up(login) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        except OSError:
            writer.close()

    assert "does not speak SMTP" in str(against(flood, login))


def test_nobody_listens(login) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        text = failure(login(free.getsockname()[1], hostname="127.0.0.1"))
    assert "connection is refused" in text


def test_a_name_that_does_not_exist(login) -> None:
    assert "cannot be resolved" in failure(login(25, hostname="no-such-name.invalid"))


@pytest.mark.parametrize("hostname", ["a" * 64 + ".test", "xn--", "a..b"])
def test_a_name_that_cannot_exist(login, hostname: str) -> None:
    assert attempt(login(25, hostname=hostname)) is not None


NEVER = [
    "169.254.169.254",
    "fe80::1",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "::",
    "100.100.100.200",
    "fd00:ec2::254",
    "255.255.255.255",
    # The same, in the forms in which IPv6 carries IPv4 (RFC 4291, 6052, 3056).
    "::ffff:169.254.169.254",
    "::ffff:224.0.0.1",
    "::ffff:0.0.0.0",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
]


@pytest.mark.parametrize("address", NEVER)
def test_an_address_that_no_relay_has_is_not_even_tried(login, address: str, monkeypatch) -> None:
    def no_socket(*_: object) -> None:
        pytest.fail("nothing may be connected to")

    monkeypatch.setattr(probes, "open_connection", no_socket)
    error = attempt(login(25, hostname=address))
    assert "no server can have" in str(error)
    assert not error.temporary, "nothing is to be gained by trying on"


def test_one_such_address_among_others_is_enough(login, monkeypatch) -> None:
    """Postfix may take that one; nor may a name that is only looked at."""

    async def both(probe: SmtpLogin) -> list[tuple[int, str]]:
        return [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "169.254.169.254")]

    monkeypatch.setattr(probes, "resolve", both)
    assert "no server can have" in str(attempt(login(25)))
    with pytest.raises(ProbeFailed, match="no server can have"):
        asyncio.run(require_server(login(25), OwnPorts()))


def test_what_cannot_be_resolved_here_may_be_a_server(login) -> None:
    """Postfix has ways of its own."""
    asyncio.run(require_server(login(25, hostname="no-such-name.invalid"), OwnPorts()))


def test_this_hosts_own_ports_cannot_be_gone_through(login, monkeypatch) -> None:
    """One by one, from far away; those of a relay are tried again as often as one likes."""
    own = OwnPorts(["relay.test"])
    for port in (*range(MOST_PORTS), 0):
        asyncio.run(require_server(login(port), own))
    with pytest.raises(ProbeFailed, match="too many of its ports"):
        asyncio.run(require_server(login(MOST_PORTS), own))
    assert own.allow("relay.test", ["127.0.0.1"], MOST_PORTS), "root has named it"
    assert own.allow("other.test", ["192.0.2.1"], MOST_PORTS), "another host's are not ours"
    monkeypatch.setattr("mailpanel.apply.own_ports.WINDOW", 0.0)
    asyncio.run(require_server(login(MOST_PORTS), own))


@pytest.mark.parametrize("tls", ["starttls", "none"])
def test_what_is_not_smtp_is_not_repeated(login, tls: str, monkeypatch) -> None:
    """Else the probe would read a web server inside the network for whoever asks."""
    monkeypatch.setattr(probes, "TIMEOUT", 0.3)
    http = b"HTTP/1.1 400 Bad Request\r\nServer: inner secret\r\n\r\n<html>inner secret</html>\r\n"
    for replies in ((http,), (GREETING, http), (b"+OK inner secret\r\n",), (b"inner secret",)):
        error = against(script(*replies), lambda port: login(port, tls=tls))
        assert error is not None
        assert "secret" not in str(error)
        assert "HTTP" not in str(error)
        assert error.temporary


@pytest.mark.parametrize(
    "text", [b"\x1b[31m red \x07\x00", b"x" * 500, b"a\r\n535 b", b"\xff\xfe", "ü\u202e".encode()]
)
def test_a_reply_becomes_one_printable_line(answering, text: bytes) -> None:
    error = answering(b"535-" + text + b"\r\n535 end\r\n")
    assert str(error).isprintable()
    assert "\x1b" not in str(error)
    assert len(str(error)) < 400


def test_a_relay_that_turns_everybody_away(login) -> None:
    error = against(script(b"554 5.7.1 you are on a list\r\n"), login)
    assert "554 5.7.1 you are on a list" in str(error)
    assert error.temporary


def test_ehlo_refused(login) -> None:
    assert "550 no" in str(against(script(GREETING, b"550 no\r\n"), login))


def test_of_a_ca_file_that_is_missing_the_option_is_named(relay, login) -> None:
    """Not its path: answers of the API show no path of the host."""
    error = failure(login(relay.port, ca_file="/no/such/file"))
    assert "mailpanel.ca_file" in error
    assert "/no/such" not in error


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_a_ca_file_that_is_missing_leaves_no_connection_open(tls_relay, login, monkeypatch) -> None:
    opened = []
    real = probes.open_connection

    async def noted(*given: Any) -> Any:
        opened.append(await real(*given))
        return opened[-1]

    monkeypatch.setattr(probes, "open_connection", noted)
    assert "mailpanel.ca_file" in failure(login(tls_relay.port, tls="tls", ca_file="/no/such"))
    ((sock, address),) = opened
    assert sock.fileno() < 0
    assert address in ("127.0.0.1", "::1")


def test_a_server_that_hangs_up_at_once_is_a_failed_probe(login) -> None:
    """Who was at the other end cannot be asked any more then."""

    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            for _ in range(20):
                connection, _peer = server.accept()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        for _ in range(20):
            assert failure(login(server.getsockname()[1], hostname="127.0.0.1"))
        thread.join()


@pytest.mark.parametrize("helo", ["$myhostname", "a b", "é", "a\x7f", ""])
def test_a_name_that_cannot_be_said_in_ehlo_is_not(login, helo: str) -> None:
    """SMTP takes no other; what Postfix would say is not known here then."""
    said = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        said.append(await reader.readline())
        writer.close()

    against(listen, lambda port: login(port, helo=helo))
    assert said == [b"EHLO localhost\r\n"]


@pytest.mark.parametrize("size", [b"9" * 5000, "\u0665".encode(), b"", b"-1"])
def test_a_size_that_is_none_is_none(answering, size: bytes) -> None:
    """A number so long that Python makes none of it would end the courier."""
    ehlo = b"250-relay.test\r\n250-SIZE %b\r\n250 AUTH PLAIN LOGIN\r\n" % size
    assert answering(b"235 ok\r\n", ehlo=ehlo, mechanisms=("PLAIN",), largest=10_240_000) is None


LINES = st.sampled_from(
    [
        b"220 x\r\n",
        b"250-x\r\n",
        b"250 AUTH PLAIN LOGIN CRAM-MD5\r\n",
        b"250 STARTTLS\r\n",
        b"334 !!!\r\n",
        b"334 eA==\r\n",
        b"235 ok\r\n",
        b"535 no\r\n",
        b"421 bye\r\n",
        b"999 x\r\n",
        b"-12 x\r\n",
        b"\r\n",
        b"\xff\r\n",
        b"250",
    ]
)


@given(
    st.lists(LINES | st.binary(max_size=12), max_size=6),
    st.sampled_from([("PLAIN",), ("LOGIN",), ("CRAM-MD5",)]),
)
@settings(deadline=None, max_examples=25)
@example([b"220 x\r\n", b"250 AUTH CRAM-MD5\r\n", b"334 !!!\r\n"], ("CRAM-MD5",))
@example([b"220 x\r\n", b"250 AUTH CRAM-MD5\r\n", b"334 eA==\r\n", b"x\r\n"], ("CRAM-MD5",))
def test_whatever_it_says_the_courier_lives(replies: list[bytes], mechanisms) -> None:
    """ProbeFailed or success; never another exception, which would end the process."""
    old = probes.TIMEOUT
    probes.TIMEOUT = 0.05
    try:
        against(
            script(*replies),
            lambda port: SmtpLogin(
                "127.0.0.1", port, "none", False, "u", "p", "", "", mechanisms, "me.test"
            ),
        )
    finally:
        probes.TIMEOUT = old
