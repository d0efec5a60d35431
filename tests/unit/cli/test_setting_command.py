"""mailpanel setting: what it takes and prints."""

from __future__ import annotations

import json

import click
import pytest

from mailpanel.cli._fields import _parsed
from mailpanel.errors import DatabaseAway
from mailpanel.services.changes import Author, Changes
from mailpanel.services.database import Database
from mailpanel.services.hosts import Hosts, Report
from mailpanel.settings import SETTINGS

NAME = "postfix_relayhost"
RELAYHOST = SETTINGS[NAME]
INTERVAL = "junk_trash_clearing_interval"
MASTER = "imap_master_password"
MAILER = "system_mailer"
RELAY = ("server_hostname=relay.example.net", "server_port=587")


@pytest.fixture
def hosts(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/state/database/mailpanel.sqlite")
    yield Hosts(database)
    database.dispose()


@pytest.mark.parametrize(
    ("pair", "fields"),
    [
        ("server_port=587", {"server_port": 587}),
        ("server_port=null", {"server_port": None}),
        ("username=587", {"username": "587"}),
        ("username=null", {"username": "null"}),
        ("username=a=b", {"username": "a=b"}),
        ("username=", {"username": ""}),
        ("nonsense=1", {"nonsense": "1"}),
    ],
)
def test_number_is_read_only_where_the_schema_has_one(pair, fields):
    assert _parsed(RELAYHOST, (pair,)) == fields


@pytest.mark.parametrize(
    ("pairs", "fields"),
    [
        (("junk_days=7", "trash_days=null"), {"junk_days": 7, "trash_days": None}),
        (("junk_days=-1", "trash_days=007"), {"junk_days": -1, "trash_days": 7}),
        (("days=7",), {"days": "7"}),
    ],
)
def test_days_are_numbers_or_null(pairs, fields):
    assert _parsed(SETTINGS[INTERVAL], pairs) == fields


@pytest.mark.parametrize("text", ["never", "", "7d", "7.0", "NULL", "None"])
def test_what_are_no_days_is_told_with_null_as_the_other_way(bare, text):
    result = bare("setting", "set", INTERVAL, f"junk_days={text}", "trash_days=14")
    assert result.exit_code == 2
    assert "junk_days: write a whole number, or null" in result.stderr


@pytest.mark.parametrize("text", ["abc", "5_8", "587.0", "", "²"])
def test_what_is_no_number_is_told_in_the_words_of_a_command_line(bare, text):
    result = bare("setting", "set", NAME, "server_hostname=a.example", f"server_port={text}")
    assert result.exit_code == 2
    assert "server_port: write a whole number." in result.stderr


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (("nonsense=1", *RELAY), "nonsense: There is no such field"),
        (RELAY[:1], "server_port: This field is required."),
    ],
)
def test_wrong_fields_are_exit_status_2(run, pairs, words):
    result = run("setting", "set", NAME, *pairs)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"mailpanel: {words}")


@pytest.mark.parametrize(
    ("name", "pairs", "words"),
    [
        (INTERVAL, ("junk_days=7",), "trash_days: This field is required."),
        (INTERVAL, ("junk_days=0", "trash_days=null"), "junk_days: This must be from 1 to 3650."),
        (
            MAILER,
            RELAY,
            "username: This field is required.\nmailpanel: password: This",
        ),
        (MAILER, (*RELAY, "username=a", "security=none"), "security: This must be one of"),
    ],
)
def test_each_settings_own_rules_are_told(run, name, pairs, words):
    result = run("setting", "set", name, *pairs)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"mailpanel: {words}")


@pytest.mark.parametrize("pairs", [("s3cret",), ("password=s3cret",), ("a=1", "a=2")])
def test_wrong_usage_never_quotes_the_value(pairs):
    with pytest.raises(click.UsageError) as raised:
        _parsed(RELAYHOST, pairs)
    assert "s3cret" not in raised.value.message


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["account", "add", "x"],
        ["account", "add", "x", "--perm-level", "Nobody"],
        ["setting", "get", "nonsense"],
        ["setting", "set", NAME, "password=s3cret"],
        ["setting", "set", NAME, "--json", "-", "--password-stdin"],
        ["setting", "set", NAME, "--json", "-", "a=b"],
        ["setting", "set", NAME, *RELAY, "--wait", "-1"],
        ["setting", "set", INTERVAL, "junk_days=7", "trash_days=14", "--password-stdin"],
        ["setting", "set", MASTER, "password=s3cret"],
        ["setting", "set", MASTER, "null=null"],
        ["setting", "set", MASTER, "--password-stdin"],
        ["setting", "set", MAILER, "username=a", "password=s3cret"],
        ["token", "create", "x", "--expires", "soon"],
        ["serve", "--listen", "8080"],
    ],
)
def test_wrong_usage_is_exit_status_2(bare, arguments):
    result = bare(*arguments)
    assert result.exit_code == 2
    assert "s3cret" not in result.output


def test_set_get_and_reset_print_what_the_api_answers(must):
    arguments = ("setting", "set", NAME, *RELAY, "username=587", "--password-stdin")
    value = {"server_hostname": "relay.example.net", "server_port": 587, "username": "587"}
    expected = {"settings": {"name": NAME, "status": "applying", "value": value}}
    assert json.loads(must(*arguments, stdin="p:a#s$s x\n")) == expected
    assert json.loads(must("setting", "get", NAME)) == expected
    deleting = {"settings": {"name": NAME, "status": "deleting"}}
    assert json.loads(must("setting", "reset", NAME)) == deleting


def test_what_is_not_set_prints_nothing(must):
    assert must("setting", "get", NAME) == ""
    assert must("setting", "reset", NAME, "--wait", "1") == ""


def test_exactly_one_newline_closes_the_password(run):
    arguments = ("setting", "set", NAME, *RELAY, "username=u", "--password-stdin")
    assert run(*arguments, stdin="secret\n").exit_code == 0
    refused = run(*arguments, stdin="secret\n\n")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("mailpanel: password: ")


def test_json_comes_from_stdin_or_a_file(run, must, tmp_path):
    document = '{"server_hostname": "a.example", "server_port": 25}'
    arguments = ("setting", "set", NAME, "--json")
    must(*arguments, "-", stdin=document)
    file = tmp_path / "relay.json"
    file.write_text(document)
    must(*arguments, str(file))
    file.write_text('{"server_port": 25, "server_port": 26}')
    assert run(*arguments, str(file)).exit_code == 2
    missing = run(*arguments, f"{file}.missing")
    assert missing.exit_code == 2
    assert f"--json: {file}.missing: No such file or directory\n" in missing.stderr


def test_wait_that_was_in_vain_is_exit_status_1_and_says_where_to_look(run, hosts):
    result = run("setting", "set", NAME, *RELAY, "--wait", "0")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["settings"]["status"] == "applying"
    assert "not applied within 0 s: no mail host checks in" in result.stderr
    hosts.checked_in("mx1", {})
    result = run("setting", "reset", NAME, "--wait", "0")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["settings"]["status"] == "deleting"
    assert result.stderr == (
        "mailpanel: not applied within 0 s; "
        "mailpanel status and the log of mailpanel apply say more\n"
    )


def test_wait_ends_when_a_later_change_takes_the_place(run, hosts, monkeypatch):
    wait = Changes.wait

    def overtaken(changes, name, revision, seconds):
        changes.reset(name, Author("", None, ""))
        return wait(changes, name, revision, seconds)

    monkeypatch.setattr(Changes, "wait", overtaken)
    result = run("setting", "set", NAME, *RELAY, "--wait", "9")
    assert result.exit_code == 1
    assert "a later change has taken its place" in result.stderr


def test_wait_for_a_failure_is_exit_status_1(run, hosts):
    # It is reported first: the next revision follows the highest that a host has seen.
    hosts.report("mx1", Report(NAME, 41, "failed", "probe", "No.", 1, highest_revision=40))
    result = run("setting", "set", NAME, *RELAY, "--no-probe", "--wait", "30")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["settings"]["error"] == "mx1, probe: No."


def test_wait_for_a_reset_that_is_done_prints_nothing(run, must, hosts):
    must("setting", "set", NAME, *RELAY)
    hosts.report("mx1", Report(NAME, 2, "applied", None, None, 1, highest_revision=1))
    assert must("setting", "reset", NAME, "--wait", "30") == ""


def test_days_are_set_and_shown(must):
    value = {"junk_days": 7, "trash_days": None}
    expected = {"settings": {"name": INTERVAL, "status": "applying", "value": value}}
    printed = must("setting", "set", INTERVAL, "junk_days=7", "trash_days=null")
    assert json.loads(printed) == expected
    assert json.loads(must("setting", "get", INTERVAL)) == expected


def test_the_mailers_password_comes_from_stdin_and_is_never_printed(must, run):
    arguments = ("setting", "set", MAILER, *RELAY, "username=a@b.test")
    value = {"server_hostname": "relay.example.net", "server_port": 587, "username": "a@b.test"}
    expected = {"settings": {"name": MAILER, "status": "applying", "value": value}}
    assert json.loads(must(*arguments, "--password-stdin", stdin='p"a#s$s x\n')) == expected
    assert json.loads(must(*arguments)) == expected, "left out, it stays"
    moved = run(*arguments[:3], "server_hostname=other.example", "server_port=587", "username=a")
    assert moved.exit_code == 2
    assert "password: Type the password again" in moved.stderr


def generated(printed):
    """Return the password in what was printed, which is the API's object and nothing else."""
    answer = json.loads(printed)["settings"]
    assert set(answer) == {"name", "status", "value"}
    assert (answer["name"], len(answer["value"])) == (MASTER, 41)
    return answer["value"]


@pytest.mark.parametrize(
    ("arguments", "stdin"), [((), ""), (("--json", "-"), ""), (("--json", "-"), '{"null": null}')]
)
def test_the_master_password_is_printed_once(must, arguments, stdin):
    first = generated(must("setting", "set", MASTER, *arguments, stdin=stdin))
    shown = json.loads(must("setting", "get", MASTER))["settings"]
    assert shown == {"name": MASTER, "status": "applying", "value": None}
    assert generated(must("setting", "set", MASTER, *arguments, stdin=stdin)) != first


def test_no_master_password_of_ones_own_is_taken_and_the_reason_told(bare):
    result = bare("setting", "set", MASTER, "password=s3cret")
    assert f"{MASTER} is generated; give no KEY=VALUE." in result.stderr
    result = bare("setting", "set", MASTER, "--password-stdin", stdin="s3cret")
    assert f"{MASTER} takes no password." in result.stderr


def test_the_master_password_is_printed_where_it_counts_or_may_yet(run, hosts):
    result = run("setting", "set", MASTER, "--wait", "0")
    assert result.exit_code == 1
    assert generated(result.stdout)
    hosts.report("mx1", Report(MASTER, 41, "applied", None, None, 1, highest_revision=40))
    result = run("setting", "set", MASTER, "--wait", "30")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["settings"]["status"] == "applied"
    assert generated(result.stdout)


def test_the_master_password_is_not_printed_where_it_failed(run, hosts):
    hosts.report("mx1", Report(MASTER, 41, "failed", "reload", "No.", 1, highest_revision=40))
    result = run("setting", "set", MASTER, "--wait", "30")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)["settings"]
    assert (answer["status"], answer["value"]) == ("failed", None)


def test_the_master_password_is_printed_where_the_database_goes_away_meanwhile(run, monkeypatch):
    """It is stored, so a host may make it count; and nobody could ask for it again."""

    def away(*_arguments):
        raise DatabaseAway("The database is away.")

    monkeypatch.setattr(Changes, "wait", away)
    monkeypatch.setattr(Hosts, "any_live", away)
    result = run("setting", "set", MASTER, "--wait", "30")
    assert result.exit_code == 1
    assert generated(result.stdout)
    assert result.stderr == "mailpanel: The database is away.\n"


def test_history_is_a_line_for_each_revision(must):
    arguments = ("setting", "set", NAME, *RELAY, "username=u", "--password-stdin")
    must(*arguments, stdin="s3cret")
    must(*arguments[:-1], "security=tls", "--password-stdin", "--no-probe", stdin="s3cret")
    must("setting", "reset", NAME)
    printed = must("setting", "history", NAME)
    assert "s3cret" not in printed
    header, newest, second, first = printed.splitlines()
    assert header.split() == ["REVISION", "CREATED", "AUTHOR", "ADDRESS", "CHANGE"]
    assert newest.split()[0] == "3"
    assert newest.endswith("  reset")
    assert second.endswith("  security: none → tls; password changed; not tried first")
    assert first.endswith(
        "server_hostname: none → relay.example.net; server_port: none → 587; "
        "username: none → u; password changed"
    )
    entries = json.loads(must("setting", "history", NAME, "--json", "--limit", "2"))
    assert [entry["revision"] for entry in entries] == [3, 2]
    (entry,) = json.loads(must("setting", "history", NAME, "--json", "--before", "2"))
    assert (entry["revision"], entry["value"]["username"]) == (1, "u")
    assert must("setting", "history", INTERVAL, "--json") == "[]\n"


def test_restore_brings_a_revision_back(must, run):
    must("setting", "set", INTERVAL, "junk_days=7", "trash_days=null")
    must("setting", "set", INTERVAL, "junk_days=8", "trash_days=14")
    value = {"junk_days": 7, "trash_days": None}
    printed = json.loads(must("setting", "restore", INTERVAL, "1"))
    assert printed == {"settings": {"name": INTERVAL, "status": "applying", "value": value}}
    newest = must("setting", "history", INTERVAL).splitlines()[1]
    assert newest.endswith("  restored 1; junk_days: 8 → 7; trash_days: 14 → null")
    must("setting", "reset", INTERVAL)
    must("setting", "restore", INTERVAL, "1")
    deleting = {"settings": {"name": INTERVAL, "status": "deleting"}}
    assert json.loads(must("setting", "restore", INTERVAL, "4")) == deleting


def test_what_cannot_be_restored_is_told_in_one_line(must, run):
    must("setting", "set", MASTER)
    for _ in range(11):
        must("setting", "set", NAME, *RELAY, "username=u", "--password-stdin", stdin="s3cret")
    for arguments, status, words in (
        ((MASTER, "1"), 1, "have a new one made"),
        ((NAME, "12"), 1, "no such revision"),
        ((NAME, "1"), 2, "password: The password of revision 1 is no longer kept"),
        ((NAME, "0"), 2, "0 is not in the range"),
        ((NAME, "first"), 2, "not a valid integer"),
    ):
        result = run("setting", "restore", *arguments)
        assert (result.exit_code, result.stdout) == (status, "")
        assert words in result.stderr


def test_restore_waits_as_set_does(must, run, hosts):
    must("setting", "set", INTERVAL, "junk_days=7", "trash_days=null")
    hosts.report("mx1", Report(INTERVAL, 3, "applied", None, None, 1, highest_revision=1))
    must("setting", "set", INTERVAL, "junk_days=8", "trash_days=null")
    printed = json.loads(must("setting", "restore", INTERVAL, "1", "--wait", "30"))
    assert printed["settings"]["status"] == "applied"
    result = run("setting", "restore", INTERVAL, "1", "--wait", "0")
    assert result.exit_code == 1
    assert "not applied within 0 s" in result.stderr


def test_what_a_command_changes_stands_in_the_systems_log(must, monkeypatch):
    """As in the audit log; no password in it."""
    sent = []
    monkeypatch.setattr("syslog.syslog", lambda _, line: sent.append(json.loads(line)))
    must("setting", "set", NAME, *RELAY, "username=u", "--password-stdin", stdin="s3cret")
    must("account", "add", "admin", "--perm-level", "MasterAdmin")
    assert [line["action"] for line in sent] == ["setting.set", "account.add"]
    assert "s3cret" not in str(sent)
