"""system_mailer: the SMTP account that system e-mails are sent with.

For local programs it becomes an msmtprc (msmtp(1)), which a group may read. Why each line
is as it is: docs/decisions/0005-dovecot-and-msmtp-files.md.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import colander

from mailpanel.errors import Refused
from mailpanel.plan import (
    Adoption,
    Change,
    Facts,
    Lookup,
    MsmtpFacts,
    Plan,
    SmtpLogin,
    WriteFile,
)
from mailpanel.schema import OneOf, Username
from mailpanel.settings._core import Setting
from mailpanel.settings._smtp_account import (
    DESTINATION,
    LABELS,
    SmtpServerSchema,
    require_possible,
    server_for_root,
    server_in_words,
    tls_in_words,
    tls_of,
)
from mailpanel.words import _, sentences

__all__ = ["SystemMailer"]

# A line over 500 bytes is fatal to msmtp.
LONGEST_LINE = 480
# It sends no command of more than 4,094 characters, AUTH PLAIN in base64 neither.
LONGEST_LOGIN = 3058
PASSWORD_FILE = "msmtp-password"  # noqa: S105 (a file's name)
FILE_MODE = 0o640
MECHANISMS = ("CRAM-MD5", "LOGIN", "PLAIN")
# An address that msmtp takes as it stands; a % would stand for something.
ADDRESS = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")


class MailerSchema(SmtpServerSchema):
    """The value of system_mailer; it always has an account."""

    username = colander.SchemaNode(
        Username(),
        title=_("Username"),
        description=_("The account's name; where it is an address, it is the sender too."),
    )
    security = colander.SchemaNode(
        OneOf(("starttls", "tls")),
        missing=colander.drop,
        title=_("Security"),
        description=_("Overrides the port's rule."),
        labels=LABELS,
    )

    def cross(self, appstruct: dict[str, Any], wrong: set[str]) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        if sentence := self.lacks_password(appstruct):
            yield "password", sentence


class SystemMailer(Setting):
    """See the module."""

    name = "system_mailer"
    part = "msmtp"
    title = _("System mailer")
    description = _("The SMTP account that system e-mails are sent with: password resets, alerts.")
    unset = _("No account is set up for system e-mails; local programs find no msmtprc of ours.")
    schema = MailerSchema
    secret_field = "password"  # noqa: S105 (the name of the field)
    destination = DESTINATION
    sends_mail = True
    example: ClassVar[Mapping[str, Any]] = {
        "server_hostname": "mail3.mymailcheap.com",
        "server_port": 587,
        "username": "noreply@vonmail.com",
        "password": "7Hp5jQ3GMNyLuwkAlDb3",
    }

    def in_words(self, value: Mapping[str, Any] | None) -> str:
        if not value:
            return self.unset
        server = server_in_words(value)
        return sentences(
            _("System e-mails leave through ${server}.", server=server), tls_in_words(value)
        )

    def alert(self, value: Mapping[str, Any]) -> str:
        return f"System e-mails leave through {server_for_root(value)}."

    def plan(self, value: Mapping[str, Any], secret: str | None, facts: Facts) -> Plan:
        if facts.msmtp is None:
            raise Refused("msmtp is not installed on this host; install the package msmtp.")
        if secret is None:
            raise Refused("The password is not stored any more. Save the setting once more.")
        return Plan(
            changes=tuple(_files(value, secret, facts, facts.msmtp, self.notice())),
            probes=(self.login(value, secret, facts),),
            details={"msmtp_config_file": facts.msmtp.path},
        )

    def login(self, value: Mapping[str, Any], secret: str | None, facts: Facts) -> SmtpLogin:
        """Return how mailpanel itself logs in with *value*; raises :class:`Refused`."""
        if secret is None:
            raise Refused("The password is not stored any more. Save the setting once more.")
        require_possible(value, facts)
        return SmtpLogin(
            hostname=value["server_hostname"],
            port=value["server_port"],
            tls=tls_of(value),
            verify=True,
            username=value["username"],
            password=secret,
            ca_file=facts.ca_file,
            ca_path="",
            mechanisms=MECHANISMS,
            helo=facts.host_name,
        )

    def read(self, facts: Facts) -> dict[str, Any] | None:
        account = facts.msmtp.account if facts.msmtp else {}
        if not account:
            return None
        value: dict[str, Any] = {
            "server_hostname": account["host"],
            "server_port": int(account["port"]),
        }
        return value | {"username": account["user"]} if "user" in account else value

    def present_in_words(self, present: Mapping[str, Any]) -> str:
        server, port = present["server_hostname"], present["server_port"]
        if "username" not in present:
            return _(
                "Local programs send through ${server}, port ${port}, as msmtprc says.",
                server=server,
                port=port,
            )
        return _(
            "Local programs send through ${server}, port ${port}, as ${username}, as msmtprc says.",
            server=server,
            port=port,
            username=present["username"],
        )

    def adoptable(self, facts: Facts) -> Adoption | None:
        value = self.read(facts)
        if facts.msmtp is None or value is None:
            return None
        account = facts.msmtp.account
        if "username" not in value:
            raise Refused(
                "The default account in msmtprc does not log in, and the system mailer always "
                "does. Save the setting with an account."
            )
        security = "starttls" if account.get("tls_starttls", "on") == "on" else "tls"
        if account.get("tls") == "on" and security != tls_of(value):
            value["security"] = security
        return Adoption(value, Lookup("", (account["account"],)))


def _files(
    value: Mapping[str, Any], secret: str, facts: Facts, msmtp: MsmtpFacts, notice: str
) -> Iterator[Change]:
    username, password = value["username"], f"password {_quoted(secret)}"
    if len(f"user {_quoted(username)}".encode()) > LONGEST_LINE:
        raise Refused(
            f"msmtp cannot read a username of more than {LONGEST_LINE - 7} bytes. "
            "Ask your provider for a shorter one."
        )
    if len(f"{username}{secret}".encode()) > LONGEST_LOGIN:
        raise Refused(
            f"msmtp cannot log in with a username and a password of more than {LONGEST_LOGIN:,} "
            "bytes together. Ask your provider for a shorter password."
        )
    if len(password.encode()) > LONGEST_LINE:
        path = f"{msmtp.directory}/{PASSWORD_FILE}"
        yield WriteFile(path, f"{secret}\n", FILE_MODE, facts.msmtp_group, counts=False)
        password = f"passwordeval {_quoted(f'cat {shlex.quote(path)}')}"
    lines = (
        "account system_mailer",
        f"host {value['server_hostname']}",
        f"port {value['server_port']}",
        f"from {username if ADDRESS.fullmatch(username) else '%U@%H'}",
        "auth on",
        f"user {_quoted(username)}",
        password,
        "tls on",
        f"tls_starttls {'on' if tls_of(value) == 'starttls' else 'off'}",
        f"tls_trust_file {_quoted(facts.ca_file)}",
        "account default : system_mailer",
    )
    text = "".join(f"{line}\n" for line in lines)
    yield WriteFile(msmtp.path, notice + text, FILE_MODE, facts.msmtp_group)


def _quoted(text: str) -> str:
    # Whatever is inside, quotes and backslashes too: msmtp takes off the outermost pair.
    return f'"{text}"'
