"""Each thing that can be wrong with a mailer is told in one sentence, with its remedy.

What is said of a relay, and that Postfix says the same, stands in ``tests/host/test_own_probe.py``.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from odd_relay import OddRelay, self_signed

from mailpanel.apply import probes, reaching
from mailpanel.apply.probes import try_smtp_login
from mailpanel.apply.steps import Steps
from mailpanel.errors import ProbeFailed
from mailpanel.host.testing import FakeHost
from mailpanel.playground.certificates import Authority
from mailpanel.settings.system_mailer import SystemMailer

USERNAME, PASSWORD = "noreply@example.net", "xyzzy-plugh: #17"
ME = "me@example.org"
CHECK_PORT = "Check the port: 465 is for TLS from the start, 587 for STARTTLS."
NOT_ACCEPTED = "The certificate of localhost is not accepted: "


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def ca_file(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority.write_bundle(tmp_path_factory.mktemp("ca") / "ca.pem")


@pytest.fixture
def start(authority: Authority) -> Iterator[Callable[..., int]]:
    """Start an odd server with the account; return its port."""
    with ExitStack() as stack:

        def start(**more: Any) -> int:
            given = {"address": "127.0.0.1", "username": USERNAME, "password": PASSWORD}
            certificate = more.pop("certificate", authority.issue("localhost"))
            return stack.enter_context(OddRelay(certificate, **given | more)).port

        yield start


@pytest.fixture
def said(ca_file: Path) -> Callable[..., str]:
    """Try a value as the courier does; return the sentence of how it fails, or of the last step."""

    def said(port: int, message_to: str = "", password: str = PASSWORD, **change: Any) -> str:
        value = {"server_hostname": "localhost", "server_port": port, "username": USERNAME}
        facts = replace(FakeHost().facts("msmtp"), ca_file=str(ca_file))
        login = SystemMailer().login(value | change, password, facts)
        steps = Steps()
        try:
            asyncio.run(try_smtp_login(replace(login, message_to=message_to), steps))
            sentence = steps.taken[-1].says
        except ProbeFailed as error:
            sentence = str(error)
        assert password not in sentence
        return sentence

    return said


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for longer than a moment."""
    for each in (probes, reaching):
        monkeypatch.setattr(each, "TIMEOUT", 0.4)


def test_a_name_that_is_none(said) -> None:
    assert said(587, server_hostname="no.invalid") == (
        "The name no.invalid cannot be resolved. Check its spelling, and this host's DNS."
    )


def test_a_connection_that_is_refused(said) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        assert said(port, server_hostname="127.0.0.1") == (
            f"127.0.0.1, port {port}, cannot be reached: the connection is refused. Check name "
            "and port."
        )


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("port", "told"),
    [
        (587, "Check name and port, and the firewalls between."),
        (25, "Many networks block outgoing port 25; use the provider's port 587 or 465."),
    ],
)
def test_a_port_that_swallows(said, monkeypatch, port: int, told: str) -> None:
    """As a firewall does that drops what comes."""

    async def never(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", never)
    assert said(port) == f"localhost, port {port}, cannot be reached: it does not answer. {told}"


def test_plain_smtp_where_tls_is_expected(start, said) -> None:
    port = start(certificate=None)
    assert said(port, security="tls") == (
        f"localhost, port {port}, does not speak TLS from the start. {CHECK_PORT}"
    )


@pytest.mark.usefixtures("impatient")
def test_tls_from_the_start_where_starttls_is_expected(start, said) -> None:
    port = start(implicit_tls=True)
    assert said(port) == (
        f"localhost, port {port}, does not speak SMTP; it may want TLS from the start. {CHECK_PORT}"
    )


CERTIFICATES: dict[str, Callable[[Authority], Any]] = {
    "it has expired. Its provider has to renew it; if it is none of today's, check this host's "
    "clock.": lambda authority: authority.issue("localhost", expired=True),
    "it is self-signed. Have one issued by a CA, or set mailpanel.ca_file to a file that holds "
    "this one too.": lambda _: self_signed("localhost"),
    "it is for another name. Use the name that the certificate is for.": lambda authority: (
        authority.issue("wrong.test")
    ),
    "nobody here knows who issued it. Set mailpanel.ca_file to the CA that issued it.": lambda _: (
        Authority().issue("localhost")
    ),
}


@pytest.mark.parametrize("told", CERTIFICATES)
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate(start, said, authority, told: str, security: str) -> None:
    port = start(certificate=CERTIFICATES[told](authority), implicit_tls=security == "tls")
    assert said(port, security=security) == f"{NOT_ACCEPTED}{told}"


def test_no_starttls(start, said) -> None:
    port = start(certificate=None)
    assert said(port) == (
        f"localhost, port {port}, offers no STARTTLS, so the account would travel in clear. Use "
        "the provider's port for STARTTLS (587) or TLS (465)."
    )


def test_no_mechanism_in_common(start, said) -> None:
    assert said(start(mechanisms=("XOAUTH2", "GSSAPI"))) == (
        "The server and mailpanel have no way to log in in common: it offers GSSAPI, XOAUTH2, "
        "system e-mails can use CRAM-MD5, LOGIN, PLAIN. Ask your provider for one of these."
    )


def test_a_wrong_password(start, said) -> None:
    assert said(start(password="another")) == (
        "The relay accepts the connection but refuses the password (535 5.7.8 wrong). Check the "
        "account at your provider; some want an app password."
    )


def test_an_account_that_is_locked(start, said) -> None:
    assert said(start(replies={"AUTH": "535 5.7.8 Account locked"})) == (
        "The relay says that the account, or logging in with it, is locked or disabled (535 5.7.8 "
        "Account locked). Have that changed at your provider before you try again."
    )


def test_a_sender_that_is_not_allowed(start, said) -> None:
    assert said(start(replies={"MAIL": "553 5.7.1 not yours"}), ME) == (
        "The server does not take mail from the sender noreply@example.net (553 5.7.1 not yours). "
        "Ask its provider to allow that address, or use an account whose name is an allowed one."
    )


def test_a_server_that_greylists(start, said) -> None:
    assert said(start(replies={"RCPT": "450 4.7.1 Greylisted"}), ME) == (
        "The server does not take the message now (450 4.7.1 Greylisted), as one that greylists "
        "does. Nothing was sent."
    )


def test_a_connection_that_breaks_while_the_message_is_taken(start, said) -> None:
    assert said(start(replies={"DATA": "garbage"}), ME) == (
        "The server broke off while it took the message. It may arrive all the same, or not."
    )


def test_a_reply_that_repeats_the_password(start, said) -> None:
    assert "(554)" in said(start(replies={"DATA": f"554 not {PASSWORD}"}), ME)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("password", [PASSWORD, "pässwörd ☃ \U0001f511", "\": # $ \\ % ' `"])
def test_every_password_by_every_mechanism(start, said, mechanism: str, password: str) -> None:
    """And the message that follows the log-in is taken."""
    port = start(mechanisms=(mechanism,), password=password)
    assert said(port, password=password) == f"The relay accepts the account ({mechanism})."
    assert said(port, ME, password=password) == (
        f"The server has taken a message to {ME} (250 2.0.0 taken)."
    )


def test_a_plugin_that_postfix_lacks_for_a_relay(start, ca_file) -> None:
    """Of the relay alone: mailpanel's own client needs none."""
    facts = replace(FakeHost().facts("msmtp"), ca_file=str(ca_file))
    port = start(mechanisms=("CRAM-MD5",))
    value = {"server_hostname": "localhost", "server_port": port, "username": USERNAME}
    login = SystemMailer().login(value, PASSWORD, facts)
    of_relay = replace(login, decides=False, mechanisms=("LOGIN", "PLAIN"))
    with pytest.raises(ProbeFailed) as caught:
        asyncio.run(try_smtp_login(of_relay, Steps()))
    assert str(caught.value) == (
        "The relay and this host have no way to log in in common: it offers CRAM-MD5, and Postfix "
        "here lacks the plugin. Install the package libsasl2-modules."
    )
