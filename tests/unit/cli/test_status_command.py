"""mailpanel status shows root's own state."""

from __future__ import annotations

import errno
import json
import os

import pytest
from click.testing import CliRunner

from mailpanel.cli import main, status

APPLIED = {
    "setting": "postfix_relayhost",
    "status": "applied",
    "revision": 3,
    "live": 3,
    "step": None,
    "error": None,
    "owns": ["main.cf: relayhost", "main.cf: smtp_sasl_auth_enable"],
    "since": 1795348800.25,
    "next_attempt": 0,
}
FAILED = {**APPLIED, "status": "failed", "step": "probe", "error": "The relay refused."}


@pytest.fixture
def run(monkeypatch, tmp_path):
    def run(states, *arguments):
        monkeypatch.setattr(status, "read_state", lambda _options: states)
        monkeypatch.setenv("MAILPANEL_STATE_DIRECTORY", str(tmp_path))
        return CliRunner().invoke(main, ["status", *arguments])

    return run


def test_table_is_aligned_and_tells_the_error(run):
    result = run([APPLIED, {**FAILED, "live": 0}])
    header, applied, failed = result.stdout.splitlines()
    names = ["SETTING", "STATUS", "REVISION", "LIVE", "RELAY", "SINCE", "TRIED", "AGAIN"]
    assert header.split() == [*names, "STEP", "ERROR"]
    assert header.index("STATUS") == applied.index("applied") == failed.index("failed")
    assert applied.split()[2:] == ["3", "3", "-", "2026-11-22T12:00:00Z", "-", "-", "-"]
    assert failed.split()[3] == "-"
    assert failed.endswith("probe  The relay refused.")


def test_failed_setting_is_exit_status_1(run):
    result = run([APPLIED, FAILED])
    assert result.exit_code == 1
    assert "The relay refused." in result.stdout


def test_when_it_is_tried_again_is_told(run):
    """Or that it is not."""
    later = {**FAILED, "next_attempt": APPLIED["since"] + 60}
    assert "2026-11-22T12:01:00Z  probe" in run([later]).stdout
    assert "no: save once more  probe" in run([FAILED]).stdout


def test_json_is_the_state_itself(run):
    assert json.loads(run([FAILED], "--json").stdout) == [FAILED]


def test_whoever_may_not_read_it_is_told_who_may(monkeypatch, tmp_path):
    def read_state(_options):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "ledger"))

    monkeypatch.setattr(status, "read_state", read_state)
    monkeypatch.setenv("MAILPANEL_STATE_DIRECTORY", str(tmp_path))
    owner = tmp_path.owner()
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    result = CliRunner().invoke(main, ["status"])
    assert result.exit_code == 1
    assert result.stderr == f"mailpanel: {tmp_path}: this belongs to {owner}; run it as {owner}\n"


def test_nothing_managed_says_so(run):
    result = run([])
    assert result.exit_code == 0
    assert "nothing" in result.stdout


def test_what_is_wrong_with_the_relay_is_told(run):
    health = {"says": "The relay refuses.", "mail": "3 messages wait."}
    assert (
        "The relay refuses. 3 messages wait." in run([{**APPLIED, "relay_health": health}]).stdout
    )
