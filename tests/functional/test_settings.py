"""The settings calls, by the contract's examples and to the key."""

from __future__ import annotations

import pytest
from panel import RELAYHOST, SETTINGS_URL, Panel

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


def state(status: str, value: object = RELAY_VALUE, **more: str) -> dict[str, object]:
    """Return the documented object."""
    return {"name": "postfix_relayhost", "status": status, "value": value, **more}


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

    @pytest.mark.parametrize("query", ["?other=1", "?probe=yes&other=1"])
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
