"""What the settings with an SMTP account have in common: fields, rules, where it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import colander

from mailpanel.addresses import is_never_a_server
from mailpanel.errors import Refused
from mailpanel.plan import Facts
from mailpanel.schema import REQUIRED, Hostname, Object, OneOf, Port, Secret, Username
from mailpanel.words import Words, _

__all__ = [
    "DESTINATION",
    "LABELS",
    "SmtpServerSchema",
    "require_possible",
    "server_for_root",
    "server_in_words",
    "tls_in_words",
    "tls_of",
]

DESTINATION = ("server_hostname", "server_port", "username", "security")


# What a form calls the choices of how TLS begins.
LABELS = {
    "": _("by the port"),
    "starttls": "STARTTLS",
    "tls": _("TLS from the start"),
    "none": _("no TLS"),
}


class SmtpServerSchema(colander.MappingSchema):
    """An SMTP server and, perhaps, an account there."""

    schema_type = Object

    server_hostname = colander.SchemaNode(
        Hostname(),
        title=_("Server"),
        description=_("The server's name or address. Its certificate must match it."),
    )
    server_port = colander.SchemaNode(
        Port(),
        title=_("Port"),
        description=_("587 uses STARTTLS, 465 TLS from the start."),
    )
    username = colander.SchemaNode(
        Username(),
        missing=colander.drop,
        title=_("Username"),
        description=_("Leave out username and password for a server without an account."),
    )
    password = colander.SchemaNode(
        Secret(),
        missing=colander.drop,
        title=_("Password"),
        description=_("Stored as sent; blanks inside are kept. It is never shown again."),
    )
    security = colander.SchemaNode(
        OneOf(("starttls", "tls", "none")),
        missing=colander.drop,
        title=_("Security"),
        description=_("Overrides the port's rule; none only without an account."),
        labels=LABELS,
    )

    def lacks_password(self, appstruct: dict[str, Any]) -> str | None:
        """Return what to say of an account without a password; ``None`` where one is there.

        The stored one is there too, as long as the server it was typed for is the same.
        """
        setting, stored = self.bindings["setting"], self.bindings["stored"]
        if "password" in appstruct or setting.keeps_secret(appstruct, stored):
            return None
        if stored is None or not stored.has_secret:
            return REQUIRED
        return _(
            "Type the password again: the stored one is kept only while server, port, "
            "username and security stay as they are."
        )


def server_in_words(value: Mapping[str, Any]) -> Words:
    """Return which server *value* means, by which port and as whom."""
    server, port = value["server_hostname"], value["server_port"]
    if "username" not in value:
        return _("${server}, port ${port}, without an account", server=server, port=port)
    username = value["username"]
    return _("${server}, port ${port}, as ${username}", server=server, port=port, username=username)


def server_for_root(value: Mapping[str, Any]) -> str:
    """Return which server *value* means; the account's name, which may be any text, is left out."""
    account = "with an account" if "username" in value else "without an account"
    return f"{value['server_hostname']}, port {value['server_port']}, {account}"


def tls_in_words(value: Mapping[str, Any]) -> Words:
    """Return under what protection *value* has the server, in a sentence."""
    kind = tls_of(value)
    if kind == "none":
        return _("Without TLS.")
    if "username" in value or "security" in value:
        if kind == "tls":
            return _("TLS from the start, certificate verified.")
        return _("TLS by STARTTLS, certificate verified.")
    if kind == "tls":
        return _("TLS from the start, certificate not verified.")
    return _("TLS where the server offers it, certificate not verified.")


def tls_of(value: Mapping[str, Any]) -> str:
    """Return how TLS begins with the server: ``tls`` (RFC 8314), ``starttls``, or ``none``."""
    default = "tls" if value["server_port"] == 465 else "starttls"
    return str(value.get("security", default))


def require_possible(value: Mapping[str, Any], facts: Facts) -> None:
    """Raise :class:`Refused` where no server can be, or root's bounds have none."""
    hostname, port = value["server_hostname"], value["server_port"]
    if facts.relay_ports and port not in facts.relay_ports:
        raise Refused(
            f"This host accepts the ports {', '.join(map(str, facts.relay_ports))} alone "
            f"(mailpanel.relay_ports), and {port} is none of them."
        )
    if is_never_a_server(hostname):
        raise Refused(
            f"{hostname} is an address that no server can have (link-local, multicast, reserved)."
        )
