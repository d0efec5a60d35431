"""Deployment options: one list with name, environment variable, type and default.

They come from ``[app:main]`` of the ini, or from the environment, which wins.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mailpanel.errors import DeploymentError

__all__ = ["DEFAULT_CONFIG", "OPTIONS", "Deployment", "Option", "load", "place_of"]

DEFAULT_CONFIG = "/etc/mailpanel/mailpanel.ini"


_MAIL_ADDRESS = re.compile(r"[A-Za-z0-9._+][A-Za-z0-9._+-]*@[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Option:
    """One deployment option.

    ``name`` is its key in the ini, ``parse`` turns its text into its value and
    raises :class:`ValueError` with the remedy, ``default`` is text too.
    """

    name: str
    attribute: str
    parse: Callable[[str], Any]
    default: str
    help: str

    @property
    def environment(self) -> str:
        """Return the name of the environment variable that overrides the ini."""
        if self.name == "sqlalchemy.url":
            return "MAILPANEL_DATABASE_URL"
        return self.name.replace(".", "_").upper()


def _text(text: str) -> str:
    return text


def _login_name(text: str) -> str:
    # A part of a line of Dovecot's passwd-file; and of auth_username_chars, by default.
    if not re.fullmatch(r"[A-Za-z0-9._@-]{1,64}", text):
        raise ValueError("give a name of letters, digits and . _ @ -, at most 64 of them")
    return text


def _directory(text: str) -> str:
    if not Path(text).is_absolute():
        raise ValueError("give an absolute path (in an ini, %(here)s stands for its directory)")
    return os.path.normpath(text)


def _file_or_none(text: str) -> str:
    return _directory(text) if text else ""


def _boolean(text: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    if text.lower() not in words:
        raise ValueError("write true or false")
    return words[text.lower()]


def _seconds(text: str) -> float:
    seconds = float(text) if text.replace(".", "", 1).isdecimal() else -1.0
    if seconds < 0:
        raise ValueError("give a number of seconds, 0 or more")
    return seconds


def _interval(text: str) -> float:
    if _seconds(text) == 0:
        raise ValueError("give a number of seconds above 0")
    return _seconds(text)


def _time_of_day(text: str) -> str:
    if text != "never" and not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError("give a time of day like 03:30, or never")
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _lower_names(text: str) -> tuple[str, ...]:
    return tuple(name.casefold() for name in _names(text))


def _server_names(text: str) -> tuple[str, ...]:
    # In the form in which a setting's hostname is stored.
    return tuple(name.lower().removesuffix(".") for name in _names(text))


def _host_names(text: str) -> tuple[str, ...]:
    # As mailpanel.protection compares them: an IPv6 address without its brackets.
    names = tuple(name.strip("[]") for name in _server_names(text))
    try:
        for name in names:
            if set(name) & set(":/@*"):
                ipaddress.ip_address(name)
    except ValueError:
        raise ValueError(
            "give names or addresses as in a URL, without scheme and port, like panel.example.net"
        ) from None
    return names


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text)) if text else ""
    except ValueError:
        raise ValueError("give the address of the one proxy, like 127.0.0.1 or ::1") from None


def _mail_address(text: str) -> str:
    if text and not _MAIL_ADDRESS.fullmatch(text):
        raise ValueError(
            "give one mail address of letters, digits and . _ + -, like me@example.org"
        )
    return text


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(name)) for name in _names(text))
    except ValueError:
        raise ValueError("give networks like 10.0.0.0/8 or 2001:db8::/32") from None


def _ports(text: str) -> tuple[int, ...]:
    ports = tuple(int(name) if name.isdecimal() else 0 for name in _names(text))
    if not all(0 < port < 65536 for port in ports):
        raise ValueError("give port numbers from 1 to 65535")
    return ports


OPTIONS: tuple[Option, ...] = (
    Option(
        "sqlalchemy.url",
        "database_url",
        _text,
        "",
        "where the desired state is kept; default SQLite in the state directory",
    ),
    Option(
        "mailpanel.state_directory",
        "state_directory",
        _directory,
        "/var/lib/mailpanel",
        "database, keys, ledger, journal, backups and lock",
    ),
    Option("mailpanel.run_directory", "run_directory", _directory, "/run/mailpanel", "sockets"),
    Option("mailpanel.host_name", "host_name", _text, "", "this host's name; default its FQDN"),
    Option(
        "mailpanel.postfix_config_directory",
        "postfix_config_directory",
        _directory,
        "/etc/postfix",
        "the directory of main.cf",
    ),
    Option(
        "mailpanel.dovecot_config_file",
        "dovecot_config_file",
        _directory,
        "/etc/dovecot/dovecot.conf",
        "Dovecot's configuration file",
    ),
    Option(
        "mailpanel.msmtp_config_file",
        "msmtp_config_file",
        _directory,
        "/etc/msmtprc",
        "msmtp's system-wide configuration file",
    ),
    Option(
        "mailpanel.ca_file",
        "ca_file",
        _directory,
        "/etc/ssl/certs/ca-certificates.crt",
        "CA bundle that relays are verified with",
    ),
    Option("mailpanel.master_user", "master_user", _login_name, "master", "the master user's name"),
    Option(
        "mailpanel.master_enabled",
        "master_enabled",
        _boolean,
        "true",
        "whether this host accepts an IMAP master password",
    ),
    Option(
        "mailpanel.master_allow_nets",
        "master_allow_nets",
        _networks,
        "",
        "networks from which the master user may log in; default any",
    ),
    Option(
        "mailpanel.relay_allow",
        "relay_allow",
        _server_names,
        "",
        "the only server names that this host accepts as relayhost; default any",
    ),
    Option(
        "mailpanel.relay_ports",
        "relay_ports",
        _ports,
        "",
        "the only ports that this host accepts for relayhost and system mailer; default any",
    ),
    Option(
        "mailpanel.alert_address",
        "alert_address",
        _mail_address,
        "",
        "where this host mails its alerts to",
    ),
    Option(
        "mailpanel.user",
        "user",
        _text,
        "mailpanel",
        "the unprivileged user of web and courier",
    ),
    Option(
        "mailpanel.mail_store",
        "mail_store",
        _text,
        "",
        "the mail store this host serves, which hosts that share it clear once; default its name",
    ),
    Option(
        "mailpanel.clearing_time",
        "clearing_time",
        _time_of_day,
        "03:30",
        "when this host clears Junk and Trash folders each day, in its local time; or never",
    ),
    Option(
        "mailpanel.clearing_grace",
        "clearing_grace",
        _seconds,
        "86400",
        "seconds before what would newly be deleted is deleted",
    ),
    Option(
        "mailpanel.msmtp_group", "msmtp_group", _text, "mail", "the group that may read msmtprc"
    ),
    Option(
        "mailpanel.rate_limit",
        "rate_limit",
        _seconds,
        "0",
        "requests per second and address; 0 is off",
    ),
    Option(
        "mailpanel.trusted_proxy",
        "trusted_proxy",
        _address,
        "",
        "the reverse proxy's address, whose word on the client's address is taken; default none",
    ),
    Option(
        "mailpanel.allowed_hosts",
        "allowed_hosts",
        _host_names,
        "",
        "the only names by which the web answers, as they stand in a URL; default any",
    ),
    Option(
        "mailpanel.require_second_factor",
        "require_second_factor",
        _boolean,
        "false",
        "whether a MasterAdmin needs a second factor to log in",
    ),
    Option(
        "mailpanel.password_words",
        "password_words",
        _lower_names,
        "",
        "words of one's own house that a password of an account may not be made of",
    ),
    Option(
        "mailpanel.leaked_passwords",
        "leaked_passwords",
        _file_or_none,
        "",
        "a file of leaked passwords, as those of Pwned Passwords are; default none",
    ),
    Option(
        "mailpanel.check_interval",
        "check_interval",
        _interval,
        "60",
        "seconds between the periodic checks",
    ),
    Option(
        "mailpanel.reload_interval",
        "reload_interval",
        _seconds,
        "2",
        "seconds between two reloads of the same daemon",
    ),
)


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployment options of one installation, parsed and complete."""

    database_url: str
    state_directory: str
    run_directory: str
    host_name: str
    postfix_config_directory: str
    dovecot_config_file: str
    msmtp_config_file: str
    ca_file: str
    master_user: str
    master_enabled: bool
    master_allow_nets: tuple[str, ...]
    relay_allow: tuple[str, ...]
    relay_ports: tuple[int, ...]
    alert_address: str
    user: str
    mail_store: str
    clearing_time: str
    clearing_grace: float
    msmtp_group: str
    rate_limit: float
    trusted_proxy: str
    allowed_hosts: tuple[str, ...]
    require_second_factor: bool
    password_words: tuple[str, ...]
    leaked_passwords: str
    check_interval: float
    reload_interval: float

    @property
    def database_directory(self) -> Path:
        """Return where SQLite's files stand; the only state that the web writes."""
        return Path(self.state_directory, "database")

    @property
    def public_key_file(self) -> Path:
        """Return the file of the key that the web seals secrets with."""
        return Path(self.state_directory, "keys", "seal.pub")

    @property
    def private_key_file(self) -> Path:
        """Return the file of the key that only the executor can read."""
        return Path(self.state_directory, "keys", "seal.key")

    @property
    def web_key_file(self) -> Path:
        """Return the file of the key that the web keeps its own secrets with."""
        return Path(self.state_directory, "keys", "web.key")

    @property
    def guessed_words(self) -> tuple[str, ...]:
        """Return what whoever knows this installation guesses: its own words and its name's."""
        return (*self.password_words, *self.host_name.casefold().split("."))

    @property
    def bounds(self) -> str:
        """Return, as text, what root's options allow; where it changes, what is live may too."""
        return repr(
            (
                self.master_user,
                self.master_enabled,
                self.master_allow_nets,
                self.relay_allow,
                self.relay_ports,
                self.msmtp_group,
            )
        )

    @property
    def lock_file(self) -> Path:
        """Return what one process at a time holds while it changes this host."""
        return Path(self.state_directory, "apply.lock")

    @property
    def wake_socket(self) -> Path:
        """Return the datagram socket on which the courier of this host is woken."""
        return Path(self.run_directory, "courier", "wake")


def load(settings: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Deployment:
    """Parse *settings* (ini keys to text) and *environment* into a :class:`Deployment`.

    Raises :class:`DeploymentError`, naming the option as it was given (in the ini or
    in the environment), where a value is wrong or a ``mailpanel.`` name is unknown.
    """
    environment = os.environ if environment is None else environment
    known = {option.name for option in OPTIONS}
    for name in settings:
        if name.startswith("mailpanel.") and name not in known:
            raise DeploymentError(f"{name}: there is no such option; see docs/options.md")
    values: dict[str, Any] = {}
    for option in OPTIONS:
        text = environment.get(option.environment, settings.get(option.name, "")).strip()
        try:
            values[option.attribute] = option.parse(text or option.default)
        except ValueError as error:
            raise DeploymentError(f"{_place(option, environment)}: {error}") from None
    values["host_name"] = values["host_name"] or socket.getfqdn()
    values["mail_store"] = values["mail_store"] or values["host_name"]
    if not values["database_url"]:
        path = Path(values["state_directory"], "database", "mailpanel.sqlite")
        values["database_url"] = f"sqlite:///{quote(str(path))}"
    return Deployment(**values)


def place_of(name: str) -> str:
    """Return where the option *name* is to be mended: the environment variable, where it counts."""
    (option,) = (option for option in OPTIONS if option.name == name)
    return _place(option, os.environ)


def _place(option: Option, environment: Mapping[str, str]) -> str:
    return option.environment if option.environment in environment else option.name
