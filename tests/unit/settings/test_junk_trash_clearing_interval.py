"""junk_trash_clearing_interval: which folders are cleared when, and which never are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailpanel.errors import InvalidFields, Refused
from mailpanel.plan import CountOld, DovecotFacts, DovecotSays, Facts, Folder, Plan, WriteFile
from mailpanel.settings import SETTINGS

SETTING = SETTINGS["junk_trash_clearing_interval"]
JUNK, TRASH = frozenset({"\\Junk"}), frozenset({"\\Trash"})
DOVECOT = DovecotFacts(
    version="2.3.19.1",
    parameters={"mail_always_cache_fields": ""},
    inbox_namespace="inbox",
    folders={
        "Drafts": Folder(frozenset({"\\Drafts"})),
        "Junk": Folder(JUNK),
        "Trash": Folder(TRASH),
    },
    directory="/etc/dovecot/mailpanel",
    drop_ins="/etc/dovecot/conf.d",
    group="dovecot",
)
PATH = "/etc/dovecot/conf.d/99-mailpanel-junk_trash_clearing_interval.conf"
DATE_SAVED = "mail_always_cache_fields = date.save\n"
DAY = 86_400.0


def facts(dovecot: DovecotFacts | None = DOVECOT, **changes: Any) -> Facts:
    if dovecot is not None:
        dovecot = replace(dovecot, **changes)
    return Facts(host_name="mx.test", ca_file="/etc/ca.pem", dovecot=dovecot)


def planned(junk: int | None, trash: int | None, host: Facts | None = None) -> Plan:
    value = SETTING.validate({"junk_days": junk, "trash_days": trash})
    return SETTING.plan(value, None, host or facts())


def text(plan: Plan) -> str:
    """Return what is in the drop-in, below the line that says whose it is."""
    (change,) = plan.changes
    assert isinstance(change, WriteFile)
    assert (change.path, change.mode, change.group, change.counts) == (PATH, 0o644, "", True)
    notice, _, rest = change.content.partition("\n")
    assert notice.startswith("# mailpanel's own, for junk_trash_clearing_interval")
    return rest


def says(plan: Plan) -> dict[tuple[str, ...], str]:
    """Return what Dovecot is to say of itself then."""
    (check,) = plan.checks
    assert isinstance(check, DovecotSays)
    assert len(dict(check.values)) == len(check.values)
    return dict(check.values)


def times(plan: Plan, namespace: str = "inbox") -> dict[str, str]:
    """Return the interval of each folder."""
    return {
        key[1].removeprefix("mailbox "): value
        for key, value in says(plan).items()
        if key[0] == f"namespace {namespace}" and key[2:] == ("autoexpunge",)
    }


def refused(junk: int | None, trash: int | None, host: Facts) -> str:
    with pytest.raises(Refused) as caught:
        planned(junk, trash, host)
    return str(caught.value)


@pytest.mark.parametrize("version", ["2.3.19.1", "2.3.4", "2.4.1-4", "2.4.0", "3.0.0"])
def test_both_syntaxes_of_dovecot_have_the_same_blocks(version: str) -> None:
    plan = planned(7, 14, facts(version=version))
    assert text(plan) == (
        'namespace "inbox" {\n'
        '  mailbox "Junk" {\n'
        "    autoexpunge = 7d\n"
        "  }\n"
        '  mailbox "Trash" {\n'
        "    autoexpunge = 14d\n"
        "  }\n"
        "}\n" + DATE_SAVED
    )
    assert says(plan) == {
        ("namespace inbox", "mailbox Junk", "autoexpunge"): "7d",
        ("namespace inbox", "mailbox Trash", "autoexpunge"): "14d",
        ("mail_always_cache_fields",): "date.save",
    }
    assert (plan.probes, plan.verifications, plan.details) == ((), (), {})


def test_the_folders_are_those_of_the_special_use_whatever_they_are_called() -> None:
    folders = {
        "Papierkorb": Folder(TRASH),
        "Deleted Items": Folder(TRASH),
        "Spam": Folder(JUNK | {"\\Archive"}),
        "Junk": Folder(),
        "trash": Folder(frozenset({"\\trash"})),
    }
    plan = planned(7, 14, facts(folders=folders, inbox_namespace="Meine Post"))
    assert times(plan, "Meine Post") == {
        "Papierkorb": "14d",
        "Deleted Items": "14d",
        "Spam": "7d",
    }
    assert text(plan).startswith('namespace "Meine Post" {\n')


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Deleted Items", '"Deleted Items"'),
        ("a #b{c}", '"a #b{c}"'),
        ("Trash/2019", '"Trash/2019"'),
        (r"a\b", r'"a\\b"'),
        ("Корзина", '"Корзина"'),
        ("%u $x", '"%u $x"'),
        # In quotes it would end there, and behind a backslash too (doveconf: Expecting '{').
        ('a"b', 'a"b'),
    ],
)
def test_a_folder_of_an_odd_name_is_that_very_block(name: str, written: str) -> None:
    """A block of another name would make the folder vanish."""
    plan = planned(None, 14, facts(folders={name: Folder(TRASH)}))
    assert f"  mailbox {written} {{\n" in text(plan)
    assert times(plan) == {name: "14d"}


def test_never_is_no_interval_at_all() -> None:
    """And with none, no block: but the date of arrival is kept from now on."""
    assert times(planned(None, 14)) == {"Trash": "14d"}
    plan = planned(None, None)
    assert text(plan) == DATE_SAVED
    assert says(plan) == {("mail_always_cache_fields",): "date.save"}


def test_never_turns_an_interval_of_the_admins_off() -> None:
    """0 is off for autoexpunge; a reset brings the admin's back."""
    folders = {"Junk": Folder(JUNK, 30 * DAY), "Trash": Folder(TRASH, DAY), "Bin": Folder(TRASH)}
    assert times(planned(None, None, facts(folders=folders))) == {"Junk": "0", "Trash": "0"}
    assert times(planned(7, None, facts(folders=folders))) == {"Junk": "7d", "Trash": "0"}


@pytest.mark.parametrize(
    ("junk", "trash", "found"),
    [(7, 14, "14d"), (14, 7, "14d"), (7, None, "0"), (None, 7, "0"), (None, None, "0")],
)
def test_a_folder_that_is_both_is_cleared_as_late_as_it_may_be(
    junk: int | None, trash: int | None, found: str
) -> None:
    """Where one of both is never, that is never."""
    both = facts(folders={"Both": Folder(JUNK | TRASH, DAY)})
    assert times(planned(junk, trash, both)) == {"Both": found}
    without_own = facts(folders={"Both": Folder(JUNK | TRASH)})
    expected = {} if found == "0" else {"Both": found}
    assert times(planned(junk, trash, without_own)) == expected


@pytest.mark.parametrize(
    ("own", "written"),
    [
        ("", "date.save"),
        ("flags", "flags date.save"),
        ("  hdr.date   flags ", "hdr.date flags date.save"),
        ("flags,hdr.date", "flags hdr.date date.save"),
        ("xdate.save date.saved", "xdate.save date.saved date.save"),
    ],
)
def test_the_date_saved_is_cached_beside_what_the_admin_has_cached(own: str, written: str) -> None:
    plan = planned(7, 14, facts(parameters={"mail_always_cache_fields": own}))
    assert text(plan).endswith(f"\nmail_always_cache_fields = {written}\n")
    assert says(plan)[("mail_always_cache_fields",)] == written


@pytest.mark.parametrize("own", ["date.save", "flags date.save", "flags,date.save", " date.save "])
def test_what_the_admin_has_cached_already_is_left_alone(own: str) -> None:
    plan = planned(7, 14, facts(parameters={"mail_always_cache_fields": own}))
    assert "mail_always_cache_fields" not in text(plan)
    assert ("mail_always_cache_fields",) not in says(plan)


def test_without_such_a_folder_it_is_refused_with_the_remedy() -> None:
    trash = facts(folders={"Junk": Folder(), "Trash": Folder(TRASH)})
    sentence = refused(7, 14, trash)
    assert "special_use = \\Junk" in sentence
    assert "15-mailboxes.conf" in sentence
    assert "junk_days to null" in sentence
    assert times(planned(None, 14, trash)) == {"Trash": "14d"}
    assert "trash_days to null" in refused(None, 14, facts(folders={}))


@pytest.mark.parametrize("namespace", [None, ""])
def test_without_a_namespace_that_has_a_name_it_is_refused(namespace: str | None) -> None:
    """A block without a name would silently count nowhere."""
    nameless = facts(inbox_namespace=namespace, folders={})
    for junk, trash in ((7, 14), (7, None), (None, 14)):
        assert "namespace inbox { inbox = yes" in refused(junk, trash, nameless)
    assert text(planned(None, None, nameless)) == DATE_SAVED


@pytest.mark.parametrize("name", ["INBOX", "inbox", "Inbox", "*", "IN*"])
@pytest.mark.parametrize("use", [JUNK, TRASH, JUNK | TRASH])
def test_inbox_is_never_cleared(name: str, use: frozenset[str]) -> None:
    """Whatever special use it bears, in whatever case, and by no pattern."""
    folders = {**DOVECOT.folders, name: Folder(use)}
    assert f"mailbox {name}" in refused(7, 14, facts(folders=folders))
    assert name not in times(planned(None, None, facts(folders=folders)))


def test_without_dovecot_it_is_refused_with_the_package_to_install() -> None:
    assert "Install the package dovecot-imapd" in refused(7, 14, facts(None))


def test_a_test_counts_what_would_go_from_each_folder_that_is_cleared() -> None:
    """By its full name; and nothing where nothing goes."""
    assert planned(7, 14).previews == (CountOld("Junk", "Junk", 7), CountOld("Trash", "Trash", 14))
    below = facts(inbox_prefix="INBOX.", folders={"Bin": Folder(JUNK | TRASH)})
    assert planned(7, 14, below).previews == (CountOld("Bin", "INBOX.Bin", 14),)
    own = facts(folders={"Junk": Folder(JUNK, DAY), "Trash": Folder(TRASH)})
    assert planned(None, 14, own).previews == (CountOld("Trash", "Trash", 14),)
    assert planned(None, None, own).previews == ()


class TestRead:
    """What the admin's own configuration amounts to, in days."""

    def test_without_any_interval_is_nothing(self) -> None:
        assert SETTING.read(facts()) is None
        assert SETTING.read(facts(None)) is None
        assert SETTING.read(facts(folders={})) is None

    def test_an_interval_is_told_for_the_use_that_has_it(self) -> None:
        folders = {"Junk": Folder(JUNK, 30 * DAY), "Trash": Folder(TRASH)}
        assert SETTING.read(facts(folders=folders)) == {"junk_days": 30, "trash_days": None}

    def test_parts_of_a_day_are_rounded_to_what_keeps_longer(self) -> None:
        folders = {"Junk": Folder(JUNK, 3_600.0), "Trash": Folder(TRASH, 1.5 * DAY)}
        assert SETTING.read(facts(folders=folders)) == {"junk_days": 1, "trash_days": 2}

    def test_of_several_folders_the_one_that_keeps_longest_counts(self) -> None:
        folders = {
            "Junk": Folder(JUNK, 7 * DAY),
            "Spam": Folder(JUNK, 30 * DAY),
            "Trash": Folder(TRASH, 7 * DAY),
            "Bin": Folder(TRASH),
        }
        assert SETTING.read(facts(folders=folders)) == {"junk_days": 30, "trash_days": None}


DAYS = st.none() | st.integers(1, 3650)
VALUES = st.fixed_dictionaries({"junk_days": DAYS, "trash_days": DAYS})


def value(junk: int | None, trash: int | None) -> dict[str, int | None]:
    return {"junk_days": junk, "trash_days": trash}


@pytest.mark.parametrize(
    ("wanted", "live", "standing"),
    [
        (value(7, 14), None, value(None, None)),
        (value(7, 14), value(7, 14), None),
        (value(7, 14), value(6, 13), None),
        (value(7, 14), value(8, 14), value(8, 14)),
        (value(7, 30), value(30, 14), value(30, 30)),
        (value(7, None), value(30, 14), value(30, None)),
        (value(7, 14), value(None, 14), value(None, 14)),
        (value(None, None), value(7, 14), None),
        (value(None, None), None, None),
    ],
)
def test_what_would_newly_be_deleted_waits(
    wanted: Mapping[str, Any], live: Mapping[str, Any] | None, standing: Mapping[str, Any] | None
) -> None:
    """The milder of both stands meanwhile, for each folder by itself."""
    assert SETTING.milder(wanted, live) == standing


@given(wanted=VALUES, live=st.none() | VALUES)
@settings(deadline=None)
def test_what_stands_meanwhile_deletes_nothing_newly(
    wanted: dict[str, int | None], live: dict[str, int | None] | None
) -> None:
    """Neither more than what is live, nor more than what is wanted; and is valid itself."""
    never = 10_000
    standing = SETTING.milder(wanted, live)
    if standing is None:
        standing = wanted
    else:
        assert SETTING.milder(standing, live) is None
    assert SETTING.validate(standing) == standing
    for field, days in standing.items():
        was = (live or {}).get(field) or never
        assert (days or never) >= (wanted[field] or never)
        assert (days or never) >= was


NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12).filter(
    lambda name: name.strip() and not ({" ", '"'} <= set(name)) and name.strip(" *?[]") != ""
)
FOLDERS = st.dictionaries(
    NAMES.filter(lambda name: name.upper() != "INBOX" and not set(name) & set("*?[")),
    st.builds(
        Folder,
        st.frozensets(st.sampled_from(["\\Junk", "\\Trash", "\\Sent"])),
        st.none() | st.floats(1, 1e9),
    ),
    max_size=4,
)


@given(wanted=VALUES, folders=FOLDERS, version=st.sampled_from(["2.3.19.1", "2.4.1"]))
@settings(deadline=None)
def test_the_file_has_the_lines_expected_and_no_other(
    wanted: dict[str, int | None], folders: dict[str, Folder], version: str
) -> None:
    """For any value and any folders: a block each, of no folder without the special use."""
    host = facts(folders=folders, version=version)
    try:
        plan = SETTING.plan(wanted, None, host)
    except Refused:
        uses = {use for folder in folders.values() for use in folder.special_use}
        assert (wanted["junk_days"] is not None and "\\Junk" not in uses) or (
            wanted["trash_days"] is not None and "\\Trash" not in uses
        )
        return
    found = times(plan)
    lines = text(plan).split("\n")
    blocks = [f"    autoexpunge = {each}" for each in found.values()]
    assert lines[1 + 3 * len(blocks) :] == ([*"}", DATE_SAVED[:-1], ""] if blocks else [""])
    assert [line for line in lines if "autoexpunge" in line] == blocks
    assert all(folders[name].special_use & {"\\Junk", "\\Trash"} for name in found)
    for name, each in found.items():
        uses = folders[name].special_use & {"\\Junk", "\\Trash"}
        days = {wanted["junk_days" if use == "\\Junk" else "trash_days"] for use in uses}
        assert each == "0" if None in days else each == f"{max(filter(None, days))}d"


@pytest.mark.parametrize("days", [0, 3651, -1, True, 7.0, "7", "7d", [7], {}])
@pytest.mark.parametrize("field", ["junk_days", "trash_days"])
def test_what_is_no_number_of_days_is_refused(field: str, days: Any) -> None:
    """And what a database holds is no more trusted than what a client sends."""
    wrong = {"junk_days": 7, "trash_days": 14, field: days}
    for check in (SETTING.validate, lambda given: SETTING.believed(given, None)):
        with pytest.raises(InvalidFields) as caught:
            check(wrong)
        assert [error.field for error in caught.value.errors] == [field]


def test_both_days_are_asked_for() -> None:
    with pytest.raises(InvalidFields) as caught:
        SETTING.validate({})
    assert [error.field for error in caught.value.errors] == ["junk_days", "trash_days"]


@given(wanted=VALUES)
@settings(deadline=None)
def test_a_form_sends_a_blank_field_for_never(wanted: dict[str, int | None]) -> None:
    form = {name: "" if days is None else f" {days} " for name, days in wanted.items()}
    assert SETTING.validate(form, form=True) == wanted
    assert SETTING.believed(wanted, None) == wanted
