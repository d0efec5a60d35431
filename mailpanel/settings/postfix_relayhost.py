"""postfix_relayhost: the smarthost that Postfix sends all mail through, with its account.

The construction and why each line of it is so: postconf(5), SASL_README,
TLS_README, and docs/decisions/0001-relayhost-construction.md.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mailpanel.errors import Refused
from mailpanel.plan import (
    NO_POSTFIX,
    Adoption,
    Change,
    Check,
    Facts,
    MapEntries,
    MapIsSilent,
    ParameterIs,
    Plan,
    PostfixFacts,
    PostfixRelays,
    PrependParameter,
    Probe,
    SetParameter,
    SetService,
    SmtpLogin,
    TransportsAreNamed,
    list_items,
)
from mailpanel.settings._core import Setting
from mailpanel.settings._relayhost_adoption import TRANSPORT, adoptable_relayhost
from mailpanel.settings._relayhost_obstacles import NO_CATCH_ALL, other_ways, require_way
from mailpanel.settings._smtp_account import (
    DESTINATION,
    SmtpServerSchema,
    server_for_root,
    server_in_words,
    tls_in_words,
    tls_of,
)
from mailpanel.words import _, sentences

__all__ = ["PostfixRelayhost"]

MESSAGE_SIZE_LIMIT = "10240000"


class RelayhostSchema(SmtpServerSchema):
    """The value of postfix_relayhost; an account is both username and password, or neither."""

    def cross(self, appstruct: dict[str, Any], wrong: set[str]) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        account = "username" in appstruct or "username" in wrong
        if not account and ("password" in appstruct or "password" in wrong):
            yield "username", _("A password needs its username; send both, or neither.")
        if account and (sentence := self.lacks_password(appstruct)):
            yield "password", sentence
        if account and appstruct.get("security") == "none":
            yield "security", _("With an account TLS is required; choose starttls or tls.")


class PostfixRelayhost(Setting):
    """See the module."""

    name = "postfix_relayhost"
    part = "postfix"
    title = _("Relayhost")
    description = _("The smarthost that Postfix sends all mail through, with its account.")
    unset = _("Mail goes straight to the servers of its recipients.")
    schema = RelayhostSchema
    secret_field = "password"  # noqa: S105 (the name of the field)
    destination = DESTINATION
    sends_mail = True
    example: ClassVar[Mapping[str, Any]] = {
        "server_hostname": "filter1020.mymailcheap.com",
        "server_port": 587,
        "username": "relay-user",
        "password": "secure-relay-user-password",
    }

    def needs_secret(self, value: Mapping[str, Any]) -> bool:
        return "username" in value

    def in_words(self, value: Mapping[str, Any] | None) -> str:
        if not value:
            return self.unset
        server = server_in_words(value)
        return sentences(
            _("All mail leaves through ${server}.", server=server), tls_in_words(value)
        )

    def present_in_words(self, present: Mapping[str, Any]) -> str:
        return _("All mail leaves through ${server}, as main.cf says.", server=present["relayhost"])

    def alert(self, value: Mapping[str, Any]) -> str:
        return f"All mail leaves through {server_for_root(value)}."

    def plan(self, value: Mapping[str, Any], secret: str | None, facts: Facts) -> Plan:
        postfix = _postfix(facts)
        require_way(value, facts, postfix, implicit_tls=_implicit_tls(value))
        next_hop = _next_hop(value)
        changes: list[Change] = [
            MapEntries("tls", ((next_hop, _tls_policy(value)),)),
            PrependParameter("smtp_tls_policy_maps", postfix.map("tls"), lingers=True),
            SetParameter("relayhost", next_hop),
        ]
        checks: list[Check] = [NO_CATCH_ALL]
        others = other_ways(postfix)
        if secret is not None:
            changes += _account(value, secret, postfix, next_hop)
            checks.append(
                MapIsSilent(
                    "smtp_sasl_password_maps",
                    value["server_hostname"],
                    "smtp_sasl_password_maps has an entry of your own for "
                    f"{value['server_hostname']} without a port, which Postfix would use in "
                    "place of this account; remove that entry, or add the port to its key.",
                    but=f"{value['username']}:{secret}",
                )
            )
        if not postfix.parameters.get("smtp_tls_CAfile"):
            changes.append(SetParameter("smtp_tls_CAfile", facts.ca_file, lingers=True))
        if _implicit_tls(value):
            changes += _own_transport(postfix)
            checks.append(
                TransportsAreNamed(
                    "transport_maps",
                    "transport_maps has an entry without a transport's name, like :[host]:25, "
                    "which would go over TLS from the start as this relay does, and wait for "
                    "ever. Write smtp:[host]:25 instead.",
                )
            )
        return Plan(
            changes=tuple(changes),
            probes=_probes(value, secret, facts, postfix),
            checks=tuple(checks),
            verifications=(ParameterIs("relayhost", next_hop),),
            details={} if others is None else {"other_ways": others},
            notes={} if others is None else {"other ways": others},
        )

    def read(self, facts: Facts) -> dict[str, Any] | None:
        if facts.postfix is None:
            return None
        text = facts.postfix.parameters.get("relayhost", "").strip()
        return {"relayhost": text} if text else None

    def adoptable(self, facts: Facts) -> Adoption | None:
        return None if facts.postfix is None else adoptable_relayhost(facts.postfix)


def _postfix(facts: Facts) -> PostfixFacts:
    if facts.postfix is None:
        raise Refused(NO_POSTFIX)
    return facts.postfix


def _next_hop(value: Mapping[str, Any]) -> str:
    # The brackets turn MX look-ups off (postconf(5), relayhost); the port always
    # stands in it, since a SASL key without it would match other ports as well.
    return f"[{value['server_hostname']}]:{value['server_port']}"


def _implicit_tls(value: Mapping[str, Any]) -> bool:
    return tls_of(value) == "tls"


def _is_address(hostname: str) -> bool:
    try:
        ipaddress.ip_address(hostname)
    except ValueError:
        return False
    return True


def _verified(value: Mapping[str, Any]) -> bool:
    return "username" in value or value.get("security") in ("starttls", "tls")


def _tls_policy(value: Mapping[str, Any]) -> str:
    """Return the entry of smtp_tls_policy_maps (postconf(5)) for *value*."""
    if _verified(value):
        # match=nexthop serves names and literals, where the default match refuses an IP SAN
        # and accepts sub-domains. Postfix sends no SNI by itself; an address has none.
        sni = "" if _is_address(value["server_hostname"]) else " servername=nexthop"
        return f"secure match=nexthop{sni}"
    if tls_of(value) == "none":
        return "none"
    return "encrypt" if _implicit_tls(value) else "may"


def _account(
    value: Mapping[str, Any], secret: str, postfix: PostfixFacts, next_hop: str
) -> list[Change]:
    return [
        MapEntries("sasl", ((next_hop, f"{value['username']}:{secret}"),)),
        PrependParameter("smtp_sasl_password_maps", postfix.map("sasl"), lingers=True),
        # Only the verified option is loosened: with the policy entry lost, PLAIN still
        # needs a verified certificate, and the password never travels in clear.
        SetParameter("smtp_sasl_tls_verified_security_options", "noanonymous", lingers=True),
        SetParameter("smtp_sasl_auth_enable", "yes", lingers=True),
    ]


def _own_transport(postfix: PostfixFacts) -> list[Change]:
    """Return what implicit TLS takes: no policy table can say it (TLS_README)."""
    text = (
        f"{TRANSPORT} unix - - {postfix.smtp_chroot} - - smtp\n"
        "  -o smtp_tls_wrappermode=yes\n"
        "  -o smtp_tls_security_level=secure\n"
    )
    changes: list[Change] = [
        SetService(TRANSPORT, "unix", text, lingers=True),
        SetParameter("default_transport", TRANSPORT),
        # Else mail for relay_domains hangs in the greeting.
        SetParameter("relay_transport", TRANSPORT),
    ]
    relayhosts = postfix.parameters.get("sender_dependent_relayhost_maps", "")
    if relayhosts:
        # default_transport overrides them silently; senders that have a relayhost of
        # their own go on through plain smtp.
        own = postfix.parameters.get("sender_dependent_default_transport_maps", "")
        kept = [own] if own else []
        kept += [f"pipemap:{{{each},static:smtp}}" for each in list_items(relayhosts)]
        changes.append(SetParameter("sender_dependent_default_transport_maps", ", ".join(kept)))
    return changes


def _probes(
    value: Mapping[str, Any], secret: str | None, facts: Facts, postfix: PostfixFacts
) -> tuple[Probe, ...]:
    security = tls_of(value)
    tls = "may" if security == "starttls" and not _verified(value) else security
    own_ca = postfix.parameters.get("smtp_tls_CAfile")
    ca_option = "smtp_tls_CAfile in main.cf" if own_ca else "mailpanel.ca_file"
    login = SmtpLogin(
        hostname=value["server_hostname"],
        port=value["server_port"],
        tls=tls,
        verify=_verified(value),
        username=value.get("username"),
        password=secret,
        ca_file=own_ca or facts.ca_file,
        ca_path=postfix.parameters.get("smtp_tls_CApath", ""),
        mechanisms=tuple(sorted(postfix.sasl_mechanisms)),
        helo=postfix.parameters.get("smtp_helo_name") or facts.host_name,
        ca_option=ca_option,
        decides=False,
        largest=_message_size_limit(postfix),
    )
    own = PostfixRelays(
        hostname=value["server_hostname"],
        port=value["server_port"],
        transport=TRANSPORT if _implicit_tls(value) else "smtp",
        username=value.get("username"),
        ca_option=ca_option,
    )
    return login, own


def _message_size_limit(postfix: PostfixFacts) -> int:
    """Return the largest message that Postfix takes (postconf(5)), 0 for any."""
    text = postfix.parameters.get("message_size_limit", MESSAGE_SIZE_LIMIT)
    return int(text) if text.isdecimal() else 0
