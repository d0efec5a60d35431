"""postfix_relayhost: facts and a value in, a plan out; what stands in the way is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mailpanel.errors import InvalidFields, Refused
from mailpanel.plan import (
    Facts,
    Lookup,
    MapEntries,
    MapIsSilent,
    ParameterIs,
    Plan,
    PostfixFacts,
    PrependParameter,
    SetParameter,
    SetService,
    SmtpLogin,
)
from mailpanel.settings import SETTINGS, Stored

SETTING = SETTINGS["postfix_relayhost"]
POSTFIX = PostfixFacts(
    version="3.7.11",
    queue_directory="/var/spool/postfix",
    parameters={},
    overrides={},
    smtp_chroot="y",
    database_type="hash",
    maps_directory="/etc/postfix/mailpanel",
    sasl_mechanisms=frozenset({"PLAIN", "LOGIN"}),
    names=frozenset({"localhost", "mx.test"}),
    ports=frozenset({25, 587}),
)
FACTS = Facts(host_name="mx.test", ca_file="/etc/ca.pem", postfix=POSTFIX)
OPEN = {"server_hostname": "relay.test", "server_port": 587}
ACCOUNT = OPEN | {"username": "u", "password": "p:w"}


def with_parameters(**parameters: str) -> Facts:
    return replace(FACTS, postfix=replace(POSTFIX, parameters=parameters))


def planned(given: Mapping[str, Any], facts: Facts = FACTS) -> Plan:
    value = SETTING.validate(dict(given))
    return SETTING.plan(SETTING.public(value), value.get("password"), facts)


def parameters(plan: Plan) -> dict[str, str]:
    """Return what the plan sets, and for lists what it puts first."""
    found = {each.name: each.value for each in plan.changes if isinstance(each, SetParameter)}
    lists = [each for each in plan.changes if isinstance(each, PrependParameter)]
    return found | {each.name: f"{each.item}, …" for each in lists}


def tables(plan: Plan) -> dict[str, dict[str, str]]:
    maps = [each for each in plan.changes if isinstance(each, MapEntries)]
    return {each.name: dict(each.entries) for each in maps}


def login(plan: Plan) -> SmtpLogin:
    probe, own = plan.probes
    assert isinstance(probe, SmtpLogin)
    assert not probe.decides
    assert (own.hostname, own.port) == (probe.hostname, probe.port)
    assert (own.username, own.ca_option) == (probe.username, probe.ca_option)
    return probe


ACCOUNT_PARAMETERS = {
    "relayhost": "[relay.test]:587",
    "smtp_tls_policy_maps": "hash:/etc/postfix/mailpanel/tls, …",
    "smtp_tls_CAfile": "/etc/ca.pem",
    "smtp_sasl_password_maps": "hash:/etc/postfix/mailpanel/sasl, …",
    "smtp_sasl_auth_enable": "yes",
    "smtp_sasl_tls_verified_security_options": "noanonymous",
}


def test_starttls_with_an_account() -> None:
    plan = planned(ACCOUNT)
    assert parameters(plan) == ACCOUNT_PARAMETERS
    assert tables(plan) == {
        "tls": {"[relay.test]:587": "secure match=nexthop servername=nexthop"},
        "sasl": {"[relay.test]:587": "u:p:w"},
    }
    assert not any(isinstance(each, SetService) for each in plan.changes)
    assert plan.verifications == (ParameterIs("relayhost", "[relay.test]:587"),)
    probe = login(plan)
    assert (probe.tls, probe.verify, probe.username, probe.password) == (
        "starttls",
        True,
        "u",
        "p:w",
    )
    assert (probe.ca_file, probe.helo, probe.mechanisms) == (
        "/etc/ca.pem",
        "mx.test",
        ("LOGIN", "PLAIN"),
    )


@pytest.mark.parametrize("change", [{"server_port": 465}, {"security": "tls"}])
def test_tls_from_the_start_has_a_transport_of_its_own(change: dict[str, Any]) -> None:
    """For that relay alone; smtp itself, and so each other next hop, stays as it is."""
    plan = planned(ACCOUNT | change)
    (service,) = [each for each in plan.changes if isinstance(each, SetService)]
    assert (service.name, service.type) == ("mailpanel", "unix")
    assert service.text == (
        "mailpanel unix - - y - - smtp\n"
        "  -o smtp_tls_wrappermode=yes\n"
        "  -o smtp_tls_security_level=secure\n"
    )
    own = {"default_transport": "mailpanel", "relay_transport": "mailpanel"}
    hop = {"relayhost": f"[relay.test]:{change.get('server_port', 587)}"}
    assert parameters(plan) == ACCOUNT_PARAMETERS | own | hop
    assert login(plan).tls == "tls"


def test_465_with_starttls_needs_no_transport() -> None:
    plan = planned(ACCOUNT | {"server_port": 465, "security": "starttls"})
    assert not any(isinstance(each, SetService) for each in plan.changes)
    assert login(plan).tls == "starttls"


@pytest.mark.parametrize(
    ("change", "policy", "tls", "verify"),
    [
        ({}, "may", "may", False),
        ({"security": "none"}, "none", "none", False),
        ({"security": "starttls"}, "secure match=nexthop servername=nexthop", "starttls", True),
        ({"security": "tls"}, "secure match=nexthop servername=nexthop", "tls", True),
        ({"server_port": 465}, "encrypt", "tls", False),
        ({"server_port": 465, "security": "none"}, "none", "none", False),
    ],
)
def test_without_an_account(change: dict[str, Any], policy: str, tls: str, verify: bool) -> None:
    """Nothing of SASL is touched, and TLS is as strict as it was asked for."""
    plan = planned(OPEN | change)
    assert list(tables(plan)) == ["tls"]
    assert list(tables(plan)["tls"].values()) == [policy]
    assert not [name for name in parameters(plan) if "sasl" in name]
    probe = login(plan)
    assert (probe.tls, probe.verify, probe.username, probe.password) == (tls, verify, None, None)


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::1"])
def test_an_address_is_verified_without_a_server_name(address: str) -> None:
    """An address has no SNI (RFC 6066)."""
    plan = planned(ACCOUNT | {"server_hostname": address})
    hop = f"[{address}]:587"
    assert tables(plan) == {"tls": {hop: "secure match=nexthop"}, "sasl": {hop: "u:p:w"}}
    assert parameters(plan)["relayhost"] == hop


def test_what_mail_in_flight_needs_lingers_and_the_next_hop_does_not() -> None:
    plan = planned(ACCOUNT | {"server_port": 465})
    lingering = {getattr(each, "name", ""): each.lingers for each in plan.changes}
    assert {name for name, lingers in lingering.items() if not lingers} == {
        "relayhost",
        "default_transport",
        "relay_transport",
    }


def test_the_admins_ca_stays() -> None:
    facts = with_parameters(smtp_tls_CAfile="/own.pem", smtp_tls_CApath="/own")
    plan = planned(ACCOUNT, facts)
    assert "smtp_tls_CAfile" not in parameters(plan)
    assert (login(plan).ca_file, login(plan).ca_path) == ("/own.pem", "/own")


def test_the_probe_greets_as_postfix_does() -> None:
    assert login(planned(OPEN, with_parameters(smtp_helo_name="out.test"))).helo == "out.test"


SENDERS = "hash:/etc/senders, inline:{ {@a.test=[b]:25}, {@c.test=[d]} }"


def test_senders_with_a_relayhost_of_their_own_keep_it() -> None:
    """default_transport would win over sender_dependent_relayhost_maps silently."""
    name = "sender_dependent_default_transport_maps"
    facts = with_parameters(
        sender_dependent_relayhost_maps=SENDERS, sender_dependent_default_transport_maps="hash:/own"
    )
    assert parameters(planned(ACCOUNT | {"server_port": 465}, facts))[name] == (
        "hash:/own, pipemap:{hash:/etc/senders,static:smtp}, "
        "pipemap:{inline:{ {@a.test=[b]:25}, {@c.test=[d]} },static:smtp}"
    )
    assert name not in parameters(planned(ACCOUNT, facts)), "587 goes by smtp itself"
    assert name not in parameters(planned(ACCOUNT | {"server_port": 465}))


def test_an_account_of_the_admins_for_the_bare_host_is_looked_for() -> None:
    """Postfix would use it in place of this one."""
    found = [each for each in planned(ACCOUNT).checks if isinstance(each, MapIsSilent)]
    catch_all, check = found
    assert (check.maps, check.key) == ("smtp_sasl_password_maps", "relay.test")
    assert "relay.test" in check.sentence
    # The very same account there does no harm.
    assert check.but == "u:p:w"
    assert planned(OPEN).checks == (catch_all,)
    assert (catch_all.maps, catch_all.key, catch_all.but) == ("transport_maps", "*", ":")


def test_no_secret_shows_in_a_plan() -> None:
    assert "p:w" not in repr(planned(ACCOUNT))


def refused(given: Mapping[str, Any], facts: Facts) -> str:
    with pytest.raises(Refused) as caught:
        planned(given, facts)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smtp_tls_per_site", "hash:/x"),
        ("smtp_sender_dependent_authentication", "yes"),
        ("smtp_sender_dependent_authentication", "YES"),
        ("smtp_tls_wrappermode", "yes"),
        ("smtp_tls_wrappermode", "Yes"),
        ("default_transport", "uucp"),
        ("smtp_sasl_mechanism_filter", "!plain, !login, digest-md5"),
        ("smtp_sasl_mechanism_filter", "!plain, !login, static:rest"),
    ],
)
def test_a_parameter_in_the_way_is_refused_by_name(name: str, value: str) -> None:
    assert name in refused(ACCOUNT, with_parameters(**{name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smtp_tls_per_site", ""),
        ("smtp_sender_dependent_authentication", "no"),
        ("smtp_tls_wrappermode", "no"),
        ("default_transport", "smtp"),
        ("default_transport", "smtp:"),
        ("smtp_sasl_mechanism_filter", "PLAIN login"),
        ("smtp_sasl_mechanism_filter", "!gssapi, !login, static:rest"),
        ("smtp_sasl_mechanism_filter", "/etc/postfix/mechanisms"),
    ],
)
def test_a_parameter_that_harms_nothing_is_not(name: str, value: str) -> None:
    planned(ACCOUNT, with_parameters(**{name: value}))


@pytest.mark.parametrize("service", ["smtp/unix", "relay/unix"])
@pytest.mark.parametrize(
    "name",
    [
        "smtp_sasl_auth_enable",
        "smtp_sasl_mechanism_filter",
        "smtp_sasl_password_maps",
        "smtp_sasl_tls_verified_security_options",
        "smtp_tls_policy_maps",
        "smtp_tls_wrappermode",
    ],
)
def test_an_override_in_master_cf_is_refused_by_name(service: str, name: str) -> None:
    facts = replace(FACTS, postfix=replace(POSTFIX, overrides={f"{service}/{name}": "no"}))
    sentence = refused(ACCOUNT, facts)
    assert name in sentence
    assert service in sentence
    other = replace(FACTS, postfix=replace(POSTFIX, overrides={f"own/unix/{name}": "no"}))
    planned(ACCOUNT, other)


def test_a_host_without_postfix_names_the_package() -> None:
    assert "Install the package postfix" in refused(OPEN, replace(FACTS, postfix=None))


def test_a_host_without_sasl_names_the_package() -> None:
    facts = replace(FACTS, postfix=replace(POSTFIX, sasl_mechanisms=frozenset({"CRAM-MD5"})))
    assert "libsasl2-modules" in refused(ACCOUNT, facts)
    planned(OPEN, facts)


@pytest.mark.parametrize(("hostname", "port"), [("mx.test", 25), ("LOCALHOST", 587)])
def test_a_relay_that_is_this_host_is_refused(hostname: str, port: int) -> None:
    value = {"server_hostname": hostname, "server_port": port}
    assert "circles" in refused(value, FACTS)
    planned(value | {"server_port": 2525})


def test_roots_bounds() -> None:
    allow = replace(FACTS, relay_allow=("relay.test",), relay_ports=(587,))
    planned(ACCOUNT, allow)
    assert "mailpanel.relay_allow" in refused(OPEN | {"server_hostname": "x.relay.test"}, allow)
    assert "mailpanel.relay_ports" in refused(OPEN | {"server_port": 25}, allow)


def wrong(given: Mapping[str, Any], stored: Stored | None = None) -> set[str]:
    """Return the fields that are wrong."""
    with pytest.raises(InvalidFields) as caught:
        SETTING.validate(dict(given), stored)
    return {error.field for error in caught.value.errors}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"username": "u"}, {"password"}),
        ({"password": "p"}, {"username"}),
        ({"username": None, "password": None}, {"username", "password"}),
        ({"username": "", "password": ""}, {"username", "password"}),
        ({"username": "a:b", "password": " "}, {"username", "password"}),
        ({"username": "u", "password": "p", "security": "none"}, {"security"}),
        ({"security": "ssl"}, {"security"}),
        ({"security": None}, {"security"}),
        ({"server_hostname": None}, {"server_hostname"}),
        ({"server_port": None, "more": 1}, {"server_port", "more"}),
    ],
)
def test_fields_that_do_not_fit_together(change: dict[str, Any], fields: set[str]) -> None:
    assert wrong(OPEN | change) == fields


def test_the_stored_password_stays_for_the_same_destination_alone() -> None:
    public = SETTING.public(ACCOUNT)
    stored = Stored(public, has_secret=True)
    assert SETTING.validate(dict(public), stored) == public
    for change in (
        {"server_hostname": "other.test"},
        {"server_port": 465},
        {"username": "v"},
        {"security": "starttls"},
    ):
        assert wrong(public | change, stored) == {"password"}
    assert wrong(public, Stored(public, has_secret=False)) == {"password"}
    assert wrong(public) == {"password"}


def test_an_account_is_removed_by_leaving_both_out() -> None:
    stored = Stored(SETTING.public(ACCOUNT), has_secret=True)
    assert SETTING.validate(dict(OPEN), stored) == OPEN


def test_the_value_of_an_unmanaged_host_is_read() -> None:
    assert SETTING.read(FACTS) is None
    assert SETTING.read(replace(FACTS, postfix=None)) is None
    assert SETTING.read(with_parameters(relayhost="[x]:25")) == {"relayhost": "[x]:25"}


def test_its_example_is_valid() -> None:
    planned(SETTING.example)


@pytest.mark.parametrize("hostname", ["127.0.0.2", "127.9.9.9"])
def test_this_host_is_known_by_all_of_the_loopback_network(hostname: str) -> None:
    """At its own port alone: another server may listen at another."""
    value = OPEN | {"server_hostname": hostname, "server_port": 25}
    assert "circles" in refused(value, FACTS)
    planned(value | {"server_port": 2525}, FACTS)


@pytest.mark.parametrize("hostname", ["169.254.169.254", "224.0.0.1", "fe80::1", "0.0.0.0"])
def test_an_address_that_no_relay_has_is_refused_without_any_probe(hostname: str) -> None:
    """The bound is root's, and does not depend on whether the web wants a probe."""
    assert "no server can have" in refused(OPEN | {"server_hostname": hostname}, FACTS)


def test_a_probe_knows_what_names_its_ca_file() -> None:
    """Else its sentence would send somebody to an option that does not count."""
    probe = login(planned(ACCOUNT, FACTS))
    assert (probe.ca_file, probe.ca_option) == (FACTS.ca_file, "mailpanel.ca_file")
    probe = login(planned(ACCOUNT, with_parameters(smtp_tls_CAfile="/own.pem")))
    assert (probe.ca_file, probe.ca_option) == ("/own.pem", "smtp_tls_CAfile in main.cf")


@pytest.mark.parametrize(
    "name", ["transport_maps", "sender_dependent_relayhost_maps", "multi_instance_directories"]
)
def test_which_mail_goes_another_way_is_told(name: str) -> None:
    """With the host, and as a step of a test of unsaved values."""
    plan = planned(OPEN, with_parameters(**{name: "hash:/x"}))
    assert name in plan.details["other_ways"]
    assert plan.notes == {"other ways": plan.details["other_ways"]}
    assert dict(planned(OPEN).details) == dict(planned(OPEN).notes) == {}


@pytest.mark.parametrize(
    ("parameters", "value", "keys"),
    [
        ({"relayhost": "[r.test]:587"}, {"server_port": 587}, None),
        ({"relayhost": "[r.test]"}, {"server_port": 25}, None),
        ({"relayhost": "[r.test]:submission"}, {"server_port": 587}, None),
        ({"relayhost": "[r.test]:smtps"}, {"server_port": 465}, None),
        (
            {"relayhost": "[r.test]:587", "smtp_tls_security_level": "encrypt"},
            {"server_port": 587, "security": "starttls"},
            None,
        ),
        (
            {"relayhost": "[r.test]:2465", "smtp_tls_wrappermode": "YES"},
            {"server_port": 2465, "security": "tls"},
            None,
        ),
        (
            {"relayhost": "[r.test]:2465", "default_transport": "mailpanel"},
            {"server_port": 2465, "security": "tls"},
            None,
        ),
        (
            {"relayhost": "[r.test]:587", "smtp_sasl_auth_enable": "yes"},
            {"server_port": 587},
            ("r.test", "[r.test]:587"),
        ),
    ],
)
def test_the_admins_own_relayhost_as_a_value(parameters, value, keys) -> None:
    """As Postfix understands it; the account is looked up where Postfix does."""
    offer = SETTING.adoptable(with_parameters(**parameters))
    assert offer is not None
    assert offer.value == {"server_hostname": "r.test", **value}
    found = None if keys is None else Lookup("smtp_sasl_password_maps", keys)
    assert offer.account == found


@pytest.mark.parametrize("text", ["r.test", "r.test:587", "[r.test]:nosuch", "[r.test", "[a]:1:2"])
def test_a_relayhost_that_is_no_value(text: str) -> None:
    """Without brackets it is the MX that Postfix asks for."""
    with pytest.raises(Refused, match="relayhost = "):
        SETTING.adoptable(with_parameters(relayhost=text))
    assert SETTING.adoptable(FACTS) is None
