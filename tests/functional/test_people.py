"""Accounts, tokens, log-ins and the audit log through the API."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from factor import enrol
from panel import (
    ACCOUNTS_URL,
    AUDIT_URL,
    AUTH_URL,
    INTERVAL,
    PASSWORD,
    RELAYHOST,
    TOKENS_URL,
    Panel,
)

from mailpanel.models import Revision
from mailpanel.services.leaked import Leaked

NEW = "another horse battery"
ALICE = {
    "username": "alice",
    "perm_level": "DomainAdmin",
    "password": NEW,
    "api_access": False,
    "enabled": False,
    "recovery_email": "alice@example.org",
    "language": "de",
}
URL = f"{ACCOUNTS_URL}MailUser/"
LARGE = b"[" * 65_537


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def fields(answer: Any) -> list[str]:
    return [error["field"] for error in answer.json["errors"]]


class TestAccounts:
    def test_a_password_made_of_words_that_are_guessed_here_is_refused(self, panel: Panel) -> None:
        """Of the account's own name, the host's, and those that the installation names."""
        registry = panel.wsgi.registry
        named = {"password_words": ("northwind",), "host_name": "mx1.example-house.test"}
        registry.deployment = replace(registry.deployment, **named)
        for password in ("alice/alice/1", "Northwind-2026", "example-house1"):
            answer = panel.call("POST", ACCOUNTS_URL, {**ALICE, "password": password})
            assert answer.status_int == 422
            assert fields(answer) == ["password"]
        answer = panel.call("POST", ACCOUNTS_URL, {**ALICE, "password": f"northwind {NEW}"})
        assert answer.status_int == 200

    def test_a_leaked_password_is_refused_by_all_that_set_one(
        self, panel: Panel, tmp_path: Path
    ) -> None:
        """API and panel alike, by the file that the installation names."""
        leaked = "correct horse on the run"
        digits = hashlib.sha1(leaked.encode(), usedforsecurity=False).hexdigest().upper()
        (tmp_path / "leaked.txt").write_text(f"{digits}:7\n")
        panel.wsgi.registry.leaked = Leaked(str(tmp_path / "leaked.txt"))
        added = panel.call("POST", ACCOUNTS_URL, {**ALICE, "password": leaked})
        changed = panel.call("PATCH", URL, {"password": leaked})
        browser = panel.browser("MailUser")
        typed = {"current": PASSWORD, "password": leaked, "again": leaked}
        own = browser.send(browser.get("/account/"), **typed)
        panel.wsgi.registry.leaked.close()
        assert [each.status_int for each in (added, changed, own)] == [422, 422, 422]
        assert fields(added) == fields(changed) == ["password"]
        assert "known from a leak" in own.text

    def test_one_is_added_shown_and_removed(self, panel: Panel) -> None:
        """With all that was sent, but for the password."""
        answer = panel.call("POST", ACCOUNTS_URL, ALICE)
        assert answer.status_int == 200
        shown = answer.json["accounts"]
        assert shown.pop("created")
        sent = {name: each for name, each in ALICE.items() if name != "password"}
        assert shown == {**sent, "has_password": True}
        alice = f"{ACCOUNTS_URL}alice/"
        assert panel.call("GET", alice).json["accounts"].items() >= shown.items()
        listed = panel.call("GET", ACCOUNTS_URL).json["accounts"]
        names = {each["username"] for each in listed}
        assert names == {"DomainAdmin", "MailUser", "MasterAdmin", "alice"}
        assert panel.call("DELETE", alice).status_int == 204
        for method in ("GET", "PATCH", "DELETE"):
            assert panel.call(method, alice).status_int == 404

    def test_what_is_left_out_has_its_default(self, panel: Panel) -> None:
        """An account that may use the API, and the panel once it has a password."""
        body = {"username": "bob", "perm_level": "MailUser"}
        shown = panel.call("POST", ACCOUNTS_URL, body).json["accounts"]
        assert shown.pop("created")
        more = {"has_password": False, "recovery_email": None, "language": None}
        assert shown == {**body, **more, "enabled": True, "api_access": True}

    def test_only_what_is_sent_is_changed(self, panel: Panel) -> None:
        """Null takes away what may be missing."""
        before = panel.call("GET", URL).json["accounts"]
        body = {"language": "fr", "recovery_email": "m@example.org"}
        changed = panel.call("PATCH", URL, body).json["accounts"]
        assert changed == {**before, **body}
        panel.call("PATCH", URL, {"language": None})
        assert panel.call("GET", URL).json["accounts"] == {**changed, "language": None}
        assert panel.call("PATCH", URL, {}).json["accounts"] == {**changed, "language": None}

    def test_a_taken_name_is_409(self, panel: Panel) -> None:
        """And the account that has it stays as it is."""
        before = panel.call("GET", URL).json
        body = {"username": "MailUser", "perm_level": "MasterAdmin", "password": NEW}
        assert panel.call("POST", ACCOUNTS_URL, body).status_int == 409
        assert panel.call("GET", URL).json == before

    @pytest.mark.parametrize(
        ("method", "body"),
        [("DELETE", b""), ("PATCH", {"enabled": False}), ("PATCH", {"perm_level": "MailUser"})],
    )
    def test_the_last_masteradmin_is_409(self, panel: Panel, method: str, body: Any) -> None:
        """Until there is another one."""
        url = f"{ACCOUNTS_URL}MasterAdmin/"
        answer = panel.call(method, url, body)
        assert answer.status_int == 409
        assert "add or enable another one first" in answer.json["detail"]
        panel.call("PATCH", URL, {"perm_level": "MasterAdmin"})
        assert panel.call(method, url, body).status_int in (200, 204)

    @pytest.mark.parametrize("body", [{"enabled": False}, {"password": NEW}])
    def test_tokens_and_sessions_end_at_once(self, panel: Panel, body: Any) -> None:
        """For good: enabling brings none of them back."""
        browser = panel.browser("MailUser")
        assert browser.get("/account/").status_int == 200
        assert panel.call("PATCH", URL, body).status_int == 200
        assert panel.call("GET", TOKENS_URL, caller="MailUser").status_int == 401
        assert browser.get("/account/").status_int == 303
        panel.call("PATCH", URL, {"enabled": True})
        assert panel.call("GET", TOKENS_URL, caller="MailUser").status_int == 401
        assert browser.get("/account/").status_int == 303

    @pytest.mark.parametrize(
        ("body", "wrong"),
        [
            ({}, ["username", "perm_level"]),
            (
                dict.fromkeys(ALICE, 1),
                [
                    "password",
                    "perm_level",
                    "enabled",
                    "api_access",
                    "recovery_email",
                    "language",
                    "username",
                ],
            ),
            ({**ALICE, "colour": 1, "id": 1}, ["colour", "id"]),
            ({**ALICE, "username": "a:b"}, ["username"]),
            ({**ALICE, "username": "al\x00ice"}, ["username"]),
            ({**ALICE, "perm_level": "Root"}, ["perm_level"]),
            ({**ALICE, "password": "short"}, ["password"]),
            ({**ALICE, "password": "password1234"}, ["password"]),
            ({**ALICE, "password": f"{NEW}\ud800"}, ["password"]),
            ({**ALICE, "password": None}, ["password"]),
            ({**ALICE, "enabled": "true"}, ["enabled"]),
            ({**ALICE, "recovery_email": "alice"}, ["recovery_email"]),
            ({**ALICE, "language": "klingon"}, ["language"]),
        ],
    )
    def test_wrong_fields_are_all_named(self, panel: Panel, body: Any, wrong: list[str]) -> None:
        """None of them is repeated, and nothing is added."""
        answer = panel.call("POST", ACCOUNTS_URL, body)
        assert answer.status_int == 422
        assert sorted(fields(answer)) == sorted(wrong)
        assert NEW not in answer.text
        assert len(panel.call("GET", ACCOUNTS_URL).json["accounts"]) == 3

    @pytest.mark.parametrize("name", ["username", "created", "has_password"])
    def test_what_cannot_be_changed_is_refused(self, panel: Panel, name: str) -> None:
        """A new name above all: the history goes by it."""
        answer = panel.call("PATCH", URL, {name: "new", "language": "de"})
        assert (answer.status_int, fields(answer)) == (422, [name])
        assert panel.call("GET", URL).json["accounts"]["language"] is None

    @pytest.mark.parametrize("name", ["nobody", "%00", "a%3Ab", "%F0%9F%94%91", "x" * 300])
    def test_no_such_account_is_404(self, panel: Panel, name: str) -> None:
        """Before anything is said of the body."""
        for method in ("GET", "PATCH", "DELETE"):
            assert panel.call(method, f"{ACCOUNTS_URL}{name}/", b"").status_int == 404

    def test_a_change_counts_at_once(self, panel: Panel) -> None:
        """For tokens that are there already."""
        assert panel.call("GET", RELAYHOST, caller="MailUser").status_int == 403
        panel.call("PATCH", URL, {"perm_level": "MasterAdmin"})
        assert panel.call("GET", RELAYHOST, caller="MailUser").status_int == 204
        panel.call("PATCH", URL, {"api_access": False})
        assert panel.call("GET", RELAYHOST, caller="MailUser").status_int == 401


class TestTokens:
    def test_one_is_made_used_listed_and_revoked(self, panel: Panel) -> None:
        """It is shown that once."""
        scope = {"read_only": True, "settings": ["system_mailer"], "networks": ["192.0.2.0/24"]}
        body = {"name": "monitoring", "expires": "2999-01-31T12:00:00+01:00", **scope}
        made = panel.call("POST", TOKENS_URL, body).json["tokens"]
        token = made.pop("auth_token")
        assert made.items() >= {**body, "expires": "2999-01-31T11:00:00.000Z"}.items()
        url = "/api/v1/settings/system_mailer/"
        assert panel.call("GET", url, headers=bearer(token)).status_int == 204
        assert panel.call("POST", url, {}, headers=bearer(token)).status_int == 403
        answer = panel.call("GET", TOKENS_URL)
        assert token not in answer.text
        (listed,) = [each for each in answer.json["tokens"] if each["id"] == made["id"]]
        assert listed["last_used"]
        assert {**listed, "last_used": None} == made
        assert panel.call("DELETE", f"{TOKENS_URL}{made['id']}/").status_int == 204
        assert panel.call("GET", url, headers=bearer(token)).status_int == 401
        assert panel.call("DELETE", f"{TOKENS_URL}{made['id']}/").status_int == 404

    def test_everybody_sees_their_own(self, panel: Panel) -> None:
        """Not even a MasterAdmin sees another's, nor revokes it here."""
        for caller in ("MailUser", "MasterAdmin"):
            tokens = panel.call("GET", TOKENS_URL, caller=caller).json["tokens"]
            assert {each["account"] for each in tokens} == {caller}
        assert panel.call("DELETE", f"{TOKENS_URL}1/").status_int == 404
        assert panel.call("GET", TOKENS_URL, caller="MailUser").status_int == 200

    def test_none_makes_one_that_is_wider_than_itself(self, panel: Panel) -> None:
        """Neither does the one that this makes."""
        narrow = {"settings": ["system_mailer"]}
        for body in ({}, {"settings": ["postfix_relayhost"]}, {"settings": []}):
            answer = panel.call("POST", TOKENS_URL, body, "other-setting")
            assert (answer.status_int, fields(answer)) == (422, ["settings"])
        body = {**narrow, "networks": ["192.0.2.0/30"], "expires": "2999-01-31T12:00:00Z"}
        made = panel.call("POST", TOKENS_URL, body, "other-setting").json["tokens"]
        answer = panel.call("POST", TOKENS_URL, narrow, headers=bearer(made["auth_token"]))
        assert sorted(fields(answer)) == ["expires", "networks"]

    def test_a_narrow_one_sees_those_for_its_settings(self, panel: Panel) -> None:
        """And revokes no other."""
        tokens = panel.call("GET", TOKENS_URL, caller="other-setting").json["tokens"]
        assert [each["name"] for each in tokens] == ["other-setting"]
        url = f"{TOKENS_URL}3/"
        assert panel.call("DELETE", url, caller="other-setting").status_int == 404
        assert panel.call("GET", TOKENS_URL).status_int == 200

    @pytest.mark.parametrize(
        ("body", "wrong"),
        [
            ({"colour": 1, "auth_token": "mp_mine"}, ["auth_token", "colour"]),
            (
                {"name": 1, "read_only": 1, "settings": "x", "networks": {}, "expires": 1},
                ["name", "read_only", "settings", "networks", "expires"],
            ),
            (
                {
                    "settings": ["x"],
                    "networks": ["192.0.2.1/24"],
                    "expires": "2020-01-01T00:00:00Z",
                },
                ["settings", "networks", "expires"],
            ),
            ({"name": "a\nb"}, ["name"]),
            ({"name": "x" * 256}, ["name"]),
            ({"networks": [1]}, ["networks"]),
            ({"expires": "2999-01-31"}, ["expires"]),
        ],
    )
    def test_wrong_fields_are_all_named(self, panel: Panel, body: Any, wrong: list[str]) -> None:
        """And no token is made."""
        answer = panel.call("POST", TOKENS_URL, body)
        assert answer.status_int == 422
        assert sorted(fields(answer)) == sorted(wrong)
        assert len(panel.call("GET", TOKENS_URL).json["tokens"]) == 3

    @pytest.mark.parametrize("number", ["0", "-1", "x", "3.0", "99999999999999999999", "%00"])
    def test_no_such_token_is_404(self, panel: Panel, number: str) -> None:
        """Whatever stands there."""
        assert panel.call("DELETE", f"{TOKENS_URL}{number}/").status_int == 404


class TestAuth:
    def test_a_password_is_a_token_until_it_is_given_back(self, panel: Panel) -> None:
        """With exactly these keys."""
        body = {"username": "MasterAdmin", "password": PASSWORD}
        answer = panel.call("POST", AUTH_URL, body, "nobody")
        assert answer.status_int == 200
        auth = answer.json["auth"]
        assert list(auth) == ["username", "perm_level", "auth_token", "expires"]
        assert (auth["username"], auth["perm_level"]) == ("MasterAdmin", "MasterAdmin")
        headers = bearer(auth["auth_token"])
        assert panel.call("GET", RELAYHOST, headers=headers).status_int == 204
        assert panel.call("DELETE", AUTH_URL, headers=headers).status_int == 204
        assert panel.call("GET", RELAYHOST, headers=headers).status_int == 401
        assert panel.call("DELETE", AUTH_URL, headers=headers).status_int == 401

    @pytest.mark.parametrize(
        "body",
        [
            {"username": "MasterAdmin", "password": "guessed"},
            {"username": "MasterAdmin", "password": ""},
            {"username": "nobody", "password": PASSWORD},
            {"username": "no\x00body", "password": PASSWORD},
            {"username": "", "password": "\x00"},
        ],
    )
    def test_whatever_is_wrong_is_the_same_answer(self, panel: Panel, body: Any) -> None:
        """To the byte; it quotes nothing."""
        answer = panel.call("POST", AUTH_URL, body, "nobody")
        other = {"username": "somebody", "password": "x"}
        expected = panel.call("POST", AUTH_URL, other, "nobody")
        assert (answer.status_int, answer.body) == (401, expected.body)
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")

    def test_who_guesses_is_stopped_and_a_token_still_passes(self, panel: Panel) -> None:
        """From that network alone, here and at the panel's log-in."""
        body = {"username": "MasterAdmin", "password": "guessed"}
        answers = [panel.call("POST", AUTH_URL, body, "nobody") for _ in range(25)]
        assert {answer.status_int for answer in answers} == {401, 429}
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        assert panel.call("GET", RELAYHOST).status_int == 204
        assert panel.browser(None).log_in("MasterAdmin", PASSWORD).status_int == 429

    def test_with_a_second_factor_its_code_is_needed(self, panel: Panel) -> None:
        """As `otp`; what is missing or wrong is said, once the password is right."""
        phone = enrol(panel, panel.browser())
        body = {"username": "MasterAdmin", "password": PASSWORD}
        for otp, sentence in ((None, "send its present code"), ("000000", "in otp is wrong")):
            answer = panel.call("POST", AUTH_URL, {**body, "otp": otp}, "nobody")
            assert (answer.status_int, sentence in answer.json["detail"]) == (401, True)
        for otp in (phone.code(), phone.recovery_codes[0]):
            answer = panel.call("POST", AUTH_URL, {**body, "otp": otp}, "nobody")
            assert answer.status_int == 200
            again = panel.call("POST", AUTH_URL, {**body, "otp": otp}, "nobody")
            assert again.status_int == 401
        wrong = panel.call("POST", AUTH_URL, {**body, "otp": 123456}, "nobody")
        assert (wrong.status_int, fields(wrong)) == (422, ["otp"])

    def test_where_it_is_required_a_masteradmin_without_one_gets_no_token(
        self, panel: Panel
    ) -> None:
        """But a sentence; everybody else does."""
        registry = panel.wsgi.registry
        registry.deployment = replace(registry.deployment, require_second_factor=True)
        body = {"username": "MasterAdmin", "password": PASSWORD}
        answer = panel.call("POST", AUTH_URL, body, "nobody")
        assert answer.status_int == 401
        assert "needs a second factor here" in answer.json["detail"]
        other = panel.call("POST", AUTH_URL, {**body, "username": "MailUser"}, "nobody")
        assert other.status_int == 200

    def test_a_browsers_mark_counts_for_nothing(self, panel: Panel) -> None:
        """A cookie never does, for a program."""
        cookies = panel.browser().cookies
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        body = {"username": "MasterAdmin", "password": "guessed"}
        for _ in range(25):
            answer = panel.call("POST", AUTH_URL, body, "nobody")
        assert answer.status_int == 429
        assert panel.call("POST", AUTH_URL, body, "nobody", sent).status_int == 429

    @pytest.mark.parametrize(
        ("body", "wrong"),
        [
            ({}, ["username", "password"]),
            ({"username": 1, "password": None}, ["username", "password"]),
            ({"username": "a\ud800", "password": "\udfff"}, ["username", "password"]),
            ({"username": "a", "password": "b", "otp": 123456}, ["otp"]),
        ],
    )
    def test_wrong_fields_are_422(self, panel: Panel, body: Any, wrong: list[str]) -> None:
        """They are no attempt, so they are not counted."""
        answer = panel.call("POST", AUTH_URL, body, "nobody")
        assert (answer.status_int, fields(answer)) == (422, wrong)


class TestAudit:
    def test_every_change_and_every_refused_log_in_stands_in_it(self, panel: Panel) -> None:
        """The newest first, with who and from where."""
        panel.set({"junk_days": 7, "trash_days": 14}, INTERVAL)
        panel.call("POST", ACCOUNTS_URL, ALICE)
        panel.call("PATCH", URL, {"password": NEW})
        panel.call("POST", AUTH_URL, {"username": "alice", "password": "guessed"}, "nobody")
        answer = panel.call("GET", f"{AUDIT_URL}?limit=4")
        actions = [entry["action"] for entry in answer.json["audit"]]
        assert actions == ["session.refused", "account.change", "account.add", "setting.set"]
        changed = answer.json["audit"][1]
        assert changed["detail"] == {
            "account": "MailUser", "password": "changed", "tokens_revoked": 1
        }  # fmt: skip
        assert (changed["author"], changed["address"]) == ("MasterAdmin", "192.0.2.1")
        assert changed["token_id"] == 3
        assert NEW not in answer.text

    def test_filters_narrow_it_and_pages_keep_them(self, panel: Panel) -> None:
        """To the oldest."""
        for days in (1, 2, 3):
            panel.set({"junk_days": days, "trash_days": None}, INTERVAL)
        panel.call("DELETE", INTERVAL)
        url, seen = (
            (
                f"{AUDIT_URL}?setting=junk_trash_clearing_interval&action=setting.set"
                "&author=MasterAdmin&since=2020-01-01T00:00:00Z&limit=2"
            ),
            [],
        )
        while url:
            answer = panel.call("GET", url).json
            seen += [entry["revision"] for entry in answer["audit"]]
            url = answer["next"]
        assert seen == [3, 2, 1]
        assert panel.call("GET", f"{AUDIT_URL}?since=2999-01-01T00:00:00Z").json["audit"] == []

    @pytest.mark.parametrize(
        ("query", "wrong"),
        [
            ("setting=xyzzy", ["setting"]),
            ("since=yesterday&limit=0", ["since", "limit"]),
            ("author=&action=%00", ["author", "action"]),
            ("since=2026-11-22T12:00:00+01:00", ["since"]),
            ("autor=alice", ["autor"]),
            ("limit=1001", ["limit"]),
            ("author=%ff%00", ["author"]),
        ],
    )
    def test_a_wrong_filter_is_422(self, panel: Panel, query: str, wrong: list[str]) -> None:
        """What is misspelt would else show all there is."""
        answer = panel.call("GET", f"{AUDIT_URL}?{query}")
        assert (answer.status_int, fields(answer)) == (422, wrong)

    def test_a_filter_may_hold_any_text(self, panel: Panel) -> None:
        """Also what is no UTF-8, which nobody is called."""
        for text in ("%ff", "%F0%9F%94%91", "' OR 1=1", "a%25"):
            assert panel.call("GET", f"{AUDIT_URL}?author={text}&limit=1").json["audit"] == []


# URL and method of each call with a body, and one that is right.
BODIES = [
    ("POST", ACCOUNTS_URL, {"username": "new", "perm_level": "MailUser"}),
    ("PATCH", URL, {"language": "de"}),
    ("POST", TOKENS_URL, {"name": "new"}),
    ("POST", AUTH_URL, {"username": "MailUser", "password": PASSWORD}),
    ("POST", f"{INTERVAL}history/1/restore/", {}),
]


@pytest.mark.parametrize(("method", "url", "body"), BODIES)
class TestChecks:
    """The same as for the settings, in the same order."""

    @pytest.fixture(autouse=True)
    def _set(self, panel: Panel) -> None:
        panel.set({"junk_days": 7, "trash_days": 14}, INTERVAL)

    def test_the_body_is_taken(self, panel: Panel, method: str, url: str, body: Any) -> None:
        """So that what follows is refused for its own reason."""
        assert panel.call(method, url, body).status_int == 200

    @pytest.mark.parametrize(
        "refused",
        [
            (406, {"Accept": "text/html", "Content-Type": "text/plain"}, LARGE),
            (413, {"Content-Type": "text/plain"}, LARGE),
            (415, {"Content-Type": "text/plain"}, b"{"),
            (415, {"Content-Type": ""}, b"{}"),
            (415, {"Content-Type": "application/merge-patch+json"}, b"{}"),
            (400, {}, b"{"),
            (400, {}, b"[]"),
            (400, {}, b'{"a": 1, "a": 1}'),
            (400, {}, b'{"a": NaN}'),
            (400, {}, b"\xff"),
        ],
    )
    def test_another_is_refused(
        self, panel: Panel, method: str, url: str, body: Any, refused: Any
    ) -> None:
        """Each with its status."""
        status, headers, sent = refused
        answer = panel.call(method, url, sent, headers=headers)
        assert answer.status_int == status

    def test_an_unknown_field_is_422(self, panel: Panel, method: str, url: str, body: Any) -> None:
        """Beside a body that is right."""
        answer = panel.call(method, url, {**body, "xyzzy": 1})
        assert (answer.status_int, fields(answer)) == (422, ["xyzzy"])

    def test_without_the_database_nothing_was_changed(
        self, panel: Panel, method: str, url: str, body: Any
    ) -> None:
        """As everywhere."""
        panel.lose_database()
        answer = panel.call(method, url, body)
        assert answer.status_int == 503
        assert "Nothing was changed" in answer.json["detail"]


def test_each_change_is_logged_as_a_line_of_json(panel: Panel, caplog: Any) -> None:
    """For syslog or journald, without a secret."""
    with caplog.at_level("INFO", logger="mailpanel.audit"):
        panel.call("POST", ACCOUNTS_URL, ALICE)
        made = panel.call("POST", TOKENS_URL, {}).json["tokens"]
    lines = [each.getMessage() for each in caplog.records if each.name == "mailpanel.audit"]
    assert [json.loads(line)["action"] for line in lines] == ["account.add", "token.create"]
    assert not any(secret in caplog.text for secret in (NEW, made["auth_token"]))


def test_the_history_outlives_account_and_token(panel: Panel) -> None:
    """Who did it stands there by name."""
    panel.call("POST", ACCOUNTS_URL, {**ALICE, "perm_level": "MasterAdmin", "enabled": True})
    panel.call("PATCH", f"{ACCOUNTS_URL}alice/", {"api_access": True})
    body = {"username": "alice", "password": NEW}
    token = panel.call("POST", AUTH_URL, body, "nobody").json["auth"]["auth_token"]
    days = {"junk_days": 7, "trash_days": 14}
    assert panel.call("POST", INTERVAL, days, headers=bearer(token)).status_int == 200
    assert panel.call("DELETE", f"{ACCOUNTS_URL}alice/").status_int == 204
    (entry,) = panel.call("GET", f"{INTERVAL}history/").json["history"]
    assert entry["author"] == "alice"
    with panel.database.reading() as session:
        key = {"setting": "junk_trash_clearing_interval", "number": 1}
        assert session.get_one(Revision, key).token_id == entry["token_id"]
