"""main.cf and master.cf are read as Postfix reads them, and changed to the byte."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailpanel.host.config_text import ConfigText, main_cf_key, master_cf_key, value_of

KEYS = ("relayhost", "mydomain", "smtp_tls_CAfile")
# Every kind of line that postconf(5) knows, and what other systems' editors leave behind.
LINES = st.sampled_from(
    [
        "relayhost = [a]:25",
        "relayhost=b",
        "relayhost\t =  c # no comment",
        "mydomain =",
        "mydomain = x,",
        " y",
        "\tz = 1",
        "  # an indented comment",
        "# a comment",
        "",
        "   ",
        "smtp_tls_CAfile = /etc/é",
        "other = 1\r",
        "\r",
        "\x0c continued",
        "\x0b",
        "\xa0nbsp = 2",
        "\x1fcontrol = 3",
        "\udcff = 4",
        "no equals sign",
    ]
)
TEXTS = st.builds(
    lambda lines, end: "\n".join(lines) + end, st.lists(LINES, max_size=12), st.sampled_from("\n ")
).map(lambda text: text.removesuffix(" "))


def main_cf(text: str) -> ConfigText:
    return ConfigText(text, main_cf_key)


@pytest.mark.parametrize(
    ("text", "raw", "value"),
    [
        ("relayhost = a\n", "relayhost = a\n", "a"),
        ("relayhost=a", "relayhost=a\n", "a"),
        ("relayhost\t=\ta\t\n", "relayhost\t=\ta\t\n", "a"),
        ("relayhost = a\n  b\n\tc\nx = 1\n", "relayhost = a\n  b\n\tc\n", "a b c"),
        ("relayhost =\n  a\n", "relayhost =\n  a\n", "a"),
        ("relayhost = a\n# c\n  b\n", "relayhost = a\n# c\n  b\n", "a b"),
        ("relayhost = a\n\n  # c\n\n  b\n", "relayhost = a\n\n  # c\n\n  b\n", "a b"),
        ("relayhost = a\n# after it\n\nx = 1\n", "relayhost = a\n", "a"),
        ("relayhost = a\nrelayhost = b\n", "relayhost = b\n", "b"),
        ("relayhost =\n", "relayhost =\n", ""),
        ("relayhost = a=b # c\n", "relayhost = a=b # c\n", "a=b # c"),
        ("relayhost = a\r\nx = 1\r\n", "relayhost = a\r\n", "a"),
        ("relayhost = a\x0b\n\x0c b\n", "relayhost = a\x0b\n\x0c b\n", "a b"),
        ("relayhost = \udcff\n", "relayhost = \udcff\n", "\udcff"),
    ],
)
def test_a_logical_line_is_found_with_its_value(text: str, raw: str, value: str) -> None:
    """Continuations, comments inside, doubled lines, blanks, line ends: postconf(5)."""
    assert main_cf(text).get("relayhost") == raw
    assert value_of(raw) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "#relayhost = a\n",
        "  # relayhost = a\n",
        "x = 1\n  relayhost = a\n",
        "relayhosts = a\n",
        "relayhost\n",
        # Postfix warns of it and reads nothing: no logical line before it.
        "  relayhost = a\n",
        "# first\n  relayhost = a\n",
    ],
)
def test_what_is_no_line_of_its_own_is_not_found(text: str) -> None:
    assert main_cf(text).get("relayhost") is None


@pytest.mark.parametrize("char", ["\xa0", "\x1c", "\x1f", "\x85", "\u2003", "\u3000"])
def test_only_the_blanks_of_c_continue_a_line(char: str) -> None:
    """Postfix asks isspace(3) of ASCII: what Unicode calls a blank begins a line of its own."""
    text = f"relayhost = a\n{char}b = c\n"
    assert main_cf(text).get("relayhost") == "relayhost = a\n"
    assert main_cf(f"x = 1\n{char}\nrelayhost = a\n").get("x") == "x = 1\n"
    assert value_of(f"relayhost = {char}\n") == char


def test_services_are_found_by_name_and_type() -> None:
    text = ConfigText(
        "smtp inet n - n - - smtpd\n  -o a=b\nsmtp unix - - n - - smtp", master_cf_key
    )
    assert text.get("smtp/inet") == "smtp inet n - n - - smtpd\n  -o a=b\n"
    assert text.get("smtp/unix") == "smtp unix - - n - - smtp\n"
    assert text.get("smtp/fifo") is None


@given(TEXTS, st.sampled_from(KEYS))
@settings(deadline=None)
@example("relayhost = a\n\n  # c\n", "relayhost")
def test_a_put_is_read_back_and_nothing_else_changes(text: str, key: str) -> None:
    """Around the logical lines that are replaced every byte stays; a new one stands at the end."""
    before = main_cf(text)
    raw, others = f"{key} = new\n", {name: before.get(name) for name in KEYS if name != key}
    after = main_cf(text)
    after.put(key, raw)
    assert after.get(key) == raw
    assert {name: after.get(name) for name in others} == others
    expected, position = "", 0
    for old in before.all(key):
        start = before.text.index(old, position)
        expected += before.text[position:start] + raw
        position = start + len(old)
    assert after.text == expected + before.text[position:] + ("" if before.all(key) else raw)


@given(TEXTS, st.sampled_from(KEYS))
@settings(deadline=None)
def test_put_and_put_back_is_nothing(text: str, key: str) -> None:
    """However many lines there were."""
    before, after = main_cf(text), main_cf(text)
    after.put(key, f"{key} = new\n")
    assert after.restore(key, f"{key} = new\n", before.all(key))
    assert after.text == before.text


OURS, EDITED = "relayhost = ours\n", "relayhost = edited\n"
A, B = "relayhost = a\n", "relayhost = b\n"


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        (OURS, [], ""),
        (OURS * 2, [A, B], A + B),
        # Somebody has copied mailpanel's line, or taken one away.
        (OURS * 2, [B], B),
        (OURS * 2, [], ""),
        (OURS, [A, B], B),
        # One of them was edited: that one counts, and the others are as they were.
        (OURS + EDITED, [A, B], A + EDITED),
        (EDITED + OURS, [A, B], EDITED + B),
    ],
)
def test_lines_that_somebody_has_touched_meanwhile(
    text: str, before: list[str], expected: str
) -> None:
    after = main_cf(text)
    assert after.restore("relayhost", OURS, before)
    assert after.text == expected


@given(TEXTS, st.sampled_from(KEYS))
@settings(deadline=None)
def test_removed_and_replaced_last(text: str, key: str) -> None:
    removed, replaced = main_cf(text), main_cf(text)
    removed.remove(key)
    assert removed.all(key) == []
    replaced.put_last(key, f"{key} = new\n")
    assert replaced.all(key) == [*main_cf(text).all(key)[:-1], f"{key} = new\n"]


@given(st.text(max_size=60))
@settings(deadline=None)
def test_any_text_is_taken(text: str) -> None:
    """No text breaks the reading, and reading changes nothing but the last line's end."""
    read = main_cf(text)
    read.get("relayhost")
    assert read.text.removesuffix("\n") == text.removesuffix("\n")
