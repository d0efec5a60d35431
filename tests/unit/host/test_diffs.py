"""A diff shows what changes, and never a password, whoever wrote it."""

from __future__ import annotations

import pytest

from mailpanel.host.diffs import (
    MASK,
    file_diff,
    masked_main_cf,
    masked_msmtprc,
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
        (masked_msmtprc, 'user "u"\npassword "hunter2"\n', f'user "u"\npassword {MASK}\n'),
    ],
)
def test_each_file_has_its_own_mask(masked, text: str, shown: str) -> None:
    assert masked(text) == shown


def test_a_secret_that_changes_alone_is_told_and_not_shown() -> None:
    diff = file_diff("sasl", "[a]:587 u:one\n", "[a]:587 u:two\n", masked_table)
    assert diff is not None
    assert "A secret in it changes." in diff.diff
    assert file_diff("sasl", "[a]:587 u:one\n", "[a]:587 u:one\n", masked_table) is None
