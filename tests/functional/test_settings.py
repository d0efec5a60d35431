"""The settings calls, by the contract's examples and to the key."""

from __future__ import annotations

import re
from typing import Any

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from panel import INTERVAL, MAILER, MASTER, RELAYHOST, SETTINGS_URL, Panel

RELAY_EXAMPLE = {
    "server_hostname": "filter1020.mymailcheap.com",
    "server_port": 587,
    "username": "relay-user",
    "password": "secure-relay-user-password",
}
RELAY_VALUE = {
    "server_hostname": "filter1020.mymailcheap.com",
    "server_port": 587,
    "username": "relay-user",
}
NO_ACCOUNT = {"server_hostname": "relay.example.org", "server_port": 25}
MAILER_EXAMPLE = {
    "server_hostname": "mail3.mymailcheap.com",
    "server_port": 587,
    "username": "noreply@vonmail.com",
    "password": "7Hp5jQ3GMNyLuwkAlDb3",
}
MAILER_VALUE = {
    "server_hostname": "mail3.mymailcheap.com",
    "server_port": 587,
    "username": "noreply@vonmail.com",
}
INTERVAL_EXAMPLE = {"junk_days": 7, "trash_days": 14}


def state(
    status: str, value: object = RELAY_VALUE, name: str = "postfix_relayhost", **more: str
) -> dict[str, object]:
    """Return the documented object."""
    return {"name": name, "status": status, "value": value, **more}


def desired(panel: Panel, name: str) -> Any:
    """Return what the hosts are told to make of the setting *name*."""
    (found,) = [each for each in panel.hosts.desired() if each.setting == name]
    return found


class TestExamples:
    """What the documentation shows."""

    def test_the_relayhost(self, panel: Panel) -> None:
        """POST answers applying; GET answers applied once the hosts have said so."""
        response = panel.call("POST", RELAYHOST, RELAY_EXAMPLE)
        assert response.status_int == 200
        assert response.json == {"settings": state("applying")}
        assert panel.call("GET", RELAYHOST).json == {"settings": state("applying")}

        panel.report("postfix_relayhost", 1)
        assert panel.call("GET", RELAYHOST).json == {"settings": state("applied")}

    @pytest.mark.parametrize(
        ("name", "example", "value"),
        [
            ("system_mailer", MAILER_EXAMPLE, MAILER_VALUE),
            ("junk_trash_clearing_interval", INTERVAL_EXAMPLE, INTERVAL_EXAMPLE),
        ],
    )
    def test_the_mailer_and_the_interval(
        self, panel: Panel, name: str, example: dict[str, Any], value: dict[str, Any]
    ) -> None:
        """As they stand in the documentation."""
        url = f"{SETTINGS_URL}{name}/"
        assert panel.call("POST", url, example).json == {
            "settings": {"name": name, "status": "applying", "value": value}
        }
        panel.report(name, 1)
        answer = {"settings": {"name": name, "status": "applied", "value": value}}
        assert panel.call("GET", url).json == answer

    @pytest.mark.parametrize("body", [b'{"null": null}', b"{}", b""])
    def test_the_master_password(self, panel: Panel, body: bytes) -> None:
        """The placeholder, the empty object and no body are the same."""
        answer = panel.call("POST", MASTER, body).json["settings"]
        password = answer["value"]
        assert answer == state("applying", password, "imap_master_password")
        assert re.fullmatch(r"[a-z2-9]{5}(-[a-z2-9]{5}){6}", password)
        hidden = state("applying", None, "imap_master_password")
        assert panel.call("GET", MASTER).json == {"settings": hidden}
        assert panel.call("GET", SETTINGS_URL).json == {"settings": [hidden]}

    def test_all_four_are_listed_in_their_order(self, panel: Panel) -> None:
        """Whichever was set first."""
        panel.set({}, MASTER)
        panel.set(INTERVAL_EXAMPLE, INTERVAL)
        panel.set(RELAY_EXAMPLE)
        panel.set(MAILER_EXAMPLE, MAILER)
        assert panel.call("GET", SETTINGS_URL).json["settings"] == [
            state("applying", MAILER_VALUE, "system_mailer"),
            state("applying"),
            state("applying", INTERVAL_EXAMPLE, "junk_trash_clearing_interval"),
            state("applying", None, "imap_master_password"),
        ]

    def test_the_authorization_header_of_requests(self, panel: Panel) -> None:
        """``auth=("admin", token)`` is Basic with the token as the password."""
        panel.app.authorization = ("Basic", ("MasterAdmin", panel.tokens["MasterAdmin"]))
        response = panel.app.post_json(RELAYHOST, RELAY_EXAMPLE)
        assert response.json == {"settings": state("applying")}

    def test_a_relay_without_an_account(self, panel: Panel) -> None:
        """The value has no username then."""
        answer = panel.call("POST", RELAYHOST, NO_ACCOUNT).json
        assert answer == {"settings": state("applying", NO_ACCOUNT)}


class TestGet:
    def test_what_was_never_set_is_204(self, panel: Panel) -> None:
        """No body, no ETag."""
        response = panel.call("GET", RELAYHOST)
        assert response.status_int == 204
        assert "ETag" not in response.headers

    def test_the_etag_names_the_revision(self, panel: Panel) -> None:
        """Of POST and of GET, and each POST is a new one."""
        assert panel.set(RELAY_EXAMPLE).headers["ETag"] == '"1"'
        assert panel.set(RELAY_EXAMPLE).headers["ETag"] == '"2"'
        assert panel.call("GET", RELAYHOST).headers["ETag"] == '"2"'

    def test_head_is_get_without_the_body(self, panel: Panel) -> None:
        """Status and headers are the same."""
        panel.set(RELAY_EXAMPLE)
        head, get = panel.call("HEAD", RELAYHOST), panel.call("GET", RELAYHOST)
        assert head.body == b""
        assert head.headers == get.headers

    def test_a_failed_revision_stays_desired_and_says_why(self, panel: Panel) -> None:
        """The error is a sentence; the value is the desired one."""
        panel.set(RELAY_EXAMPLE)
        panel.report("postfix_relayhost", 1, "failed", step="probe", error="Refused.")
        answer = panel.call("GET", RELAYHOST).json
        assert answer == {"settings": state("failed", error=answer["settings"]["error"])}
        assert "mail1" in answer["settings"]["error"]

    def test_the_list_has_what_is_set(self, panel: Panel) -> None:
        """And is empty at first."""
        assert panel.call("GET", SETTINGS_URL).json == {"settings": []}
        panel.set(RELAY_EXAMPLE)
        response = panel.call("GET", SETTINGS_URL)
        assert response.json == {"settings": [state("applying")]}
        assert "ETag" not in response.headers

    def test_the_list_shows_what_the_scope_allows(self, panel: Panel) -> None:
        """A token for another setting sees nothing of this one."""
        panel.set(RELAY_EXAMPLE)
        answer = panel.call("GET", SETTINGS_URL, caller="other-setting").json
        assert answer == {"settings": []}
        assert panel.call("GET", SETTINGS_URL, caller="read-only").json != answer
        panel.set(MAILER_EXAMPLE, MAILER)
        answer = panel.call("GET", SETTINGS_URL, caller="other-setting").json
        assert answer == {"settings": [state("applying", MAILER_VALUE, "system_mailer")]}

    def test_the_status_says_who_and_whom_it_waits_for(self, panel: Panel) -> None:
        """For the whole and for each host."""
        panel.hosts.checked_in("mail1", {})
        panel.set(RELAY_EXAMPLE)
        status = panel.call("GET", f"{RELAYHOST}status/").json["status"]
        assert (status["revision"], status["author"]) == (1, "MasterAdmin")
        assert status["waiting_for"] == ["mail1"]
        assert [host["host"] for host in status["hosts"]] == ["mail1"]


class TestPost:
    def test_a_password_left_out_stays(self, panel: Panel) -> None:
        """Where nothing else changes."""
        panel.set(RELAY_EXAMPLE)
        assert panel.call("POST", RELAYHOST, RELAY_VALUE).status_int == 200

    def test_the_mailers_password_stays_with_its_server(self, panel: Panel) -> None:
        """What is sealed is carried along, and an optional field is in the answer once sent."""
        panel.set({**MAILER_EXAMPLE, "security": "starttls"}, MAILER)
        sealed = desired(panel, "system_mailer").sealed
        value = {**MAILER_VALUE, "security": "starttls"}
        answer = panel.call("POST", MAILER, value).json
        assert answer == {"settings": state("applying", value, "system_mailer")}
        assert desired(panel, "system_mailer").sealed == sealed

    @pytest.mark.parametrize(
        "value",
        [
            {"junk_days": 1, "trash_days": 3650},
            {"junk_days": None, "trash_days": 14},
            {"junk_days": 7, "trash_days": None},
            {"junk_days": None, "trash_days": None},
        ],
    )
    def test_null_days_are_a_value(self, panel: Panel, value: dict[str, Any]) -> None:
        """Never to clear a folder is something to say."""
        answer = {"settings": state("applying", value, "junk_trash_clearing_interval")}
        assert panel.call("POST", INTERVAL, value).json == answer
        assert panel.call("GET", INTERVAL).json == answer
        assert desired(panel, "junk_trash_clearing_interval").value == value

    @pytest.mark.parametrize(
        "content_type", ["", "text/plain", "application/x-www-form-urlencoded"]
    )
    def test_a_request_without_a_body_may_say_any_content_type(
        self, panel: Panel, content_type: str
    ) -> None:
        """Clients send what they are used to; with a body it must be JSON."""
        headers = {"Content-Type": content_type}
        assert panel.call("POST", MASTER, b"", headers=headers).status_int == 200
        assert panel.call("POST", MASTER, b"{}", headers=headers).status_int == 415

    def test_only_the_hash_of_a_generated_password_is_kept(self, panel: Panel) -> None:
        """As Dovecot verifies it, of that very password, with a salt of its own."""
        hashes = []
        for _ in range(2):
            password = panel.set({}, MASTER).json["settings"]["value"]
            told = desired(panel, "imap_master_password")
            assert told.sealed is None
            assert list(told.value) == ["hash"]
            assert told.value["hash"].startswith("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$")
            argon2 = told.value["hash"].removeprefix("{ARGON2ID}")
            assert PasswordHasher().verify(argon2, password)
            assert extract_parameters(argon2).type is Type.ID
            hashes.append(argon2)
        assert hashes[0].split("$")[-2:] != hashes[1].split("$")[-2:]

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            'application/json;charset="UTF-8"',
        ],
    )
    def test_what_content_type_may_say(self, panel: Panel, content_type: str) -> None:
        """JSON, in UTF-8."""
        headers = {"Content-Type": content_type}
        assert panel.call("POST", RELAYHOST, NO_ACCOUNT, headers=headers).status_int == 200

    @pytest.mark.parametrize(
        "accept",
        [
            "",
            "*/*",
            "application/*",
            "application/json",
            "application/json; charset=utf-8",
            "text/html, application/json;q=0.1",
            "text/*;q=0, */*;q=0.5",
            "garbage;;",
        ],
    )
    def test_what_accept_may_say(self, panel: Panel, accept: str) -> None:
        """Anything that does not exclude application/json."""
        headers = {"Accept": accept}
        assert panel.call("POST", RELAYHOST, NO_ACCOUNT, headers=headers).status_int == 200

    def test_an_empty_accept_says_nothing(self, panel: Panel) -> None:
        """As no Accept at all."""
        response = panel.app.get(
            RELAYHOST, headers={**panel.credentials(), "Accept": ""}, expect_errors=True
        )
        assert response.status_int == 204

    def test_content_type_of_an_empty_body_is_not_looked_at(self, panel: Panel) -> None:
        """No body is the empty object, which lacks its fields."""
        headers = {"Content-Type": "text/plain"}
        assert panel.call("POST", RELAYHOST, b"", headers=headers).status_int == 422

    def test_a_body_of_64_kib_is_allowed(self, panel: Panel) -> None:
        """65,536 bytes are, one more is not."""
        body = b'{"server_hostname": "relay", "server_port": 25}'
        response = panel.call("POST", RELAYHOST, body.ljust(65_536))
        assert response.status_int == 200
        assert panel.call("POST", RELAYHOST, body.ljust(65_537)).status_int == 413

    @pytest.mark.parametrize("query", ["?other=1", "?dryrun=1"])
    def test_a_parameter_that_there_is_not_is_refused(self, panel: Panel, query: str) -> None:
        """A mistyped dry run would be saved."""
        assert panel.call("POST", f"{RELAYHOST}{query}", NO_ACCOUNT).status_int == 422
        assert panel.call("DELETE", f"{RELAYHOST}{query}").status_int == 422

    @pytest.mark.parametrize("query", ["", "?probe=yes"])
    def test_the_probe_is_on(self, panel: Panel, query: str) -> None:
        """Unless it is turned off."""
        assert panel.call("POST", f"{RELAYHOST}{query}", NO_ACCOUNT).status_int == 200
        assert panel.hosts.desired()[0].probe is True

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_the_probe_can_be_turned_off(self, panel: Panel, method: str) -> None:
        """For that one revision."""
        panel.set(NO_ACCOUNT)
        body = NO_ACCOUNT if method == "POST" else b""
        assert panel.call(method, f"{RELAYHOST}?probe=no", body).status_int == 200
        assert panel.hosts.desired()[0].probe is False


class TestDelete:
    def test_the_way_to_204(self, panel: Panel) -> None:
        """Deleting, and deleting again, until the hosts have reset it."""
        panel.hosts.checked_in("mail1", {})
        panel.set(RELAY_EXAMPLE)
        for _ in range(2):
            response = panel.call("DELETE", RELAYHOST)
            assert response.status_int == 200
            assert response.json == {
                "settings": {"name": "postfix_relayhost", "status": "deleting"}
            }
            assert "ETag" not in response.headers
        assert panel.call("GET", RELAYHOST).json == {"settings": state("deleting", None)}
        assert "ETag" not in panel.call("GET", RELAYHOST).headers

        panel.report("postfix_relayhost", 2)
        for method in ("GET", "DELETE"):
            assert panel.call(method, RELAYHOST).status_int == 204

    def test_what_was_never_set_is_204(self, panel: Panel) -> None:
        """There is nothing to reset."""
        assert panel.call("DELETE", RELAYHOST).status_int == 204

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_a_body_is_ignored(self, panel: Panel, method: str) -> None:
        """Whatever it is."""
        headers = {"Content-Type": "text/plain"}
        response = panel.call(method, RELAYHOST, b"{" * 70_000, headers=headers)
        assert response.status_int == 204


class TestIfMatch:
    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    @pytest.mark.parametrize("header", ['"1"', "*", '"7", "1"', ' "7" ,, "1"', 'W/"1", "1"'])
    def test_the_desired_revision_matches(self, panel: Panel, method: str, header: str) -> None:
        """By itself, in a list, and as any."""
        panel.set(NO_ACCOUNT)
        body = NO_ACCOUNT if method == "POST" else b""
        response = panel.call(method, RELAYHOST, body, headers={"If-Match": header})
        assert response.status_int == 200

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_another_does_not(self, panel: Panel, method: str) -> None:
        """And nothing is changed."""
        panel.set(NO_ACCOUNT)
        body = NO_ACCOUNT if method == "POST" else b""
        response = panel.call(method, RELAYHOST, body, headers={"If-Match": '"2", "11"'})
        assert response.status_int == 412
        assert panel.call("GET", RELAYHOST).headers["ETag"] == '"1"'
