"""The strict relay is strict: what tests/host proves, it proves against this."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailpanel.playground.certificates import Authority
from mailpanel.playground.relay import Login, StrictRelay

MESSAGE = b"Subject: hello\r\n\r\nHello.\r\n"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def trust(authority: Authority, tmp_path_factory) -> ssl.SSLContext:
    bundle: Path = authority.write_bundle(tmp_path_factory.mktemp("ca") / "ca.pem")
    return ssl.create_default_context(cafile=str(bundle))


@pytest.fixture
def relay(authority: Authority) -> Iterator[StrictRelay]:
    with StrictRelay(authority.issue("localhost"), accounts={"user": "secret"}) as relay:
        yield relay


@pytest.fixture
def client(relay: StrictRelay) -> Iterator[smtplib.SMTP]:
    # Under this name, since smtplib verifies the name it was given.
    with smtplib.SMTP("localhost", relay.port, timeout=60) as client:
        yield client


def test_a_message_is_remembered_with_its_account_and_tls(relay, client, trust) -> None:
    client.starttls(context=trust)
    client.login("user", "secret")
    client.sendmail("a@example.org", ["b@example.net"], MESSAGE)
    (message,) = relay.wait_for(1)
    assert (message.sender, message.recipients) == ("a@example.org", ("b@example.net",))
    assert message.content == MESSAGE
    assert (message.username, message.server_name) == ("user", "localhost")
    assert message.tls == "TLSv1.3"
    assert relay.logins == [Login("user", accepted=True, tls="TLSv1.3")]


def test_tls_from_the_start(authority, trust) -> None:
    relay = StrictRelay(
        authority.issue("localhost"), accounts={"user": "secret"}, implicit_tls=True
    )
    with relay, smtplib.SMTP_SSL("localhost", relay.port, timeout=60, context=trust) as client:
        client.login("user", "secret")
        client.sendmail("a@example.org", ["b@example.net"], MESSAGE)
        (message,) = relay.wait_for(1)
    assert (message.username, message.server_name) == ("user", "localhost")


def test_without_an_account_nothing_is_taken(relay, client, trust) -> None:
    client.starttls(context=trust)
    with pytest.raises(smtplib.SMTPSenderRefused) as refusal:
        client.sendmail("a@example.org", ["b@example.net"], MESSAGE)
    assert refusal.value.smtp_code == 530
    assert relay.messages == []


def test_without_tls_nothing_is_taken(relay, client) -> None:
    with pytest.raises(smtplib.SMTPSenderRefused) as refusal:
        client.sendmail("a@example.org", ["b@example.net"], MESSAGE)
    assert refusal.value.smtp_code == 530


def test_a_wrong_password_is_refused_and_remembered(relay, client, trust) -> None:
    client.starttls(context=trust)
    with pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
        client.login("user", "guess")
    assert refusal.value.smtp_code == 535
    assert not any(login.accepted for login in relay.logins)


def test_stripped_starttls_lures_and_notices_a_password_in_clear(relay) -> None:
    relay.strip_starttls()
    with smtplib.SMTP("localhost", relay.port, timeout=60) as client:
        client.ehlo()
        assert not client.has_extn("starttls")
        assert client.has_extn("auth")
        with pytest.raises(smtplib.SMTPException):
            client.login("user", "secret")
    assert set(relay.logins) == {Login(None, accepted=False, tls=None)}


def test_the_certificate_can_change(relay, authority, trust) -> None:
    relay.present(authority.issue("wrong.test"))
    with smtplib.SMTP("localhost", relay.port, timeout=60) as client:
        with pytest.raises(ssl.SSLCertVerificationError):
            client.starttls(context=trust)
        client.close()
    relay.present(authority.issue("localhost"))
    with smtplib.SMTP("localhost", relay.port, timeout=60) as client:
        client.starttls(context=trust)


def test_an_expired_certificate(authority, trust) -> None:
    with StrictRelay(authority.issue("localhost", expired=True)) as relay:
        client = smtplib.SMTP("localhost", relay.port, timeout=60)
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            client.starttls(context=trust)
        client.close()


def test_an_open_one_takes_all_and_offers_nothing() -> None:
    with StrictRelay() as relay, smtplib.SMTP("localhost", relay.port, timeout=60) as client:
        client.ehlo()
        assert not client.has_extn("starttls")
        assert not client.has_extn("auth")
        client.sendmail("a@example.org", ["b@example.net"], MESSAGE)
        (message,) = relay.wait_for(1)
    assert (message.username, message.tls) == (None, None)


def test_it_comes_back_on_the_same_port(relay) -> None:
    port = relay.port
    relay.stop()
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("localhost", port, timeout=60)
    relay.start()
    assert relay.port == port
    smtplib.SMTP("localhost", port, timeout=60).close()


def test_waiting_in_vain_says_how_far_it_got(relay) -> None:
    with pytest.raises(TimeoutError, match="0 of 1"):
        relay.wait_for(1, timeout=0.01)
