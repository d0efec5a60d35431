"""mailpanel status shows root's own state."""

from __future__ import annotations

import errno
import json

import pytest
from click.testing import CliRunner

from mailpanel.cli import main, status

APPLIED = {
    "setting": "postfix_relayhost",
    "status": "applied",
    "revision": 3,
    "step": None,
    "error": None,
    "owns": ["main.cf: relayhost", "main.cf: smtp_sasl_auth_enable"],
    "since": "2026-11-22T12:00:00Z",
}
FAILED = {**APPLIED, "status": "failed", "step": "probe", "error": "The relay refused."}


@pytest.fixture
def run(monkeypatch, tmp_path):
    def run(states, *arguments):
        monkeypatch.setattr(status, "read_state", lambda _options: states)
        monkeypatch.setenv("MAILPANEL_STATE_DIRECTORY", str(tmp_path))
        return CliRunner().invoke(main, ["status", *arguments])

    return run


def test_table_is_aligned_and_names_what_is_owned(run):
    result = run([APPLIED])
    header, line = result.stdout.splitlines()
    assert result.exit_code == 0
    assert header.index("STATUS") == line.index("applied")
    assert line.endswith("main.cf: relayhost, main.cf: smtp_sasl_auth_enable  -")


def test_failed_setting_is_exit_status_1(run):
    result = run([APPLIED, FAILED])
    assert result.exit_code == 1
    assert "The relay refused." in result.stdout


def test_json_is_the_state_itself(run):
    assert json.loads(run([FAILED], "--json").stdout) == [FAILED]


def test_whoever_may_not_read_it_is_told_who_may(monkeypatch, tmp_path):
    def read_state(_options):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "ledger"))

    monkeypatch.setattr(status, "read_state", read_state)
    monkeypatch.setenv("MAILPANEL_STATE_DIRECTORY", str(tmp_path))
    result = CliRunner().invoke(main, ["status"])
    assert result.exit_code == 1
    assert (
        result.stderr == f"mailpanel: {tmp_path}/ledger: only root can read this; run it as root\n"
    )


def test_nothing_managed_says_so(run):
    result = run([])
    assert result.exit_code == 0
    assert "nothing" in result.stdout
