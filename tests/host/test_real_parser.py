"""What mailpanel writes is what Postfix itself reads, whatever the admin or provider chose."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailpanel.errors import InvalidFields
from mailpanel.host.compose import Tree, compose
from mailpanel.host.ledger import Ledger
from mailpanel.host.testing import FakeHost
from mailpanel.plan import MapEntries, Plan, PrependParameter, SetParameter
from mailpanel.settings import SETTINGS

SETTING = SETTINGS["postfix_relayhost"]
SLOW = settings(
    deadline=None, max_examples=40, suppress_health_check=list(HealthCheck), database=None
)
ADMIN = st.sampled_from(
    [
        "relayhost = [old.test]",
        "relayhost=",
        "relayhost",
        "smtp_tls_policy_maps = hash:/a,",
        "\thash:/b   hash:/c",
        "smtp_tls_policy_maps = inline:{ {a = b}, {c = d, e} }",
        "smtp_sasl_password_maps =",
        "myhostname = a.test",
        "mydestination = a,\r",
        "   b",
        "\x0c c",
        "\x0b",
        "  # a comment",
        "# a comment",
        "",
        "   ",
        "relay_domains = \xa0",
        "\xa0x = y",
        "\x1f = z",
        "mynetworks = é",
        "biff = \udcff",
    ]
)
# What the plan does not touch.
OTHERS = ("myhostname", "mydestination", "relay_domains", "mynetworks", "biff")
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=60)


PASSWORDS = TEXT.map(str.strip).filter(bool)
USERNAMES = TEXT.map(lambda text: text.replace(":", "").strip()).filter(bool)
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("parser")


def write_main_cf(place: Path, text: str) -> None:
    """Write it as old: every command sleeps for two seconds on a young one."""
    (place / "main.cf").write_bytes(text.encode("utf-8", "surrogateescape"))
    os.utime(place / "main.cf", (1e9, 1e9))
    (place / "master.cf").touch()


def postconf(place: Path, main_cf: str, *names: str) -> list[str] | None:
    """Return the values of *names* in *main_cf*; ``None`` where Postfix cannot read it."""
    write_main_cf(place, main_cf)
    done = subprocess.run(
        ["postconf", "-c", str(place), "-h", *names], capture_output=True, check=False
    )
    if done.returncode:
        return None
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")


@given(st.lists(ADMIN, max_size=10), st.sampled_from(["", "\n"]))
@SLOW
def test_main_cf_says_what_was_wanted_and_nothing_else_changes(
    place: Path, lines: list[str], end: str
) -> None:
    main_cf = "\n".join(lines) + (end if lines else "")
    before = postconf(place, main_cf, *OTHERS)
    changes = (
        SetParameter("relayhost", "[a.test]:587"),
        PrependParameter("smtp_tls_policy_maps", "hash:/own/tls"),
        SetParameter("smtp_sasl_auth_enable", "yes"),
    )
    tree, ledger = compose(Tree(main_cf, "", {}), Ledger(), "s", Plan(changes=changes))
    if before is None:
        return
    now = postconf(place, tree.main_cf, "relayhost", "smtp_tls_policy_maps", *OTHERS)
    assert now is not None
    assert now[0] == "[a.test]:587"
    assert now[1].split(",")[0] == "hash:/own/tls"
    assert now[2:] == before
    assert compose(tree, ledger, "s", Plan())[0].main_cf == main_cf


def values(text: Mapping[str, str]) -> dict[str, Any]:
    return {"server_hostname": "relay.test", "server_port": 587, **text}


@given(USERNAMES, PASSWORDS)
@example("u" * 255, "x" * 1024)
@example("u", "\U0001f511" * 1024)
@example("u", "'\"\\$#%{}")
@example("#u", "a  b\u2028c")
@SLOW
def test_any_account_is_read_back_exactly_and_alone(
    place: Path, username: str, password: str
) -> None:
    """postmap makes one entry of it, and answers with the very text."""
    value = SETTING.validate(values({"username": username, "password": password}))
    host = FakeHost()
    plan = SETTING.plan(SETTING.public(value), value["password"], host.facts("postfix"))
    host.converge(SETTING.name, plan, host.facts("postfix"), lambda _: None, lambda _: None)
    table = place / f"sasl{next(NUMBERS)}"
    table.write_text(host.tree.maps["sasl"], newline="")
    write_main_cf(place, "")
    spec = f"hash:{table}"
    made = subprocess.run(["postmap", "-c", str(place), spec], capture_output=True, check=False)
    assert (made.returncode, made.stderr) == (0, b"")
    dumped = subprocess.run(
        ["postmap", "-c", str(place), "-s", spec], capture_output=True, check=True
    )
    assert dumped.stdout.decode() == f"[relay.test]:587\t{username}:{password}\n"


@given(
    st.one_of(
        st.text(max_size=30),
        st.lists(
            st.sampled_from(["a", ".", "\n", " ", "$", "{", "]:25", "=", "\0", ",", "-o", "#"]),
            max_size=6,
        ).map("".join),
    )
)
@SLOW
def test_no_text_that_the_schema_allows_writes_a_line_of_its_own(place: Path, text: str) -> None:
    """In any field: main.cf has the parameters that the plan names, each table one key."""
    for field in ("server_hostname", "username", "password"):
        fields = {"server_hostname": "relay.test", "username": "u", "password": "p", field: text}
        try:
            value = SETTING.validate(values(fields))
        except InvalidFields:
            continue
        host = FakeHost("# own\n")
        facts = host.facts("postfix")
        plan = SETTING.plan(SETTING.public(value), value["password"], facts)
        host.converge(SETTING.name, plan, facts, lambda _: None, lambda _: None)
        wanted = {change.name for change in plan.changes if not isinstance(change, MapEntries)}
        assert set(host.facts("postfix").postfix.parameters) == set()
        lines = host.tree.main_cf.removeprefix("# own\n").removesuffix("\n").split("\n")
        assert {line.partition(" ")[0] for line in lines} == wanted
        next_hop = f"[{value['server_hostname']}]:587"
        assert postconf(place, host.tree.main_cf, "relayhost") == [next_hop]
        for table in host.tree.maps.values():
            assert table.count("\n") == 1
            assert table.startswith(f"{next_hop} ")
