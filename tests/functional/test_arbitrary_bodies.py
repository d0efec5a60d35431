"""Whatever is sent, the answer is a documented one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from panel import RELAYHOST, Panel

from mailpanel.settings import SETTINGS

GENERATED = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FIELDS = [child.name for child in SETTINGS["postfix_relayhost"].schema().children]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), VALUES, max_size=6)
HEADER_TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=30)


@GENERATED
@given(body=BODIES)
def test_any_json(shared_panel: Panel, body: dict[str, Any]) -> None:
    """An object of anything is right, malformed, or has wrong fields."""
    assert shared_panel.call("POST", RELAYHOST, body).status_int in (200, 400, 422)


@GENERATED
@given(text=st.text(max_size=40), field=st.sampled_from(FIELDS))
def test_any_text_in_any_field(shared_panel: Panel, text: str, field: str) -> None:
    """It is taken, or that field, and none else but its partners, is named."""
    example = SETTINGS["postfix_relayhost"].example
    response = shared_panel.call("POST", RELAYHOST, {**example, field: text})
    if response.status_int == 422:
        assert field in [error["field"] for error in response.json["errors"]]
    else:
        assert response.status_int == 200


@GENERATED
@given(body=st.binary(max_size=300) | BODIES.map(lambda body: json.dumps(body).encode()[:-1]))
def test_any_bytes(shared_panel: Panel, body: bytes) -> None:
    """Bytes are hardly ever JSON."""
    assert shared_panel.call("POST", RELAYHOST, body).status_int in (200, 400, 422)


@GENERATED
@given(
    name=st.sampled_from(["Accept", "Content-Type", "If-Match", "Authorization"]),
    text=HEADER_TEXT,
)
def test_any_header(shared_panel: Panel, name: str, text: str) -> None:
    """None of them can break anything."""
    response = shared_panel.call("POST", RELAYHOST, b"{}", headers={name: text.strip()})
    assert response.status_int in (401, 406, 412, 415, 422, 429)


@GENERATED
@given(path=st.binary(max_size=20), query=st.binary(max_size=20))
def test_any_path_and_query(shared_panel: Panel, path: bytes, query: bytes) -> None:
    """In any encoding."""
    escaped = ["".join(f"%{byte:02x}" for byte in part) for part in (path, query)]
    for base in ("/api/v1/hosts/", "/"):
        url = f"{base}{escaped[0]}/?{escaped[1]}"
        assert shared_panel.call("GET", url).status_int in (200, 400, 404)
