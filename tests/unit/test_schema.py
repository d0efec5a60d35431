"""What a field takes, what it makes of it, and what it refuses, without repeating any of it."""

from __future__ import annotations

import ipaddress
import random
from typing import Any

import colander
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailpanel.errors import InvalidFields
from mailpanel.hostnames import canonical_hostname
from mailpanel.schema import (
    Hostname,
    Integer,
    IntegerOrNull,
    Null,
    Object,
    OneOf,
    Port,
    Secret,
    Username,
    deserialize,
)


class Everything(colander.MappingSchema):
    schema_type = Object

    host = colander.SchemaNode(Hostname())
    port = colander.SchemaNode(Port())
    username = colander.SchemaNode(Username(), missing=colander.drop)
    password = colander.SchemaNode(Secret(), missing=colander.drop)
    word = colander.SchemaNode(OneOf(("a", "b")), missing=colander.drop)
    days = colander.SchemaNode(Integer(1, 3650), missing=colander.drop)


class Nullable(colander.MappingSchema):
    schema_type = Object

    days = colander.SchemaNode(IntegerOrNull(1, 3650))
    null = colander.SchemaNode(Null(), missing=colander.drop)


GOOD: dict[str, Any] = {"host": "a.test", "port": 587}


def taken(form: bool = False, **fields: Any) -> dict[str, Any]:
    return deserialize(Everything().bind(form=form), GOOD | fields)


def refused(**fields: Any) -> str:
    """Return the sentence about the one wrong field."""
    with pytest.raises(InvalidFields) as caught:
        taken(**fields)
    (error,) = caught.value.errors
    assert error.field in fields
    return error.detail


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("relay.example.net", "relay.example.net"),
        ("Relay.EXAMPLE.net.", "relay.example.net"),
        ("localhost", "localhost"),
        ("a-b.c--d.x1", "a-b.c--d.x1"),
        ("1a.2b", "1a.2b"),
        ("a" * 63 + ".test", "a" * 63 + ".test"),
        (".".join(["a" * 63] * 3 + ["b" * 61]), ".".join(["a" * 63] * 3 + ["b" * 61])),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7.", "192.0.2.7"),
        ("::1", "::1"),
        ("2001:DB8:0:0::0001", "2001:db8::1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
    ],
)
def test_a_hostname_has_one_form(text: str, canonical: str) -> None:
    assert taken(host=text)["host"] == canonical
    assert canonical_hostname(canonical) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "a.test..",
        "-a.test",
        "a-.test",
        "a_b.test",
        "_smtp.test",
        "a b.test",
        " a.test",
        "a.test\n",
        "a\u3000b.test",
        "a" * 64,
        ".".join(["a" * 63] * 4),
        "[a.test]",
        "[192.0.2.7]",
        "[::1]",
        "a.test:587",
        "192.0.2.7:25",
        "smtp://a.test",
        "a.test/",
        "u@a.test",
        "$myhostname",
        "a.$x",
        "a;b",
        "a=b",
        "a,b",
        "{a}",
        "a\0",
        "a\x7f",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.2.3.4",
        "1.2.3.0x4",
        "a.123",
        "0x7f000001",
        "2130706433",
        "fe80::1%eth0",
        "::ffff:192.0.2.7",
        "1::2::3",
        ":",
        "12345::",
        "xn--",
        "xn--a",
        "xn--ls8h.test",
        "☃.test",
        "a\u200db.test",
        "１.2.3.４",
        "a。test",
        "\u202ea.test",
        "\udcff.test",
        "*.test",
    ],
)
def test_no_hostname(text: str) -> None:
    """Ports, brackets, what Postfix would expand, and what resolvers read as something else."""
    sentence = refused(host=text)
    assert len(text) < 3 or text not in sentence


@given(st.text(max_size=30) | st.text("abxn-.1$[]: ü\u3002", max_size=20))
@settings(deadline=None)
@example("ß" * 70)
@example("a.İ")
def test_what_is_taken_is_safe_to_write_and_is_its_own_form(text: str) -> None:
    """Any text: refused with a sentence, or letters, digits, hyphens, dots and colons."""
    try:
        canonical = canonical_hostname(text)
    except ValueError:
        return
    assert set(canonical) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.:")
    assert canonical_hostname(canonical) == canonical
    if ":" in canonical or canonical.replace(".", "").isdecimal():
        assert str(ipaddress.ip_address(canonical)) == canonical
    else:
        assert len(canonical) <= 253
        assert all(1 <= len(label) <= 63 for label in canonical.split("."))


@given(st.ip_addresses())
@settings(deadline=None)
def test_every_address_is_taken_in_its_canonical_form(address: Any) -> None:
    if getattr(address, "ipv4_mapped", None):
        with pytest.raises(ValueError, match="IPv4"):
            canonical_hostname(address.exploded)
    else:
        assert canonical_hostname(address.exploded.upper()) == str(address)


BLANKS = "\x20\xa0\u1680\u2000\u2001\u200a\u2028\u2029\u202f\u205f\u3000"
CONTROLS = "\0\x01\t\n\v\f\r\x1b\x1c\x1f\x7f\x80\x85\x9f"


@pytest.mark.parametrize("field", ["username", "password"])
@pytest.mark.parametrize(
    "text",
    [
        "x",
        "a b  c",
        "#$\"'\\%{}`|",
        "pässwörd",
        "\U0001f511",
        "a\u3000b",
        "a\u2028b",
        "\u200b",
        "\ufeff",
        "=",
        "-o x",
        "null",
    ],
)
def test_an_account_is_stored_as_sent(field: str, text: str) -> None:
    assert taken(**{field: text})[field] == text


def test_a_password_may_have_colons_and_a_username_not() -> None:
    assert taken(password=":a:b:")["password"] == ":a:b:"
    assert "“:”" in refused(username="a:b")


@pytest.mark.parametrize(("field", "longest"), [("username", 255), ("password", 1024)])
@pytest.mark.parametrize("char", ["x", "é", "\U0001f511"])
def test_lengths_are_in_code_points(field: str, longest: int, char: str) -> None:
    assert taken(**{field: char * longest})[field] == char * longest
    assert f"{longest:,}" in refused(**{field: char * (longest + 1)})


@pytest.mark.parametrize("field", ["username", "password"])
@pytest.mark.parametrize("char", BLANKS)
def test_a_blank_at_either_end_is_refused(field: str, char: str) -> None:
    assert "blank" in refused(**{field: f"a{char}"})
    assert "blank" in refused(**{field: f"{char}a"})
    assert "blank" in refused(**{field: char})


@pytest.mark.parametrize("field", ["username", "password"])
@pytest.mark.parametrize("char", CONTROLS)
def test_a_control_character_is_refused(field: str, char: str) -> None:
    assert "Control" in refused(**{field: f"a{char}b"})


@pytest.mark.parametrize("field", ["username", "password"])
def test_half_a_character_is_refused(field: str) -> None:
    assert "surrogate" in refused(**{field: "a\ud800b"})
    assert "empty" in refused(**{field: ""})


@given(st.text(max_size=30))
@settings(deadline=None)
def test_a_secret_that_is_taken_is_one_line_without_blanks_at_its_ends(text: str) -> None:
    try:
        stored = taken(password=text)["password"]
    except InvalidFields:
        return
    assert stored == text == text.strip()
    assert not set(stored) & set(CONTROLS)
    stored.encode()


@pytest.mark.parametrize("value", [1, 25, 465, 65535])
def test_a_port_is_an_integer(value: int) -> None:
    assert taken(port=value)["port"] == value


@pytest.mark.parametrize(
    "value", [0, -1, 65536, 10**30, True, False, 587.0, "587", "", [587], {}, float("nan")]
)
def test_no_port(value: Any) -> None:
    refused(port=value)


@pytest.mark.parametrize("text", ["587", " 587 ", "0587"])
def test_a_form_sends_text(text: str) -> None:
    assert taken(form=True, port=text)["port"] == 587


@pytest.mark.parametrize("text", ["", "-1", "5 87", "587.0", "٥٨٧", "1e3", "+587", "9" * 5000, 587])
def test_what_a_form_cannot_send_for_a_number(text: Any) -> None:
    with pytest.raises(InvalidFields):
        taken(form=True, port=text)


@pytest.mark.parametrize("value", [None, 1, True, [], {}, b"a", 1.5])
@pytest.mark.parametrize("field", ["host", "username", "password", "word"])
def test_text_is_text(field: str, value: Any) -> None:
    refused(**{field: value})


def test_one_of_a_few_words() -> None:
    assert taken(word="b")["word"] == "b"
    assert "a, b" in refused(word="c")
    refused(word="A")


def test_every_wrong_field_is_told_at_once() -> None:
    """In an order that does not change from one start to the next."""
    wrong = {"host": "a b", "password": "x\n", "z": 1, "more": 2, "y": 3}
    wrong = dict(random.sample(sorted(wrong.items()), len(wrong)))
    with pytest.raises(InvalidFields) as caught:
        deserialize(Everything().bind(form=False), wrong)
    fields = [error.field for error in caught.value.errors]
    assert fields == ["host", "port", "password", "more", "y", "z"]


@pytest.mark.parametrize("value", [None, [], "", 5, "text", True])
def test_an_object_is_an_object(value: Any) -> None:
    with pytest.raises(InvalidFields):
        deserialize(Everything().bind(form=False), value)


def test_an_unknown_fields_name_is_shown_short_and_printable() -> None:
    with pytest.raises(InvalidFields) as caught:
        taken(**{"\x1b[31m" + "x" * 100: "the value"})
    (error,) = caught.value.errors
    assert error.field.isprintable()
    assert len(error.field) == 40
    assert "the value" not in str(caught.value)


class TestIntegerOrNull:
    """A number that may be said not to be there; in a form a blank field says that."""

    @pytest.mark.parametrize("days", [1, 7, 3650, None])
    def test_what_json_says(self, days: int | None) -> None:
        assert deserialize(Nullable().bind(form=False), {"days": days}) == {"days": days}

    @pytest.mark.parametrize(
        "days", [0, -1, 3651, True, False, 7.0, "7", "", " ", "null", [], {}, float("nan")]
    )
    def test_what_json_may_not_say(self, days: Any) -> None:
        with pytest.raises(InvalidFields) as caught:
            deserialize(Nullable().bind(form=False), {"days": days})
        (error,) = caught.value.errors
        assert error.field == "days"
        assert ("or null" in error.detail) == (type(days) is not int)

    def test_in_json_it_must_be_said(self) -> None:
        """What is left out by mistake would be for ever."""
        with pytest.raises(InvalidFields, match="days: This field is required"):
            deserialize(Nullable().bind(form=False), {})

    @pytest.mark.parametrize(
        ("fields", "days"),
        [({"days": "7"}, 7), ({"days": " 14 "}, 14), ({"days": ""}, None), ({"days": " "}, None)],
    )
    def test_what_a_form_says(self, fields: dict[str, str], days: int | None) -> None:
        assert deserialize(Nullable().bind(form=True), fields) == {"days": days}

    def test_a_field_that_a_form_does_not_send_is_blank(self) -> None:
        assert deserialize(Nullable().bind(form=True), {}) == {"days": None}

    @pytest.mark.parametrize("text", ["0", "3651", "-7", "7.0", "seven", "null", "٧", "7 8", 7])
    def test_what_a_form_may_not_say(self, text: Any) -> None:
        with pytest.raises(InvalidFields):
            deserialize(Nullable().bind(form=True), {"days": text})

    @given(st.none() | st.integers(1, 3650))
    @settings(deadline=None)
    def test_what_a_form_is_filled_with_is_read_as_it_was(self, days: int | None) -> None:
        node = Nullable().bind(form=True)
        assert deserialize(node, {"days": node["days"].serialize(days)}) == {"days": days}


class TestNull:
    """A field that says nothing."""

    @pytest.mark.parametrize("fields", [{}, {"null": None}])
    @pytest.mark.parametrize("form", [False, True])
    def test_it_is_left_out_of_what_is_made_of_it(self, fields: Any, form: bool) -> None:
        assert deserialize(Nullable().bind(form=form), {"days": None, **fields}) == {"days": None}

    @pytest.mark.parametrize("value", [0, 1, False, True, 0.0, "", "null", [], {}, [None]])
    def test_it_is_null_and_nothing_else(self, value: Any) -> None:
        with pytest.raises(InvalidFields, match="null: This must be null, or left out"):
            deserialize(Nullable().bind(form=False), {"days": 7, "null": value})
