"""mailpanel.fields and mailpanel.bodies: what is taken of JSON and of a query."""

from __future__ import annotations

from datetime import UTC, datetime

import colander
import pytest

from mailpanel import bodies, jsonschema
from mailpanel.bodies import AccountChanges, AuditQuery, HistoryQuery, NewToken, Nothing
from mailpanel.errors import InvalidFields, MalformedJson
from mailpanel.fields import Boolean, OrNull, Ruled, Texts, Time


def taken(kind, given):
    return colander.SchemaNode(kind).deserialize(given)


def refused(kind, given):
    with pytest.raises(colander.Invalid) as raised:
        taken(kind, given)
    return str(raised.value.msg)


class TestTypes:
    @pytest.mark.parametrize("given", [True, False])
    def test_a_boolean_is_one(self, given):
        assert taken(Boolean(), given) is given

    @pytest.mark.parametrize("given", [0, 1, "true", "", None, [], 1.0])
    def test_what_python_takes_for_a_boolean_is_none(self, given):
        assert refused(Boolean(), given) == "This must be true or false."

    @pytest.mark.parametrize(
        "given",
        [
            "2027-01-31T12:00:00Z",
            "2027-01-31t12:00:00z",
            "2027-01-31T12:00:00.0000009Z",
            "2027-01-31T17:30:00+05:30",
            "2027-01-31T12:00:00-00:00",
        ],
    )
    def test_a_time_is_what_rfc_3339_writes(self, given):
        assert taken(Time(), given) == datetime(2027, 1, 31, 12, tzinfo=UTC)

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "soon",
            "2027-01-31",
            "2027-01-31T12:00:00",
            "2027-01-31 12:00:00Z",
            "2027-01-31T12:00Z",
            "20270131T120000Z",
            "2027-W04-7T12:00:00Z",
            "2027-13-01T12:00:00Z",
            "2027-02-29T12:00:00Z",
            "2027-01-31T24:30:00Z",
            "2027-01-31T12:00:00+25:00",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "２027-01-31T12:00:00Z",
            "2027-01-31T12:00:00Z\n",
        ],
    )
    def test_what_is_no_such_time_is_told_with_an_example(self, given):
        assert refused(Time(), given) == "Write a time like 2027-01-31T12:00:00Z."

    @pytest.mark.parametrize("given", [1, None, True, [], {}])
    def test_a_time_is_text(self, given):
        assert refused(Time(), given) == "This must be text."

    def test_texts_are_a_list_of_texts(self):
        kind = Texts({})
        assert taken(kind, ["a", ""]) == ["a", ""]
        assert taken(kind, []) == []
        for given in ("a", {"a": 1}, [1], ["a", None], [["a"]]):
            assert refused(kind, given) == "This must be a list of texts."
        assert refused(kind, ["a"] * 101) == "Give at most 100."

    def test_a_rule_says_what_is_wrong(self):
        kind = Ruled(lambda text: None if text == "a" else "Write a.", pattern="^a$")
        assert taken(kind, "a") == "a"
        assert refused(kind, "b") == "Write a."
        assert refused(kind, 1) == "This must be text."

    def test_null_is_taken_where_it_may_be(self):
        assert taken(OrNull(Boolean()), None) is None
        assert taken(OrNull(Boolean()), True) is True
        assert refused(OrNull(Boolean()), 1) == "This must be true or false."

    def test_json_schema_says_the_same(self):
        node = colander.SchemaNode(OrNull(Texts({"enum": ["a"]})), name="x", description="X.")
        body = colander.MappingSchema(children=[node])
        assert jsonschema.of_request(body)["properties"]["x"] == {
            "type": ["array", "null"],
            "items": {"type": "string", "enum": ["a"]},
            "maxItems": 100,
            "title": "X",
            "description": "X.",
        }


class TestBody:
    def test_what_is_left_out_is_the_widest(self):
        wide = {"name": "", "read_only": False, "settings": None, "networks": None, "expires": None}
        assert bodies.body_of(NewToken, b"") == bodies.body_of(NewToken, b"{}") == wide

    def test_of_changes_only_what_is_sent_is_there(self):
        assert bodies.body_of(AccountChanges, b'{"language": null}') == {"language": None}
        assert bodies.body_of(AccountChanges, b"{}") == {}

    @pytest.mark.parametrize("field", ["password", "perm_level", "enabled", "api_access"])
    def test_not_everything_may_be_null(self, field):
        with pytest.raises(InvalidFields):
            bodies.body_of(AccountChanges, b'{"%s": null}' % field.encode())

    def test_nothing_is_nothing(self):
        assert bodies.body_of(Nothing, b"") == {}
        with pytest.raises(InvalidFields):
            bodies.body_of(Nothing, b'{"revision": 1}')
        with pytest.raises(MalformedJson):
            bodies.body_of(Nothing, b"[]")


class TestQuery:
    def test_numbers_and_times_are_read_of_their_texts(self):
        query = bodies.query_of(AuditQuery, "limit=5&before=17&since=2027-01-31T12:00:00Z")
        assert (query["limit"], query["before"]) == (5, 17)
        assert query["since"] == datetime(2027, 1, 31, 12, tzinfo=UTC)
        assert query["author"] is None

    def test_an_empty_one_is_the_first_page(self):
        assert bodies.query_of(HistoryQuery, "") == {"limit": 50, "before": None}

    @pytest.mark.parametrize(
        ("query", "fields"),
        [
            ("limit=0", ["limit"]),
            ("limit=101", ["limit"]),
            ("limit=ten&before=-1", ["limit", "before"]),
            ("before=", ["before"]),
            ("before=9999999999", ["before"]),
            ("limit=1&limit=2&before=1&before=1", ["limit", "before"]),
            ("limits=1", ["limits"]),
            ("x=%ff", ["x"]),
        ],
    )
    def test_wrong_parameters_are_all_named(self, query, fields):
        with pytest.raises(InvalidFields) as raised:
            bodies.query_of(HistoryQuery, query)
        assert [error.field for error in raised.value.errors] == fields
