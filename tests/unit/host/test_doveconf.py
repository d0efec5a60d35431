"""What doveconf prints is read as Dovecot means it, of 2.3 and of 2.4, whatever is called how."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailpanel.host.doveconf import Doveconf, Key, seconds

# As doveconf -n of 2.3.19 printed it.
V2_3 = """\
# 2.3.19.1 (9b53102964): /tmp/dc/d.conf
# Hostname: vm
login_log_format_elements = user=<%u> method=%m rip=%r lip=%l mpid=%e %c %k
mail_location = maildir:~/Maildir
namespace inbox {
  inbox = yes
  location = 
  mailbox #c {
    autoexpunge = 36 hours
  }
  mailbox Trash/* {
    special_use = \\Drafts
  }
  mailbox "a = b" {
    autoexpunge = 5 days
  }
  mailbox "sp " {
    comment = he said "x = {" {
    special_use = \\Sent
  }
  mailbox "x { y" {
    autoexpunge = 30 mins
  }
  mailbox } {
    special_use = \\Junk
  }
  prefix = 
}
passdb {
  args = /tmp/x
  driver = passwd-file
}
passdb {
  driver = static
}
plugin {
  a = b {
  c = "  d  "
}
protocol imap {
  passdb {
    driver = pam
    name = 
  }
}
"""  # noqa: W291 (doveconf ends an empty value with a blank)
# As doveconf -n of 2.4.1 printed it.
V2_4 = """\
# 2.4.1-4 (7d8c0e5759): /tmp/d24.conf
dovecot_config_version = 2.4.1
passdb passwd-file {
  passwd_file_path = /tmp/x
}
userdb static {
  fields {
    home = /a b/%{user}
    uid = 5
  }
}
namespace inbox {
  inbox = yes
  mailbox "a = b" {
    autoexpunge = 5 d
  }
  mailbox } {
    special_use = "\\\\Junk"
  }
  mailbox "=" {
    special_use = "\\\\Trash"
  }
}
protocol imap {
  mail_plugins {
    quota = yes
  }
  passdb mailpanel {
    driver = passwd-file
    passwd_file_path = /x
  }
}
"""


def test_folders_are_found_whatever_they_are_called() -> None:
    """With = and braces in the name, with blanks at its end, with a slash or a #."""
    blocks = Doveconf(V2_3).blocks("mailbox", ("namespace inbox",))
    assert blocks == {
        "#c": {"autoexpunge": "36 hours"},
        "Trash/*": {"special_use": "\\Drafts"},
        "a = b": {"autoexpunge": "5 days"},
        "sp ": {"comment": 'he said "x = {" {', "special_use": "\\Sent"},
        "x { y": {"autoexpunge": "30 mins"},
        "}": {"special_use": "\\Junk"},
    }
    assert Doveconf(V2_4).blocks("mailbox", ("namespace inbox",)) == {
        "a = b": {"autoexpunge": "5 d"},
        "}": {"special_use": "\\Junk"},
        "=": {"special_use": "\\Trash"},
    }


def test_blocks_without_a_name_share_their_keys() -> None:
    read = Doveconf(V2_3)
    assert sorted(read.values(("passdb", "driver"))) == ["passwd-file", "static"]
    assert read.values(("protocol imap", "passdb", "driver")) == ["pam"]
    assert read.blocks("passdb") == {}
    assert read.says(("passdb", "driver"), "static")
    assert not read.says(("passdb", "driver"), "pam")


def test_named_blocks_of_2_4() -> None:
    read = Doveconf(V2_4)
    assert read.blocks("passdb") == {"passwd-file": {"passwd_file_path": "/tmp/x"}}
    assert read.blocks("passdb", ("protocol imap",)) == {
        "mailpanel": {"driver": "passwd-file", "passwd_file_path": "/x"}
    }
    assert read.values(("userdb static", "fields", "home")) == ["/a b/%{user}"]
    assert read.values(("protocol imap", "mail_plugins", "quota")) == ["yes"]


def test_what_stands_in_no_block() -> None:
    top = Doveconf(V2_3).top()
    assert top["mail_location"] == "maildir:~/Maildir"
    assert top["login_log_format_elements"].startswith("user=<%u> method=%m")
    assert "location" not in top
    assert Doveconf("").top() == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("7d", 604800),
        ("7 days", 604800),
        ("1 weeks", 604800),
        ("1 W", 604800),
        ("604800 secs", 604800),
        ("36 h", 129600),
        ("30 mins", 1800),
        ("30m", 1800),
        ("5 ms", 0.005),
        ("5 msecs", 0.005),
        ("90 second", 90),
        ("5  days", 432000),
        # No span of time: a bare number has no unit, and words are words.
        ("7", None),
        ("yes", None),
        ("7 dogs", None),
        ("7 months", None),
        ("-7 days", None),
        ("\\Junk", None),
        ("", None),
        ("infinite", None),
    ],
)
def test_spans_of_time_are_read_as_dovecot_reads_them(text: str, expected: float | None) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("value", "wanted", "says"),
    [
        ("1 weeks", "7d", True),
        ("7 days", "7d", True),
        ("8 days", "7d", False),
        ("0", "0", True),
        ("7 days", "0", False),
        ("yes", "yes", True),
        ("yes", "no", False),
        ("Yes", "yes", False),
    ],
)
def test_a_value_is_the_one_that_was_written(value: str, wanted: str, says: bool) -> None:
    assert Doveconf(f"a {{\n  b = {value}\n}}\n").says(("a", "b"), wanted) is says


def test_what_is_off_may_be_missing() -> None:
    """doveconf leaves out what is the default."""
    assert Doveconf("a {\n}\n").says(("a", "autoexpunge"), "0")
    assert not Doveconf("a {\n}\n").says(("a", "autoexpunge"), "7d")


def test_differences_are_told_both_ways() -> None:
    before = Doveconf("a = 1\nb {\n  c = 2\n}\npassdb {\n  driver = pam\n}\n")
    after = Doveconf("a = 1\nb {\n  c = 3\n}\npassdb {\n  driver = pam\n}\npassdb {\n}\n")
    added, removed = after.differences(before)
    assert added == {("b", "c"): "3", ("passdb",): ""}
    assert removed == {("b", "c")}
    assert after.differences(after) == ({}, set())


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters='"\\\x85'),
    min_size=1,
    max_size=12,
)
WORDS = st.from_regex(r"[a-z][a-z_]{0,9}", fullmatch=True)
VALUES = st.text("ab ={}#/*\\%", max_size=8).map(str.strip)
TREES = st.recursive(
    st.dictionaries(WORDS, VALUES, max_size=4),
    lambda inner: st.dictionaries(st.tuples(WORDS, NAMES), inner, max_size=3),
    max_leaves=8,
)


def rendered(tree: dict, depth: int = 0) -> str:
    """Return *tree* as doveconf prints it; a tuple is the kind and the name of a block."""
    text, indent = "", "  " * depth
    for key, value in tree.items():
        if isinstance(key, tuple):
            kind, name = key
            bare = not any(char.isspace() or char in "={#" for char in name)
            name = name if bare else f'"{name}"'
            inner = rendered(value, depth + 1)
            text += f"{indent}{kind} {name} {{\n{inner}{indent}}}\n"
        else:
            text += f"{indent}{key} = {value}\n"
    return text


def pairs(tree: dict, within: Key = ()) -> dict[Key, str]:
    found: dict[Key, str] = {}
    for key, value in tree.items():
        if isinstance(key, tuple):
            block = (*within, f"{key[0]} {key[1]}")
            found |= {block: "", **pairs(value, block)}
        else:
            found[(*within, key)] = value
    return found


@given(TREES)
@settings(deadline=None)
def test_what_is_printed_is_read_back(tree: dict) -> None:
    """Blocks in blocks, whatever the names and values consist of."""
    expected = pairs(tree)
    read = Doveconf(rendered(tree))
    assert read.differences(Doveconf("")) == (expected, set())


@given(st.text(max_size=80))
@settings(deadline=None)
def test_no_text_breaks_the_reading(text: str) -> None:
    Doveconf(text).top()
