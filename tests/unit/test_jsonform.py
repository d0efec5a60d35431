"""mailpanel.jsonform: what JSON is, to the letter."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailpanel import jsonform
from mailpanel.errors import MalformedJson

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.text(max_size=8), VALUES, max_size=5)


def nested(levels: int) -> bytes:
    """Return an object in which the innermost list is at level *levels*."""
    return b'{"a": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


class TestLoads:
    @given(OBJECTS)
    def test_it_reads_what_the_standard_decoder_reads(self, document):
        """On valid documents the two agree, whether written in ASCII or in UTF-8."""
        for ascii_only in (True, False):
            text = json.dumps(document, ensure_ascii=ascii_only, allow_nan=True)
            if "Infinity" in text or _depth(document) > jsonform.DEEPEST:
                continue
            body = text.encode("utf-8", "surrogatepass" if ascii_only else "replace")
            assert jsonform.loads(body) == json.loads(body)

    @given(st.binary(max_size=200))
    def test_any_bytes_give_an_object_or_the_one_exception(self, body):
        """Nothing but MalformedJson is ever raised."""
        with contextlib.suppress(MalformedJson):
            assert isinstance(jsonform.loads(body), dict)

    def test_no_body_is_the_empty_object(self):
        """An empty body and {} are the same."""
        assert jsonform.loads(b"") == jsonform.loads(b"{}") == {}

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b" ", id="blanks alone"),
            pytest.param(b"{", id="cut off"),
            pytest.param(b'{"a": 1} x', id="more behind it"),
            pytest.param(b"{'a': 1}", id="single quotes"),
            pytest.param(b'{"a": 1,}', id="a comma too many"),
            pytest.param(b'{"a": 01}', id="a leading zero"),
            pytest.param(b'{"a": "\\x"}', id="an unknown escape"),
            pytest.param(b'{"a": "\n"}', id="a bare line break in a string"),
            pytest.param(b'{"a": NaN}', id="NaN"),
            pytest.param(b'{"a": Infinity}', id="Infinity"),
            pytest.param(b'{"a": -Infinity}', id="-Infinity"),
            pytest.param(b'{"a": 1, "a": 1}', id="a key twice"),
            pytest.param(b'{"a": 1, "\\u0061": 1}', id="a key twice, once escaped"),
            pytest.param(b'{"b": [{"a": 1, "a": 2}]}', id="a key twice, deep inside"),
            pytest.param(b"[]", id="a list"),
            pytest.param(b"null", id="null"),
            pytest.param(b'"text"', id="a string"),
            pytest.param(b"1", id="a number"),
            pytest.param(b'{"a": "\xff"}', id="invalid UTF-8"),
            pytest.param(b'{"a": "\xed\xa0\x80"}', id="an encoded surrogate"),
            pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
            pytest.param("{}".encode("utf-16"), id="UTF-16"),
            pytest.param("{}".encode("utf-32-le"), id="UTF-32"),
            pytest.param(nested(17), id="17 levels"),
            pytest.param(b"[" * 65_536, id="64 KiB of brackets"),
            pytest.param(b'{"a":' * 13_000, id="64 KiB of objects"),
            pytest.param(b'"' + b'\\"' * 32_000, id="a string that is never closed"),
        ],
    )
    def test_what_is_not_json_is_refused(self, body):
        """Each breach of RFC 8259 or I-JSON is a MalformedJson, quickly."""
        begun = time.process_time()
        with pytest.raises(MalformedJson):
            jsonform.loads(body)
        assert time.process_time() - begun < 1

    def test_sixteen_levels_are_allowed(self):
        """The outermost object is level 1."""
        assert _depth(jsonform.loads(nested(16))) == 16

    def test_brackets_in_strings_are_no_levels(self):
        """Only structure counts."""
        text = '[{"\\' * 40
        assert jsonform.loads(json.dumps({"a": text}).encode()) == {"a": text}

    @pytest.mark.parametrize("sign", ["", "-"])
    def test_a_huge_integer_stays_an_integer_out_of_range(self, sign):
        """5,000 digits are the field's business, never an exception of the decoder."""
        number = jsonform.loads(f'{{"a": {sign}{"9" * 5000}}}'.encode())["a"]
        assert type(number) is int
        assert abs(number) > 10**600

    def test_a_huge_exponent_stays_a_float(self):
        """1e999 is valid JSON; no field takes a float."""
        assert jsonform.loads(b'{"a": 1e999}') == {"a": float("inf")}

    def test_a_lone_surrogate_is_the_fields_business(self):
        """RFC 8259 allows the escape."""
        assert jsonform.loads(b'{"a": "\\ud800"}') == {"a": "\ud800"}

    @pytest.mark.parametrize(
        "body", [b'{"hunter2": 1, "hunter2": 2}', b'{"a": hunter2}', b'"hunter2"']
    )
    def test_no_message_quotes_the_body(self, body):
        """It may hold a password."""
        with pytest.raises(MalformedJson) as caught:
            jsonform.loads(body)
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


class TestDumps:
    @given(OBJECTS)
    def test_what_it_writes_is_read_back(self, document):
        """Any text is written, lone surrogates too."""
        try:
            written = jsonform.dumps(document)
        except ValueError:  # an infinite float, which is not JSON
            return
        assert written.isascii()
        assert json.loads(written) == document


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
