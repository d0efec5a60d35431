"""Between courier and executor goes what has exactly the type it says, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailpanel.apply.messages import (
    HEADER,
    DesiredSettings,
    Goodbye,
    Hello,
    Message,
    Present,
    ProbeRequest,
    ProbeResult,
    decode,
    encode,
)
from mailpanel.errors import ProtocolError
from mailpanel.plan import SmtpLogin
from mailpanel.reports import (
    Desired,
    Errand,
    ErrandAnswer,
    FileDiff,
    FolderPreview,
    Report,
    Step,
)

TEXT = st.text(st.characters(), max_size=20)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
VALUES = st.none() | st.dictionaries(TEXT, JSON, max_size=3)
STEPS = st.lists(st.builds(Step, TEXT, st.booleans(), st.integers(), TEXT), max_size=3).map(tuple)
PREVIEWS = st.builds(
    FolderPreview,
    TEXT,
    st.integers(),
    st.integers(),
    st.integers(),
    st.integers(),
    st.integers(),
    st.none() | TEXT,
    st.booleans(),
    TEXT,
)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.lists(
        st.builds(
            Desired, TEXT, st.integers(), st.booleans(), VALUES, st.none() | TEXT, st.booleans()
        ),
        max_size=3,
    ).map(lambda wanted: DesiredSettings(tuple(wanted))),
    st.builds(ProbeResult, st.integers(), st.none() | TEXT, st.booleans(), STEPS),
    st.builds(Errand, st.integers(), TEXT, TEXT, st.booleans(), VALUES, st.none() | TEXT),
    st.builds(
        ErrandAnswer,
        st.integers(),
        st.none() | TEXT,
        STEPS,
        st.lists(st.builds(FileDiff, TEXT, TEXT), max_size=2).map(tuple),
        st.none() | st.lists(PREVIEWS, max_size=2).map(tuple),
    ),
    st.builds(Hello, st.dictionaries(TEXT, JSON, max_size=3)),
    st.builds(
        Report,
        TEXT,
        st.integers(),
        TEXT,
        st.none() | TEXT,
        st.none() | TEXT,
        st.none() | st.integers(),
        st.integers(),
    ),
    st.builds(Present, TEXT, VALUES),
    st.builds(
        ProbeRequest,
        st.integers(),
        st.builds(
            SmtpLogin,
            TEXT,
            st.integers(),
            TEXT,
            st.booleans(),
            st.none() | TEXT,
            st.none() | TEXT,
            TEXT,
            TEXT,
            st.lists(TEXT, max_size=2).map(tuple),
            TEXT,
        ),
        st.integers(),
    ),
    st.just(Goodbye()),
)


@given(MESSAGES)
@settings(deadline=None)
def test_a_message_is_read_as_it_was_sent(message: Message) -> None:
    wire = encode(message)
    (length,) = HEADER.unpack_from(wire)
    assert length == len(wire) - HEADER.size
    assert decode(wire[HEADER.size :]) == message


def refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(body)


@given(st.binary(max_size=60))
@settings(deadline=None)
@example(b"")
@example(b"\xff\xfe")
@example(b'{"type": "Goodbye"')
@example(b"[" * 100_000)
@example(b'{"type": "Hello", "versions": {"a": ' + b"9" * 5000 + b"}}")
def test_garbage_is_no_message(body: bytes) -> None:
    """Whatever the bytes: ProtocolError, and never another exception."""
    refused(body)


@given(JSON | st.dictionaries(st.sampled_from(["type", "settings", "number", "versions"]), JSON))
@settings(deadline=None)
def test_any_json_is_a_message_or_refused(data: Any) -> None:
    try:
        message = decode(json.dumps(data).encode())
    except ProtocolError:
        return
    assert decode(encode(message)[HEADER.size :]) == message


@given(MESSAGES, st.data())
@settings(deadline=None)
def test_a_field_of_another_type_is_refused_or_read_as_sent(
    message: Message, data: st.DataObject
) -> None:
    """Mutated at any field: what is accepted has the types that the class names."""
    wire = json.loads(encode(message)[HEADER.size :])
    name = data.draw(st.sampled_from(sorted(wire)))
    wire[name] = data.draw(JSON)
    try:
        decoded = decode(json.dumps(wire).encode())
    except ProtocolError:
        return
    sent = json.loads(encode(decoded)[HEADER.size :])
    assert json.dumps(sent, sort_keys=True) == json.dumps(wire, sort_keys=True)


RESULT = {"type": "ProbeResult", "number": 1, "error": None, "temporary": False, "steps": []}


@pytest.mark.parametrize(
    "change",
    [
        {"number": True},
        {"number": 1.0},
        {"number": "1"},
        {"number": None},
        {"temporary": 0},
        {"error": 5},
        {"more": 1},
        {"type": "Desired"},
        {"type": "Message"},
        {"type": None},
        {"type": []},
        {"type": "probe_result"},
    ],
)
def test_one_wrong_field_refuses_the_message(change: dict[str, Any]) -> None:
    assert decode(json.dumps(RESULT).encode()) == ProbeResult(1, None, temporary=False, steps=())
    refused(json.dumps(RESULT | change).encode())


@pytest.mark.parametrize("missing", sorted(RESULT))
def test_a_missing_field_refuses_the_message(missing: str) -> None:
    data = {name: value for name, value in RESULT.items() if name != missing}
    refused(json.dumps(data).encode())


def test_no_secret_shows_in_a_message() -> None:
    """Neither printed nor in a log or traceback."""
    probe = SmtpLogin("h", 25, "tls", True, "u", "the-secret", "", "", (), "me")
    assert "the-secret" not in repr(ProbeRequest(1, probe, 90))
    assert "the-secret" not in repr(probe)
