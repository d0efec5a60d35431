"""What every registered setting does: a new one is tested by being registered."""

from __future__ import annotations

import json

import pytest
from panel import SETTINGS_URL, Panel
from stored import stored

from mailpanel import openapi
from mailpanel.settings import SETTINGS, Setting

pytestmark = pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)


def url_of(setting: Setting) -> str:
    """Return where *setting* is."""
    return f"{SETTINGS_URL}{setting.name}/"


def public_example(setting: Setting) -> dict[str, object]:
    """Return the example as it is answered."""
    return setting.public(setting.validate(dict(setting.example)))


def test_it_names_itself(setting: Setting) -> None:
    """For the URL, for the panel, and for the document."""
    assert SETTINGS[setting.name] is setting
    assert setting.name.isidentifier()
    assert setting.title
    assert setting.description.endswith(".")


def test_the_example_is_valid_and_its_secret_hidden(setting: Setting) -> None:
    """In JSON as JSON has it."""
    example = json.loads(json.dumps(dict(setting.example)))
    appstruct = setting.validate(example)
    assert setting.public(appstruct) == {
        name: value for name, value in appstruct.items() if name != setting.secret_field
    }


def test_its_life(setting: Setting, panel: Panel) -> None:
    """Unset, applying, applied, deleting, unset: with the exact keys of each."""
    url, value = url_of(setting), public_example(setting)
    panel.hosts.checked_in("mail1", {})
    assert panel.call("GET", url).status_int == 204

    response = panel.call("POST", url, dict(setting.example))
    state = {"name": setting.name, "status": "applying", "value": value}
    assert (response.status_int, response.json) == (200, {"settings": state})

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
    """Nor in the database, its journal or anything else that the web writes."""
    secret = setting.example.get(setting.secret_field or "")
    if secret is None:
        pytest.skip("it has none")
    panel.set(dict(setting.example), url_of(setting))
    for url in (url_of(setting), f"{url_of(setting)}status/", SETTINGS_URL):
        assert secret not in panel.call("GET", url).text
    assert secret.encode() not in stored(panel.database)
    for file in panel.directory.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes()


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
    value = document["components"]["schemas"][f"{setting.name}.state"]["properties"]["value"]
    assert setting.secret_field not in value["oneOf"][0]["properties"]
