"""What an admin's own relayhost amounts to as a value (postconf(5), SASL_README, TLS_README)."""

from __future__ import annotations

import re
from typing import Any

from mailpanel.errors import Refused
from mailpanel.plan import Adoption, Lookup, PostfixFacts

__all__ = ["TRANSPORT", "adoptable_relayhost"]

# Those that relays are reached by (services(5)); a service of another name needs its number.
SERVICES = {"smtp": 25, "submission": 587, "submissions": 465, "smtps": 465, "urd": 465}
IMPLICIT_TLS_PORT = 465
# mailpanel's own, with TLS from the start.
TRANSPORT = "mailpanel"
_NEXT_HOP = re.compile(r"\[([^\[\]]+)\](?::([^:]+))?")
# With these and without an account Postfix sends over TLS or not at all.
_DEMANDS_TLS = ("encrypt", "fingerprint", "verify", "secure", "dane", "dane-only")


def adoptable_relayhost(postfix: PostfixFacts) -> Adoption | None:
    """Return the relayhost that *postfix* has, ``None`` where it has none.

    Raises :class:`Refused` where it is one that no value means.
    """
    text = postfix.parameters.get("relayhost", "").strip()
    if not text:
        return None
    hostname, port = _parsed(text)
    value: dict[str, Any] = {"server_hostname": hostname, "server_port": port}
    security = _security(postfix, port)
    if security is not None:
        value["security"] = security
    if postfix.parameters.get("smtp_sasl_auth_enable", "").lower() != "yes":
        return Adoption(value)
    # The bare host comes first (smtp_sasl_glue.c).
    return Adoption(value, Lookup("smtp_sasl_password_maps", (hostname, text)))


def _parsed(text: str) -> tuple[str, int]:
    match = _NEXT_HOP.fullmatch(text)
    if match is None:
        raise Refused(
            f"main.cf has relayhost = {text}. Only a relay in brackets can be adopted, like "
            "[relay.example.net]:587: without them Postfix asks for the MX of that name, and "
            "mailpanel goes to the server itself. Write it so, or save the setting with the "
            "server you mean."
        )
    service = match[2] or "smtp"
    port = int(service) if service.isdecimal() else SERVICES.get(service)
    if port is None:
        raise Refused(
            f"main.cf has relayhost = {text}, and mailpanel does not know the port of {service}. "
            "Write its number."
        )
    return match[1], port


def _security(postfix: PostfixFacts, port: int) -> str | None:
    """Return how TLS begins, where the port does not say it or TLS is demanded."""
    if port == IMPLICIT_TLS_PORT:
        return None
    wrapped = postfix.parameters.get("smtp_tls_wrappermode", "").lower() == "yes"
    if wrapped or postfix.parameters.get("default_transport") == TRANSPORT:
        return "tls"
    level = postfix.parameters.get("smtp_tls_security_level", "").lower()
    return "starttls" if level in _DEMANDS_TLS else None
