"""What every registered setting does: a new one is tested by being registered."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from itertools import pairwise
from typing import Any

import pytest
from panel import AUDIT_URL, SETTINGS_URL, Panel
from stored import stored

from mailpanel import openapi
from mailpanel.settings import SETTINGS, Setting

pytestmark = pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
WAITS = {"Prefer": "wait=0"}


def url_of(setting: Setting) -> str:
    """Return where *setting* is."""
    return f"{SETTINGS_URL}{setting.name}/"


def shown_example(setting: Setting) -> dict[str, Any] | None:
    """Return the example as it is shown to whoever reads it."""
    value = setting.public(setting.validate(dict(setting.example)))
    return None if setting.generates else value


def post(setting: Setting, panel: Panel, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Set it to the example, and return the object in the answer."""
    response = panel.call("POST", url_of(setting), dict(setting.example), headers=headers)
    assert response.status_int == 200
    assert list(response.json) == ["settings"]
    return response.json["settings"]


def check_posted(setting: Setting, value: object) -> None:
    """Assert that *value* is what POST answers: the example, or a text that was generated."""
    if setting.generates:
        assert isinstance(value, str)
        assert len(value) > 20
    else:
        assert value == shown_example(setting)


def test_it_names_itself(setting: Setting) -> None:
    """For the URL, for the panel, and for the document."""
    assert SETTINGS[setting.name] is setting
    assert setting.name.isidentifier()
    assert setting.title
    assert setting.description.endswith(".")
    assert setting.part in ("postfix", "dovecot", "msmtp")


def test_the_example_is_valid_and_its_secret_hidden(setting: Setting) -> None:
    """In JSON as JSON has it."""
    example = json.loads(json.dumps(dict(setting.example)))
    appstruct = setting.validate(example)
    assert setting.public(appstruct) == {
        name: value for name, value in appstruct.items() if name != setting.secret_field
    }


def test_its_life(setting: Setting, panel: Panel) -> None:
    """Unset, applying, applied, deleting, unset: with the exact keys of each."""
    url = url_of(setting)
    panel.hosts.checked_in("mail1", {})
    assert panel.call("GET", url).status_int == 204

    state = {"name": setting.name, "status": "applying", "value": shown_example(setting)}
    posted = post(setting, panel)
    check_posted(setting, posted["value"])
    assert posted == {**state, "value": posted["value"]}
    assert panel.call("GET", url).json == {"settings": state}
    assert panel.call("GET", SETTINGS_URL).json == {"settings": [state]}

    panel.report(setting.name, 1)
    response = panel.call("GET", url)
    assert response.json == {"settings": {**state, "status": "applied"}}
    assert response.headers["ETag"] == '"1"'
    assert panel.call("GET", SETTINGS_URL).json["settings"] == [response.json["settings"]]

    response = panel.call("DELETE", url)
    deleting = {"name": setting.name, "status": "deleting"}
    assert (response.status_int, response.json) == (200, {"settings": deleting})
    assert panel.call("GET", url).json == {"settings": {**deleting, "value": None}}

    panel.report(setting.name, 2)
    assert panel.call("GET", url).status_int == 204
    assert panel.call("DELETE", url).status_int == 204


def test_its_secret_is_in_no_answer_and_in_no_file(setting: Setting, panel: Panel) -> None:
    """Nor in the database, its journal or anything else that the web writes.

    What was generated is in one answer, and however it is written, nowhere else. A setting
    without a secret is seen to store its value, so that the search is known to find.
    """
    posted = post(setting, panel)
    secrets = [posted["value"]] if setting.generates else []
    if setting.secret_field:
        secrets.append(setting.example[setting.secret_field])
    answers = [
        panel.call("GET", url).text
        for url in (
            url_of(setting),
            f"{url_of(setting)}status/",
            f"{url_of(setting)}history/",
            SETTINGS_URL,
            "/api/v1/hosts/",
            AUDIT_URL,
        )
    ]
    kept = [stored(panel.database)]
    kept += [file.read_bytes() for file in panel.directory.rglob("*") if file.is_file()]
    for text in (form for secret in secrets for form in forms(secret)):
        assert not any(text in answer for answer in answers)
        assert not any(text.encode() in content for content in kept)
    if not secrets:
        assert any(name.encode() in kept[0] for name in setting.example)


def forms(secret: str) -> set[str]:
    """Return how *secret* might be written down."""
    return {
        secret,
        secret.replace("-", ""),
        secret.encode().hex(),
        b64encode(secret.encode()).decode().rstrip("="),
        hashlib.sha256(secret.encode()).hexdigest(),
    }


def test_an_identical_change_is_a_revision_of_its_own(setting: Setting, panel: Panel) -> None:
    """With the same value, or with a new one where it is generated."""
    posted = [post(setting, panel)["value"] for _ in range(3)]
    assert panel.call("GET", url_of(setting)).headers.get("ETag") == '"3"'
    for one, other in pairwise(posted):
        check_posted(setting, other)
        assert (one == other) is not setting.generates


@pytest.mark.parametrize("status", ["applied", "applying", "failed"])
def test_the_answer_after_a_wait(setting: Setting, panel: Panel, status: str) -> None:
    """The value, whatever the status; but what was generated in vain is not shown."""
    # It is reported first: the next revision follows the highest that a host has seen.
    error = "No." if status == "failed" else None
    panel.report(setting.name, 8, status, error=error, highest_revision=7)
    posted = post(setting, panel, WAITS)
    assert posted["status"] == status
    if status == "failed":
        assert set(posted) == {"name", "status", "value", "error"}
        assert posted["value"] == shown_example(setting)
    else:
        assert set(posted) == {"name", "status", "value"}
        check_posted(setting, posted["value"])


def test_unknown_fields_are_refused(setting: Setting, panel: Panel) -> None:
    """Beside a value that is right."""
    response = panel.call("POST", url_of(setting), {**setting.example, "colour": 1})
    assert [error["field"] for error in response.json["errors"]] == ["colour"]


def test_openapi_has_it(setting: Setting) -> None:
    """With its body, its example, and never its secret in an answer."""
    document = openapi.document()
    operations = document["paths"][f"/settings/{setting.name}/"]
    assert set(operations) == {"get", "post", "delete"}
    body = operations["post"]["requestBody"]["content"]["application/json"]
    assert body["example"] == dict(setting.example)
    assert operations["post"]["requestBody"]["required"] is not setting.generates
    schema = document["components"]["schemas"][f"{setting.name}.state"]["properties"]["value"]
    value, null = schema["oneOf"]
    assert null == {"type": "null"}
    if setting.generates:
        assert value["type"] == "string"
    else:
        assert setting.secret_field not in value["properties"]
        assert set(value["required"]) <= set(setting.example)


def test_its_details_stand_with_the_host_that_told_them(setting: Setting, panel: Panel) -> None:
    """In the status of the setting and of the host."""
    panel.report(setting.name, 1, details={"log_in_as": "user*master"})
    (host,) = panel.call("GET", f"{url_of(setting)}status/").json["status"]["hosts"]
    assert host["log_in_as"] == "user*master"
    shown = panel.call("GET", "/api/v1/hosts/mail1/").json["hosts"]["settings"][setting.name]
    assert shown["log_in_as"] == "user*master"
