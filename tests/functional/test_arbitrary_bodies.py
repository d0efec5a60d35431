"""Whatever is sent, the answer is a documented one."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from panel import (
    ACCOUNTS_URL,
    AUDIT_URL,
    AUTH_URL,
    INTERVAL,
    MASTER,
    RELAYHOST,
    TOKENS_URL,
    Panel,
)

from mailpanel.bodies import NewAccount, NewToken
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
ACCOUNT = [child.name for child in NewAccount().children]
TOKEN = [child.name for child in NewToken().children]
PEOPLE = [
    ("POST", ACCOUNTS_URL, ACCOUNT),
    ("PATCH", f"{ACCOUNTS_URL}MailUser/", ACCOUNT),
    ("POST", TOKENS_URL, TOKEN),
    ("POST", AUTH_URL, ["username", "password"]),
]
BODIES = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), VALUES, max_size=6)
HEADER_TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=30)


@GENERATED
@given(body=BODIES)
def test_any_json(shared_panel: Panel, body: dict[str, Any]) -> None:
    """An object of anything is right, malformed, or has wrong fields."""
    assert shared_panel.call("POST", RELAYHOST, body).status_int in (200, 400, 422)


@GENERATED
@given(body=st.fixed_dictionaries({}, optional={"junk_days": VALUES, "trash_days": VALUES}))
def test_any_days(shared_panel: Panel, body: dict[str, Any]) -> None:
    """What is taken is what is answered: two integers in their range, or null."""
    response = shared_panel.call("POST", INTERVAL, body)
    if response.status_int == 200:
        assert response.json["settings"]["value"] == body
        assert set(body) == {"junk_days", "trash_days"}
        for days in body.values():
            assert days is None or (type(days) is int and 1 <= days <= 3650)
    else:
        assert response.status_int in (400, 422)


@GENERATED
@given(body=st.dictionaries(st.sampled_from(["null", "password"]), VALUES, max_size=2))
def test_any_body_for_what_is_generated(shared_panel: Panel, body: dict[str, Any]) -> None:
    """Only one that says nothing is taken."""
    wanted = (200,) if body in ({}, {"null": None}) else (400, 422)
    assert shared_panel.call("POST", MASTER, body).status_int in wanted


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
@given(
    given=st.sampled_from(PEOPLE).flatmap(
        lambda each: st.tuples(st.just(each), st.dictionaries(st.sampled_from(each[2]), VALUES))
    )
)
def test_any_body_about_people(shared_panel: Panel, given: Any) -> None:
    """An account, a token or a log-in of anything is right, malformed, or has wrong fields."""
    (method, url, _), body = given
    statuses = (401, 422, 429) if url == AUTH_URL else (200, 409, 422)
    assert shared_panel.call(method, url, body).status_int in (400, *statuses)


@GENERATED
@given(text=st.text(max_size=40), field=st.sampled_from(["author", "action", "setting", "since"]))
def test_any_filter_of_the_audit_log(shared_panel: Panel, text: str, field: str) -> None:
    """It finds something or nothing, or that filter is named."""
    response = shared_panel.call(
        "GET", f"{AUDIT_URL}?{urlencode({field: text}, errors='surrogatepass')}"
    )
    if response.status_int == 422:
        assert [error["field"] for error in response.json["errors"]] == [field]
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
