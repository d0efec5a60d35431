"""Every deployment option, one by one: its default, its two sources, and its bad values."""

from __future__ import annotations

import dataclasses
import socket

import pytest

from mailpanel.deployment import OPTIONS, Deployment, load, place_of
from mailpanel.errors import DeploymentError

# For each attribute: a text, what it means, and texts that are refused.
EXAMPLES = {
    "database_url": ("postgresql+psycopg://u:p%25@h/d", "postgresql+psycopg://u:p%25@h/d", []),
    "state_directory": ("/srv/../srv/state/", "/srv/state", ["relative", "./x"]),
    "run_directory": ("/srv/run", "/srv/run", ["run"]),
    "host_name": ("mx1.example.net", "mx1.example.net", []),
    "postfix_config_directory": ("/etc/postfix-out", "/etc/postfix-out", ["~/postfix"]),
    "dovecot_config_file": ("/etc/d.conf", "/etc/d.conf", ["d.conf"]),
    "msmtp_config_file": ("/etc/m", "/etc/m", ["m"]),
    "ca_file": ("/etc/ca.pem", "/etc/ca.pem", ["ca.pem"]),
    # It stands in a line of a passwd-file, behind the separator.
    "master_user": ("chief", "chief", ["a:b", "a b", "a*b", "a\nb", "ü", "%u", "x" * 65]),
    "master_enabled": ("No", False, ["maybe", "2", "nein"]),
    "master_allow_nets": (
        "10.0.0.0/8, 2001:db8::/32 192.0.2.7",
        ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"),
        ["10.0.0.1/8", "example.net", "10.0.0.0/33"],
    ),
    # As DNS compares them, and as a hostname is stored.
    "relay_allow": ("A.test., b.test", ("a.test", "b.test"), []),
    "relay_ports": ("587 465", (587, 465), ["0", "65536", "smtp", "-1", "5.0", "²"]),
    "alert_address": ("a@b.test", "a@b.test", ["a", "a b@c.test", "a@b.test, c@d.test"]),
    "user": ("panel", "panel", []),
    "mail_store": ("north", "north", []),
    "clearing_time": ("23:59", "23:59", ["24:00", "3:30", "03:60", "noon", "Never", "03:30:00"]),
    "clearing_grace": ("0.5", 0.5, ["-1", "1d", "1e3", ".", "nan", "inf", "1.2.3"]),
    "msmtp_group": ("msmtp", "msmtp", []),
    "rate_limit": ("10", 10.0, ["many", "-0.1"]),
    # As the kernel writes the address of the peer, which it is compared with.
    "trusted_proxy": (
        "2001:DB8:0::1",
        "2001:db8::1",
        ["*", "proxy.test", "10.0.0.0/8", "10.0.0.1 10.0.0.2"],
    ),
    "allowed_hosts": (
        "Panel.example.net. 192.0.2.1, [2001:DB8::1]",
        ("panel.example.net", "192.0.2.1", "2001:db8::1"),
        ["https://panel.test", "panel.test:443", "[::1]:80", "*.panel.test", "*"],
    ),
    "require_second_factor": ("yes", True, ["perhaps", "2"]),
    "password_words": ("Example, northwind", ("example", "northwind"), []),
    "leaked_passwords": ("/srv/leaked.txt", "/srv/leaked.txt", ["leaked.txt"]),
    "check_interval": ("5", 5.0, ["0", "0.0", "-5", "soon"]),
    "reload_interval": ("0.5", 0.5, ["-1", "soon"]),
}
DEFAULTS = {
    "state_directory": "/var/lib/mailpanel",
    "run_directory": "/run/mailpanel",
    "host_name": socket.getfqdn(),
    "database_url": "sqlite:////var/lib/mailpanel/database/mailpanel.sqlite",
    "postfix_config_directory": "/etc/postfix",
    "dovecot_config_file": "/etc/dovecot/dovecot.conf",
    "msmtp_config_file": "/etc/msmtprc",
    "ca_file": "/etc/ssl/certs/ca-certificates.crt",
    "master_user": "master",
    "master_enabled": True,
    "master_allow_nets": (),
    # As DNS compares them, and as a hostname is stored.
    "relay_allow": (),
    "relay_ports": (),
    "alert_address": "",
    "user": "mailpanel",
    "mail_store": socket.getfqdn(),
    "clearing_time": "03:30",
    "clearing_grace": 86400.0,
    "msmtp_group": "mail",
    "rate_limit": 0.0,
    "trusted_proxy": "",
    "allowed_hosts": (),
    "require_second_factor": False,
    "password_words": (),
    "leaked_passwords": "",
    "check_interval": 60.0,
    "reload_interval": 2.0,
}
BY_ATTRIBUTE = {option.attribute: option for option in OPTIONS}
BAD = [(name, text) for name, (_, _, texts) in EXAMPLES.items() for text in texts]


def test_options_and_deployment_name_the_same() -> None:
    fields = [field.name for field in dataclasses.fields(Deployment)]
    assert [option.attribute for option in OPTIONS] == fields
    assert sorted(EXAMPLES) == sorted(DEFAULTS) == sorted(fields)
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)
    assert len({option.environment for option in OPTIONS}) == len(OPTIONS)


@pytest.mark.parametrize("attribute", DEFAULTS)
def test_the_default_counts_where_nothing_is_said(attribute: str) -> None:
    """An empty value says nothing, too."""
    assert getattr(load({}, {}), attribute) == DEFAULTS[attribute]
    assert getattr(load({BY_ATTRIBUTE[attribute].name: " "}, {}), attribute) == DEFAULTS[attribute]


@pytest.mark.parametrize("attribute", EXAMPLES)
def test_the_ini_counts_and_the_environment_wins(attribute: str) -> None:
    option, (text, value, _) = BY_ATTRIBUTE[attribute], EXAMPLES[attribute]
    assert getattr(load({option.name: f" {text} "}, {}), attribute) == value
    assert getattr(load({}, {option.environment: text}), attribute) == value
    assert getattr(
        load({option.name: "no such/value:"}, {option.environment: text}), attribute
    ) == (value)


@pytest.mark.parametrize(("attribute", "text"), BAD)
def test_a_bad_value_names_its_option(attribute: str, text: str) -> None:
    """By the name under which it was given."""
    option = BY_ATTRIBUTE[attribute]
    with pytest.raises(DeploymentError) as caught:
        load({option.name: text}, {})
    assert str(caught.value).startswith(f"{option.name}: ")
    with pytest.raises(DeploymentError, match=f"^{option.environment}: "):
        load({option.name: option.default}, {option.environment: text})


def test_the_environment_variables_are_those_of_the_documentation() -> None:
    names = {option.name: option.environment for option in OPTIONS}
    assert names["sqlalchemy.url"] == "MAILPANEL_DATABASE_URL"
    assert names["mailpanel.postfix_config_directory"] == "MAILPANEL_POSTFIX_CONFIG_DIRECTORY"


def test_other_programs_options_are_none_of_ours() -> None:
    load({"use": "egg:mailpanel", "pyramid.includes": "x"}, {"MAILPANEL_CONFIG": "x", "HOME": "/"})


def test_unknown_option_is_named() -> None:
    with pytest.raises(DeploymentError, match=r"mailpanel\.usr: there is no such option"):
        load({"mailpanel.usr": "x"}, {})


def test_an_option_is_mended_where_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILPANEL_USER", raising=False)
    assert place_of("mailpanel.user") == "mailpanel.user"
    monkeypatch.setenv("MAILPANEL_USER", "x")
    assert place_of("mailpanel.user") == "MAILPANEL_USER"
