"""Whatever was set in between, a reset brings the admin's own text back to the byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailpanel.host.compose import Tree, admins_value, compose, parameter, settle
from mailpanel.host.config_text import ConfigText, main_cf_key
from mailpanel.host.ledger import Ledger
from mailpanel.host.testing import FakeHost
from mailpanel.plan import MapEntries, Plan, PrependParameter, SetParameter, SetService
from mailpanel.settings import SETTINGS

NAME = "postfix_relayhost"
MAIN_LINES = st.sampled_from(
    [
        "relayhost = [old.example.net]:25",
        "relayhost=[older.example.net]",
        "relayhost =",
        "smtp_tls_policy_maps = hash:/etc/postfix/own, inline:{ a=b, c=d }",
        "smtp_tls_policy_maps =",
        "smtp_sasl_password_maps\t=",
        "  hash:/etc/postfix/sasl,",
        "    # for the partner",
        "\tinline:{ { [p.test]:587 = u:p } }",
        "smtp_sasl_auth_enable = no",
        "smtp_tls_CAfile =",
        "smtp_tls_CAfile = /etc/own.pem\r",
        "relay_transport = relay:[x]",
        "sender_dependent_relayhost_maps = inline:{ {@a.test=[b]:25}, {@c.test=[d]} }, hash:/s",
        "sender_dependent_default_transport_maps = hash:/t",
        "mydomain = é\udcff\x1f",
        "# a comment",
        "",
        "   ",
    ]
)
MASTER_LINES = st.sampled_from(
    [
        "smtp inet n - n - - smtpd",
        "smtp unix - - y - - smtp",
        "  -o syslog_name=mine",
        "# comment",
        "mailpanel unix - - n - - pipe",
        "  flags=R",
        "",
    ]
)


def texts(lines: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    ended = st.lists(lines, max_size=10).map(lambda each: "".join(f"{line}\n" for line in each))
    return st.one_of(ended, ended.map(lambda text: text.removesuffix("\n")))


@st.composite
def values(draw: st.DrawFn) -> dict[str, Any]:
    value: dict[str, Any] = {
        "server_hostname": draw(st.sampled_from(["a.test", "b.test", "2001:db8::1", "192.0.2.1"])),
        "server_port": draw(st.sampled_from([25, 465, 587])),
    }
    if draw(st.booleans()):
        value |= {"username": draw(st.sampled_from(["u", "v w"])), "password": "p: #"}
    if draw(st.booleans()):
        value["security"] = draw(st.sampled_from(["starttls", "tls"]))
    return value


ACTIONS = st.lists(
    st.one_of(values(), st.sampled_from(["reset", "settle", "add", "in flight"])), max_size=8
)


def ignore(_: object) -> None:
    pass


def set_to(host: FakeHost, value: dict[str, Any]) -> bool:
    setting = SETTINGS[NAME]
    facts = host.facts("postfix")
    secret = value.get("password")
    return host.converge(
        NAME, setting.plan(setting.public(value), secret, facts), facts, ignore, ignore
    )


def reset(host: FakeHost) -> None:
    host.in_flight = False
    host.converge(NAME, Plan(), host.facts("postfix"), ignore, ignore)
    assert not host.settle()


def others(text: str) -> list[str]:
    """Return the lines of main.cf that are none of the parameters that a plan touches."""
    return [line for line in text.split("\n") if line.startswith(("mydomain", "added"))]


@given(texts(MAIN_LINES), texts(MASTER_LINES), ACTIONS)
@settings(deadline=None, max_examples=80)
def test_after_any_sequence_a_reset_brings_the_text_back(
    main_cf: str, master_cf: str, actions: list[Any]
) -> None:
    """With lines that the admin added meanwhile, with an end of line missing, with all there is."""
    host = FakeHost(main_cf, master_cf)
    expected = main_cf
    for number, action in enumerate(actions):
        host.in_flight = action == "in flight"
        if isinstance(action, dict):
            set_to(host, action)
            assert not set_to(host, action), "the same again changes nothing"
        elif action == "reset":
            host.converge(NAME, Plan(), host.facts("postfix"), ignore, ignore)
        elif action == "add":
            # With an editor, which ends the line before it.
            line = f"added_{number} = 1\n"
            main = host.tree.main_cf
            ended = main if not main or main.endswith("\n") else main + "\n"
            host.tree = Tree(ended + line, host.tree.master_cf, host.tree.maps)
            ended = expected if not expected or expected.endswith("\n") else expected + "\n"
            expected = ended + line
        else:
            host.settle()
        assert others(host.tree.main_cf) == others(expected)
    reset(host)
    assert sorted(host.tree.main_cf.split("\n")) == sorted(expected.split("\n"))
    if "add" not in actions:
        assert host.tree.main_cf == main_cf
    assert host.tree.master_cf == master_cf
    assert host.tree.maps == {}
    assert host.ledger.dumps() is None


@given(texts(MAIN_LINES), values())
@settings(deadline=None)
def test_the_facts_are_those_without_mailpanel(main_cf: str, value: dict[str, Any]) -> None:
    host = FakeHost(main_cf)
    before = host.facts("postfix")
    set_to(host, value)
    assert host.facts("postfix") == before
    host.converge(NAME, Plan(), before, ignore, ignore)
    assert host.facts("postfix") == before


@given(texts(MAIN_LINES), texts(MASTER_LINES), st.lists(values(), max_size=3))
@settings(deadline=None)
def test_a_ledger_is_read_as_it_was_written(
    main_cf: str, master_cf: str, wanted: list[dict[str, Any]]
) -> None:
    host = FakeHost(main_cf, master_cf)
    for value in wanted:
        set_to(host, value)
    assert Ledger.loads(host.ledger.dumps()) == host.ledger
    assert b"p: #" not in (host.ledger.dumps() or b"")


ITEM = PrependParameter("smtp_tls_policy_maps", "hash:/m/tls", lingers=True)


def composed(main_cf: str, *changes: Any, ledger: Ledger | None = None) -> tuple[Tree, Ledger]:
    return compose(Tree(main_cf, "", {}), ledger or Ledger(), "s", Plan(changes=changes))


def edited(tree: Tree, main_cf: str) -> Tree:
    return Tree(main_cf, tree.master_cf, tree.maps)


@pytest.mark.parametrize(
    ("before", "by_hand", "after"),
    [
        ("", "hash:/m/tls, hash:/new", "hash:/new"),
        ("hash:/own", "hash:/m/tls, hash:/own, hash:/new", "hash:/own, hash:/new"),
        ("hash:/own", "hash:/new hash:/m/tls,hash:/own", "hash:/new, hash:/own"),
        ("hash:/own", "hash:/new", "hash:/new"),
        ("hash:/own", "hash:/m/tls", ""),
        ("inline:{ a=b, c=d }", "hash:/m/tls, inline:{ a=b, c=e }", "inline:{ a=b, c=e }"),
    ],
)
def test_items_added_by_hand_survive_the_reset(before: str, by_hand: str, after: str) -> None:
    """Of an edited list mailpanel takes out its own item alone."""
    main_cf = f"smtp_tls_policy_maps = {before}\n" if before else ""
    tree, ledger = composed(main_cf, ITEM)
    tree = edited(tree, f"smtp_tls_policy_maps = {by_hand}\n")
    assert admins_value(ITEM.name, by_hand, ledger) == after
    # A change in between keeps them too.
    tree, ledger = compose(tree, ledger, "s", Plan(changes=(ITEM,)))
    tree, ledger = settle(*compose(tree, ledger, "s", Plan()))
    assert parameter(tree, "smtp_tls_policy_maps") == after
    assert ledger.dumps() is None


def test_an_untouched_list_keeps_its_shape() -> None:
    """Reformatted while mailpanel's item stands in it, it comes back as the admin wrote it."""
    main_cf = "smtp_tls_policy_maps =\n  hash:/a,\n  # c\n\thash:/b\n"
    tree, ledger = composed(main_cf, ITEM)
    assert parameter(tree, ITEM.name) == "hash:/m/tls, hash:/a, hash:/b"
    assert settle(*compose(tree, ledger, "s", Plan()))[0].main_cf == main_cf


@pytest.mark.parametrize("change", [SetParameter("relayhost", "[a]:587"), ITEM])
@pytest.mark.parametrize("before", ["", "{name} = old\n"])
def test_a_line_that_the_admin_appends_is_the_admins(change: Any, before: str) -> None:
    """Behind mailpanel's line it counts, survives the reset, and mailpanel's own goes."""
    name = change.name
    before = before.format(name=name)
    tree, ledger = composed(before, change)
    tree = edited(tree, f"{tree.main_cf}{name} = own\n")
    assert settle(*compose(tree, ledger, "s", Plan()))[0].main_cf == f"{before}{name} = own\n"
    again, ledger = compose(tree, ledger, "s", Plan(changes=(change,)))
    assert again.main_cf != tree.main_cf, "what is wanted counts again"
    assert settle(*compose(again, ledger, "s", Plan()))[0].main_cf == f"{before}{name} = own\n"


def test_doubled_lines_all_read_the_same_until_they_come_back() -> None:
    """Of two that differ Postfix warns, and with three such pairs its second reload hangs."""
    first = "relayhost = a\n# c\nx = 1\nrelayhost =\n  b\nsmtp_tls_policy_maps = m\n" * 2
    changes = (SetParameter("relayhost", "[a]:587"), ITEM)
    tree, ledger = composed(first, *changes)
    assert ConfigText(tree.main_cf, main_cf_key).all("relayhost") == ["relayhost = [a]:587\n"] * 4
    assert len(set(ConfigText(tree.main_cf, main_cf_key).all(ITEM.name))) == 1
    assert compose(tree, ledger, "s", Plan(changes=changes)) == (tree, ledger)
    changes = (SetParameter("relayhost", "[b]:587"), ITEM)
    tree, ledger = compose(tree, Ledger.loads(ledger.dumps()), "s", Plan(changes=changes))
    assert tree.main_cf.count("relayhost = [b]:587\n") == 4
    tree, ledger = settle(*compose(tree, ledger, "s", Plan()))
    assert tree.main_cf == first
    assert ledger.dumps() is None


def test_a_line_end_that_the_admin_wrote_stays() -> None:
    """Only the line that had no end before mailpanel has none afterwards."""
    tree, ledger = composed("x = 1", SetParameter("relayhost", "[a]:587"))
    tree = edited(tree, tree.main_cf + "y = 2\n")
    assert compose(tree, ledger, "s", Plan())[0].main_cf == "x = 1\ny = 2\n"


def test_what_lingers_stays_until_it_is_settled() -> None:
    """The next hop goes at once; maps, and what makes them count, once the mail is gone."""
    plan = (
        MapEntries("tls", (("[a]:587", "secure"),)),
        ITEM,
        SetParameter("relayhost", "[a]:587"),
        SetService("mailpanel", "unix", "mailpanel unix - - n - - smtp\n", lingers=True),
    )
    tree, ledger = composed("", *plan)
    tree, ledger = compose(tree, ledger, "s", Plan())
    assert parameter(tree, "relayhost") == ""
    assert parameter(tree, ITEM.name) == ITEM.item
    assert tree.maps == {"tls": "[a]:587 secure\n"}
    assert tree.master_cf
    assert ledger.leaving("s")
    assert not ledger.leaving("another")
    tree, ledger = settle(tree, ledger)
    assert tree == Tree("", "", {})
    assert not ledger.leaving()


def test_the_key_of_the_next_hop_before_lingers() -> None:
    """Mail on its way to the old relay finds its account until it is gone."""
    tree, ledger = composed("", MapEntries("sasl", (("[a]:587", "u:p"),)))
    plan = Plan(changes=(MapEntries("sasl", (("[b]:587", "v:q"),)),))
    tree, ledger = compose(tree, ledger, "s", plan)
    assert tree.maps == {"sasl": "[b]:587 v:q\n[a]:587 u:p\n"}
    assert compose(tree, ledger, "s", plan) == (tree, ledger)
    tree, ledger = settle(tree, ledger)
    assert tree.maps == {"sasl": "[b]:587 v:q\n"}


@pytest.mark.parametrize(
    ("edited", "kept"),
    [
        ("[b]:587\tv:q\n[a]:587\tu:p x\n", "u:p x"),
        ("# by hand\n[a]:587   u:p\n", "u:p"),
        ("[a]:587\n  u:p\nrubbish\n", "u:p"),
        ("[a]:587 u:p\n[a]:587 u:second\n", "u:p"),
    ],
)
def test_a_table_that_was_edited_by_hand_is_read_as_postmap_does(edited: str, kept: str) -> None:
    """What is leaving keeps its account, and what is no entry is in nobody's way."""
    tree, ledger = composed("", MapEntries("sasl", (("[a]:587", "u:p"),)))
    tree = Tree(tree.main_cf, tree.master_cf, {"sasl": edited})
    plan = Plan(changes=(MapEntries("sasl", (("[b]:587", "v:q"),)),))
    tree, ledger = compose(tree, ledger, "s", plan)
    assert tree.maps == {"sasl": f"[b]:587 v:q\n[a]:587 {kept}\n"}


def test_a_next_hop_that_comes_back_no_longer_leaves() -> None:
    tree, ledger = composed("", MapEntries("sasl", (("[a]:587", "u:p"),)), ITEM)
    tree, ledger = compose(tree, ledger, "s", Plan())
    tree, ledger = compose(
        tree, ledger, "s", Plan(changes=(MapEntries("sasl", (("[a]:587", "u:new"),)), ITEM))
    )
    assert not ledger.leaving()
    assert settle(tree, ledger) == (tree, ledger)
    assert tree.maps == {"sasl": "[a]:587 u:new\n"}


def test_a_setting_puts_back_what_is_its_own_alone() -> None:
    tree, ledger = composed("", SetParameter("relayhost", "[a]:587"))
    tree, ledger = compose(tree, ledger, "other", Plan(changes=(SetParameter("x", "1"),)))
    tree, ledger = compose(tree, ledger, "s", Plan())
    assert tree.main_cf == "x = 1\n"
    assert ledger.owned("s") == []
    assert ledger.owned("other") == ["main.cf: x"]


def test_names_are_those_of_main_cf() -> None:
    text = ConfigText("a = 1\n b = 2\n# c = 3\nd=4\na = 5\n", main_cf_key)
    assert text.names() == ["a", "d", "a"]


def test_a_line_that_was_edited_by_hand_is_the_admins_again() -> None:
    """A reset does not throw it away, and neither does a new value before it."""
    plan = Plan(changes=(SetParameter("relayhost", "[a.test]:587"),))
    _tree, ledger = compose(Tree("relayhost = old\n", "", {}), Ledger(), NAME, plan)
    edited = Tree("relayhost = [mine.test]\n", "", {})
    assert admins_value("relayhost", "[mine.test]", ledger) == "[mine.test]"

    reset, _ = compose(edited, ledger, NAME, Plan())
    again, later = compose(edited, ledger, NAME, plan)
    reset_later, _ = compose(again, later, NAME, Plan())

    assert reset.main_cf == "relayhost = [mine.test]\n"
    assert parameter(again, "relayhost") == "[a.test]:587"
    assert reset_later.main_cf == "relayhost = [mine.test]\n"
