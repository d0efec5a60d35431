"""mailpanel.openapi and mailpanel.jsonschema: what the document says of a schema."""

from __future__ import annotations

import re
import unicodedata

import colander
import pytest

from mailpanel import jsonschema, openapi, schema
from mailpanel.settings import SETTINGS


class Example(colander.MappingSchema):
    """One field of each type."""

    schema_type = schema.Object

    count = colander.SchemaNode(schema.Integer(1, 3650))
    days = colander.SchemaNode(schema.IntegerOrNull(1, 3650))
    null = colander.SchemaNode(schema.Null(), missing=colander.drop)
    port = colander.SchemaNode(schema.Port())
    mode = colander.SchemaNode(schema.OneOf(("a", "b")), missing=colander.drop)
    name = colander.SchemaNode(schema.Username(), title="Name", description="A name.")
    password = colander.SchemaNode(schema.Secret())
    server = colander.SchemaNode(schema.Hostname())


def field(name: str) -> jsonschema.Json:
    """Return the JSON Schema of a field of the example."""
    return jsonschema.of_request(Example())["properties"][name]


class TestJsonSchema:
    def test_the_object_is_exact(self):
        """Other keys are refused, and what has no default is required."""
        found = jsonschema.of_request(Example())
        assert found["additionalProperties"] is False
        assert set(found["properties"]) - set(found["required"]) == {"mode", "null"}

    def test_a_value_has_no_secret(self):
        """Neither as a property nor as a required one."""
        found = jsonschema.of_value(Example(), "password")
        assert "password" not in found["properties"]
        assert "password" not in found["required"]

    def test_integers_have_their_bounds(self):
        """A port is one too."""
        assert (field("count")["minimum"], field("count")["maximum"]) == (1, 3650)
        assert (field("port")["minimum"], field("port")["maximum"]) == (1, 65_535)

    def test_null_is_a_type(self):
        """Beside the integer, whose bounds it has not, or alone."""
        bounds = {"minimum": 1, "maximum": 3650}
        assert field("days").items() >= {"type": ["integer", "null"], **bounds}.items()
        assert field("null")["type"] == "null"

    def test_words_are_enumerated(self):
        """All of them."""
        assert field("mode")["enum"] == ["a", "b"]

    def test_a_secret_is_never_read(self):
        """So that a client shows no field for it, and dots where it is typed."""
        assert field("password")["writeOnly"] is True
        assert field("password")["format"] == "password"

    def test_titles_come_along(self):
        """From the same schema."""
        assert (field("name")["title"], field("name")["description"]) == ("Name", "A name.")

    @pytest.mark.parametrize(
        ("name", "kind"), [("name", schema.Username), ("password", schema.Secret)]
    )
    def test_the_pattern_takes_what_the_type_takes(self, name, kind):
        """For each character of Unicode, at an end and inside; surrogates are not JSON text."""
        pattern = re.compile(field(name)["pattern"])
        for code in range(0x30000):
            char = chr(code)
            if unicodedata.category(char) == "Cs":
                continue
            for text in (char, f"a{char}b"):
                assert bool(pattern.fullmatch(text)) is (kind().problem(text) is None), hex(code)


class TestDocument:
    def test_all_references_lead_somewhere(self):
        """And every component is used."""
        document = openapi.document()
        found = set(_references(document))
        components = {
            f"#/components/{kind}/{name}"
            for kind, names in document["components"].items()
            if kind != "securitySchemes"
            for name in names
        }
        assert found == components

    def test_it_has_no_secret_but_the_examples(self):
        """An answer's schema names none."""
        for name, setting in SETTINGS.items():
            state = openapi.document()["components"]["schemas"][f"{name}.state"]
            assert repr(setting.secret_field) not in repr(state)

    @pytest.mark.parametrize("name", SETTINGS)
    def test_a_body_is_required_but_where_the_value_is_generated(self, name):
        """And its example is valid either way."""
        post = openapi.document()["paths"][f"/settings/{name}/"]["post"]
        assert post["requestBody"]["required"] is not SETTINGS[name].generates
        example = post["requestBody"]["content"]["application/json"]["example"]
        assert example == dict(SETTINGS[name].example)
        SETTINGS[name].validate(example)

    def test_what_is_generated_is_a_text_or_null(self):
        """Nothing of how it is stored is told."""
        schemas = openapi.document()["components"]["schemas"]
        value = schemas["imap_master_password.state"]["properties"]["value"]
        assert value["oneOf"] == [{"type": "string", "readOnly": True}, {"type": "null"}]
        assert "hash" not in repr(schemas["imap_master_password"])

    def test_a_host_may_tell_more_than_it_must(self):
        """What only some settings have to say is documented and not required."""
        schemas = openapi.document()["components"]["schemas"]
        of_setting = schemas["status"]["properties"]["hosts"]["items"]
        of_host = schemas["host"]["properties"]["settings"]["additionalProperties"]
        details = {"drift", "effective_from", "fight", "log_in_as", "msmtp_config_file"}
        details |= {"last_log_in", "not_put_back", "other_ways", "overridden", "problem"}
        details |= {"relay_health", "undelivered", "unread_edits"}
        for found in (of_setting, of_host):
            assert set(found["properties"]) - set(found["required"]) == details

    def test_operations_have_names_of_their_own(self):
        """Generated clients name their methods by them."""
        names = [
            operation["operationId"]
            for path in openapi.document()["paths"].values()
            for method, operation in path.items()
            if method != "parameters"
        ]
        assert len(names) == len(set(names))


def _references(part: object) -> list[str]:
    if isinstance(part, dict):
        inner = [each for value in part.values() for each in _references(value)]
        return [part["$ref"], *inner] if "$ref" in part else inner
    if isinstance(part, list):
        return [each for value in part for each in _references(value)]
    return []
