"""mailpanel.protection: which Host headers name this server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailpanel.protection import is_for

OURS = ("panel.test", "192.0.2.1", "2001:db8::1")


@pytest.mark.parametrize(
    "host",
    [
        "panel.test",
        "Panel.TEST:8080",
        "panel.test.",
        "panel.test.:443",
        "192.0.2.1:80",
        "[2001:db8::1]",
        "[2001:DB8::1]:443",
    ],
)
def test_a_name_of_ours_in_any_spelling(host: str) -> None:
    """With a port or without."""
    assert is_for(host, OURS)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        ":80",
        "evil.test",
        "panel.test.evil.test",
        "xpanel.test",
        "panel.test:80:80",
        "panel.test@evil.test",
        "evil.test#panel.test",
        "panel.test, evil.test",
        "[2001:db8::2]",
        "2001:db8::1:80",
    ],
)
def test_any_other_is_not_ours(host: str | None) -> None:
    """Nor is none at all."""
    assert not is_for(host, OURS)


@given(st.none() | st.text())
def test_without_a_list_any_name_will_do(host: str | None) -> None:
    """As before there was an option."""
    assert is_for(host, ())


@given(st.text())
def test_any_text_is_ours_or_not(host: str) -> None:
    """Never an exception; ours begins with a name of ours."""
    if is_for(host, OURS):
        assert host.lower().lstrip("[").startswith(OURS)
