"""What no browser sends to the panel is answered all the same, and never with 500."""

from __future__ import annotations

import pytest
from panel import Panel


@pytest.mark.parametrize("url", ["/login?next=%ff", "/audit/?before=%ff", "/?x=%ff"])
def test_a_query_that_is_not_utf_8(panel: Panel, url: str) -> None:
    answer = panel.app.get(url, expect_errors=True)
    assert answer.status_int == 400
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_cookie_that_is_no_text_counts_as_none(panel: Panel) -> None:
    """A neighbour on another port can plant one over plain HTTP."""
    headers = {"Cookie": 'mailpanel="\\377"; mailpanel-form="\\377"'}
    assert panel.app.get("/login", headers=headers).status_int == 200


def test_an_origin_that_is_no_url_is_another_site(panel: Panel) -> None:
    answer = panel.app.post(
        "/login", {"username": "x"}, headers={"Origin": "http://["}, expect_errors=True
    )
    assert answer.status_int == 403
