"""mailpanel.credentials: what an Authorization header presents."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailpanel.credentials import Credential, presented


def basic(text: str | bytes) -> str:
    """Return the header for *text*."""
    raw = text if isinstance(text, bytes) else text.encode()
    return f"Basic {base64.b64encode(raw).decode()}"


@pytest.mark.parametrize(
    ("header", "credential"),
    [
        (basic("admin:mp_abc"), Credential("admin", "mp_abc")),
        (basic("jürgen:mp_abc"), Credential("jürgen", "mp_abc")),
        (basic("admin:a:b"), Credential("admin", "a:b")),
        (basic(":mp_abc"), Credential("", "mp_abc")),
        (basic("admin:"), Credential("admin", "")),
        (basic("admin:mp_abc").replace("Basic ", "bASIC   "), Credential("admin", "mp_abc")),
        ("Bearer mp_abc", Credential(None, "mp_abc")),
        ("bearer  a-b._~+/c== ", Credential(None, "a-b._~+/c==")),
    ],
)
def test_what_is_read(header, credential):
    """The scheme's case does not matter; only the first colon divides."""
    assert presented(header) == credential


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic YQ==",
        "Basic YQ",
        "Basic %%%",
        "Basic YTpi YTpi",
        basic(b"\xff:a"),
        basic("a\x00:b"),
        basic("a:b\n"),
        "Bearer",
        "Bearer a b",
        "Bearer a,b",
        "Bearer \u00fc",
        "Digest username=admin",
        "mp_abc",
        f"{basic('admin:mp_abc')}, Bearer mp_abc",
    ],
)
def test_what_is_malformed(header):
    """It presents nothing."""
    assert presented(header) is None


@given(st.text(st.characters(max_codepoint=0xFF)), st.sampled_from(["Basic ", "Bearer ", ""]))
def test_any_text_is_harmless(text, scheme):
    """Never an exception."""
    assert presented(scheme + text) is None or presented(scheme + text).token is not None


def test_a_credential_does_not_show_its_token():
    """Where it is printed, in a log or a traceback."""
    assert "mp_abc" not in repr(Credential("admin", "mp_abc"))
