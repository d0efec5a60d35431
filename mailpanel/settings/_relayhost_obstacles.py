"""What on a host stands in the way of a relayhost: each is refused by name, with the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailpanel.addresses import is_loopback
from mailpanel.errors import Refused
from mailpanel.plan import Facts, MapIsSilent, PostfixFacts, list_items
from mailpanel.settings._smtp_account import require_possible

__all__ = ["NO_CATCH_ALL", "other_ways", "require_way"]

OVERRIDES = (
    "smtp_sasl_auth_enable",
    "smtp_sasl_mechanism_filter",
    "smtp_sasl_password_maps",
    "smtp_sasl_tls_verified_security_options",
    "smtp_tls_policy_maps",
    "smtp_tls_wrappermode",
)

OTHER_WAYS = {
    "transport_maps": "Mail for what transport_maps names goes where it says, past the relay.",
    "sender_dependent_relayhost_maps": "Mail of senders in sender_dependent_relayhost_maps goes to "
    "their own relay.",
    "sender_dependent_default_transport_maps": "Mail of senders in "
    "sender_dependent_default_transport_maps goes their own way.",
    "content_filter": "Mail goes to content_filter first; what comes back goes to the relay.",
    "multi_instance_directories": "main.cf names other Postfix instances "
    "(multi_instance_directories); they keep their own relayhost, only this one is configured.",
}


def require_way(
    value: Mapping[str, Any], facts: Facts, postfix: PostfixFacts, *, implicit_tls: bool
) -> None:
    """Raise :class:`Refused` where the host's configuration or root's bounds forbid *value*.

    *implicit_tls* says that it gets a transport of its own, with TLS from the start.
    """
    _refuse_destination(value, facts, postfix)
    if postfix.parameters.get("smtp_tls_per_site"):
        raise Refused(
            "main.cf sets smtp_tls_per_site, which Postfix ignores once there is a "
            "smtp_tls_policy_maps. Move its entries to smtp_tls_policy_maps first."
        )
    _refuse_other_ways(postfix, implicit_tls)
    for service in ("smtp/unix", "relay/unix"):
        for name in OVERRIDES:
            if f"{service}/{name}" in postfix.overrides:
                raise Refused(
                    f"master.cf overrides {name} for the service {service}, so main.cf would "
                    "not count there. Remove that -o line first."
                )
    if "username" in value:
        _refuse_account(postfix)


# A value of ":" leaves all to the default (transport(5)).
NO_CATCH_ALL = MapIsSilent(
    "transport_maps",
    "*",
    "transport_maps has an entry for all mail (*, static: or a pattern), so none would go to a "
    "relayhost. Take that entry out, or give it the value of a colon alone.",
    but=":",
)


def other_ways(postfix: PostfixFacts) -> str | None:
    """Return which mail goes by other ways than the relayhost, in sentences; ``None`` for none."""
    said = [sentence for name, sentence in OTHER_WAYS.items() if postfix.parameters.get(name)]
    return " ".join(said) or None


def _is_on(postfix: PostfixFacts, name: str) -> bool:
    # In either case (postconf(5)); it is no where it is not set.
    return postfix.parameters.get(name, "").lower() == "yes"


def _refuse_other_ways(postfix: PostfixFacts, implicit_tls: bool) -> None:
    """Refuse what keeps mail from the relay, or makes smtp(8) speak otherwise than the probe."""
    if _is_on(postfix, "smtp_tls_wrappermode") and not implicit_tls:
        raise Refused(
            "main.cf sets smtp_tls_wrappermode = yes, TLS from the start for all of smtp, and this "
            "relay wants STARTTLS. Remove that line: port 465 needs none."
        )
    transport = postfix.parameters.get("default_transport", "smtp").rstrip(":")
    if transport != "smtp":
        raise Refused(
            f"main.cf sets default_transport = {transport}, so mail would not go to a relayhost. "
            "Remove that line first."
        )


def _refuse_destination(value: Mapping[str, Any], facts: Facts, postfix: PostfixFacts) -> None:
    hostname, port = value["server_hostname"], value["server_port"]
    if facts.relay_allow and hostname not in facts.relay_allow:
        raise Refused(
            f"This host accepts {', '.join(facts.relay_allow)} as relay alone "
            f"(mailpanel.relay_allow), and {hostname} is none of them."
        )
    require_possible(value, facts)
    if (hostname in postfix.names or is_loopback(hostname)) and port in postfix.ports:
        raise Refused(
            f"{hostname}, port {port}, is this host's own Postfix: mail would go round in "
            "circles. Give the relay's name."
        )


def _refuse_account(postfix: PostfixFacts) -> None:
    if not postfix.sasl_mechanisms & {"PLAIN", "LOGIN"}:
        raise Refused(
            "Postfix has no SASL mechanism to log in with. Install the package libsasl2-modules."
        )
    if _is_on(postfix, "smtp_sender_dependent_authentication"):
        raise Refused(
            "main.cf sets smtp_sender_dependent_authentication = yes, which would offer other "
            "accounts to this relay. Turn it off first."
        )
    if not _passes(postfix.parameters.get("smtp_sasl_mechanism_filter", "").lower()):
        raise Refused(
            "main.cf sets smtp_sasl_mechanism_filter without plain and login. Add one of them."
        )


def _passes(mechanism_filter: str) -> bool:
    """Say whether smtp_sasl_mechanism_filter (postconf(5)) may let PLAIN or LOGIN through."""
    items = list_items(mechanism_filter)
    # What a table or static:rest lets through is for the probe to find out.
    tables = any(":" in item or "/" in item for item in items)
    return not items or any(
        name in items or (tables and f"!{name}" not in items) for name in ("plain", "login")
    )
