"""What the settings with an SMTP account have in common: fields, rules, where it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import colander

from mailpanel.addresses import is_never_a_server
from mailpanel.errors import Refused
from mailpanel.plan import Facts
from mailpanel.schema import REQUIRED, Hostname, Object, OneOf, Port, Secret, Username

__all__ = [
    "DESTINATION",
    "LABELS",
    "SmtpServerSchema",
    "require_possible",
    "server_for_root",
    "server_in_words",
    "tls_of",
]

DESTINATION = ("server_hostname", "server_port", "username", "security")


# What a form calls the choices of how TLS begins.
LABELS = {
    "": "by the port",
    "starttls": "STARTTLS",
    "tls": "TLS from the start",
    "none": "no TLS",
}


class SmtpServerSchema(colander.MappingSchema):
    """An SMTP server and, perhaps, an account there."""

    schema_type = Object

    server_hostname = colander.SchemaNode(
        Hostname(),
        title="Server",
        description="The server's name or address. Its certificate must match it.",
    )
    server_port = colander.SchemaNode(
        Port(),
        title="Port",
        description="587 uses STARTTLS, 465 TLS from the start.",
    )
    username = colander.SchemaNode(
        Username(),
        missing=colander.drop,
        title="Username",
        description="Leave out username and password for a server without an account.",
    )
    password = colander.SchemaNode(
        Secret(),
        missing=colander.drop,
        title="Password",
        description="Stored as sent; blanks inside are kept. It is never shown again.",
    )
    security = colander.SchemaNode(
        OneOf(("starttls", "tls", "none")),
        missing=colander.drop,
        title="Security",
        description="Overrides the port's rule; none only without an account.",
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
        return (
            "Type the password again: the stored one is kept only while server, port, "
            "username and security stay as they are."
        )


def server_in_words(value: Mapping[str, Any]) -> str:
    """Return which server *value* means, by which port, as whom and under what protection."""
    account = f", as {value['username']}" if "username" in value else ", without an account"
    return f"{value['server_hostname']}, port {value['server_port']}{account}. {_tls(value)}"


def server_for_root(value: Mapping[str, Any]) -> str:
    """Return which server *value* means; the account's name, which may be any text, is left out."""
    account = "with an account" if "username" in value else "without an account"
    return f"{value['server_hostname']}, port {value['server_port']}, {account}"


def _tls(value: Mapping[str, Any]) -> str:
    kind = tls_of(value)
    if kind == "none":
        return "Without TLS."
    if "username" in value or "security" in value:
        start = "from the start" if kind == "tls" else "by STARTTLS"
        return f"TLS {start}, certificate verified."
    start = "from the start" if kind == "tls" else "where the server offers it"
    return f"TLS {start}, certificate not verified."


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
