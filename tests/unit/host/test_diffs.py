"""A diff shows what changes, and never a password, whoever wrote it."""

from __future__ import annotations

import pytest

from mailpanel.host.diffs import (
    MASK,
    file_diff,
    masked_main_cf,
    masked_master_cf,
    masked_options,
    masked_table,
    masked_users,
)

OURS = "hash:/etc/postfix/mailpanel/sasl"


@pytest.mark.parametrize(
    "own",
    [
        "static:user:hunter2",
        "static:{user:hu}nter2}",
        "static:{ u:pa {x} hunter2 }",
        "inline:{ {[old.example]:587 = user:hunter2} }",
        "\n  inline:{\n    { [old.example]:587 = user:hunter2 } }",
        "pcre:{{/./ u:hunter2}}",
        "regexp:{{/./ u:hunter2}}",
        "randmap:{u:hunter2}",
        "hash:/etc/postfix/own, inline:{x=hunter2}",
    ],
)
def test_an_entry_that_stands_in_main_cf_is_masked(own: str) -> None:
    """Before mailpanel's own item was put first in the list, and after it."""
    old = f"myhostname = mx\nsmtp_sasl_password_maps = {own}\nbiff = no\n"
    new = (
        f"myhostname = mx\nsmtp_sasl_password_maps = {OURS}, {own}\nbiff = no\nrelayhost = [a]:25\n"
    )
    diff = file_diff("main.cf", old, new, masked_main_cf)
    assert diff is not None
    assert "hunter2" not in diff.diff
    assert "nter2" not in diff.diff
    assert "+relayhost = [a]:25\n" in diff.diff


def test_a_table_that_stands_in_a_file_is_shown() -> None:
    diff = file_diff("main.cf", "", f"smtp_sasl_password_maps = {OURS}, $own\n", masked_main_cf)
    assert diff is not None
    assert f"+smtp_sasl_password_maps = {OURS}, $own\n" in diff.diff


def test_a_last_line_that_gets_its_line_end_is_no_change() -> None:
    """It is the admin's own, and may be a password."""
    diff = file_diff(
        "dovecot.conf", "doveadm_password = hunter2", "doveadm_password = hunter2\nx\n", str
    )
    assert diff is not None
    assert diff.diff == "--- dovecot.conf\n+++ dovecot.conf\n@@ -1,0 +2 @@\n+x\n"


@pytest.mark.parametrize(
    ("masked", "text", "shown"),
    [
        (masked_table, "[a]:587 user:hunter2: x\n", f"[a]:587 user:{MASK}\n"),
        (masked_table, "[a]:587 secure match=nexthop\n", "[a]:587 secure match=nexthop\n"),
        (masked_users, "master:{ARGON2ID}$x::::::\n", f"master:{MASK}::::::\n"),
        (masked_options, 'user "u"\npassword "hunter2"\n', f'user "u"\npassword {MASK}\n'),
        (masked_options, "default_password_scheme = ARGON2ID\n", None),
        (masked_master_cf, "mailpanel unix - - y - - smtp\n  -o a=secure\nx unix\n", None),
    ],
)
def test_each_file_has_its_own_mask(masked, text: str, shown: str | None) -> None:
    assert masked(text) == (text if shown is None else shown)


@pytest.mark.parametrize(
    ("masked", "text"),
    [
        (masked_table, "[a]:587\tu:hunter2"),
        (masked_table, "[a]:587   u:hunter2"),
        (masked_table, "[a]:587\n\tu:hunter2"),
        (masked_table, "[a]:587 u:\n hunter2"),
        (masked_table, "# [a]:587 u:hunter2"),
        (masked_table, "#[a]:587\tu:hunter2"),
        (masked_table, "u:hunter2"),
        (masked_table, "[a]:587 u hunter2"),
        (masked_options, "password\thunter2"),
        (masked_options, "  password hunter2"),
        (masked_options, "#password hunter2"),
        (masked_options, 'passwordeval "echo hunter2"'),
        (masked_options, 'eval "echo password hunter2"'),
        (masked_options, "doveadm_password = hunter2"),
        (masked_options, "passdb {\n  args = nopassword=y password=hunter2\n}"),
        (masked_options, "protocol imap {\n  ssl_key_password=hunter2\n}"),
        (masked_options, "oauth2 {\n  client_secret = hunter2\n}"),
        (masked_master_cf, "smtp unix\n  -o smtp_sasl_password_maps=static:u:hunter2"),
        (masked_master_cf, "smtp unix smtp -o { a = static:{u:\n hunter2} }"),
    ],
)
def test_what_somebody_wrote_in_their_own_way_is_masked(masked, text: str) -> None:
    """A drift shows it to whoever may read the status."""
    assert "hunter2" not in masked(f"{text}\n")
    diff = file_diff("file", f"{text}\n", "", masked)
    assert diff is not None
    assert "hunter2" not in diff.diff


def test_a_very_long_diff_is_cut() -> None:
    """It goes through the pipe, into root's state, into the database and onto the page."""
    diff = file_diff("f", "a line\n" * 500_000, "b\n", str)
    assert diff is not None
    assert len(diff.diff) < 11_000
    assert "characters more" in diff.diff


def test_a_secret_that_changes_alone_is_told_and_not_shown() -> None:
    diff = file_diff("sasl", "[a]:587 u:one\n", "[a]:587 u:two\n", masked_table)
    assert diff is not None
    assert "A secret in it changes." in diff.diff
    assert file_diff("sasl", "[a]:587 u:one\n", "[a]:587 u:one\n", masked_table) is None


def test_what_no_page_can_show_is_replaced() -> None:
    """A byte that is no UTF-8, as main.cf is read; what would control a terminal."""
    diff = file_diff("main.cf", "relayhost = caf\udce9\x1b[2J\tx\n", "", masked_main_cf)
    assert diff is not None
    assert "-relayhost = caf\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[2J\tx\n" in diff.diff
    assert diff.diff.encode("utf-8")
