"""mailpanel.csrf and mailpanel.cookies: what a browser says, and what it keeps."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyramid.request import Request
from pyramid.response import Response

from mailpanel import cookies
from mailpanel.csrf import TokenStorage, from_here
from mailpanel.security import by_header


def request(url: str = "http://panel.test:8080/", **headers: str) -> Request:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = Request.blank(url, headers=names)
    asked.panel_session = None
    return asked


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, True),
        ({"Sec_Fetch_Site": "same-origin"}, True),
        ({"Sec_Fetch_Site": "none"}, True),
        ({"Sec_Fetch_Site": "same-site"}, False),
        ({"Sec_Fetch_Site": "cross-site"}, False),
        ({"Sec_Fetch_Site": ""}, False),
        # A proxy may have changed the Host: the browser's own word counts.
        ({"Sec_Fetch_Site": "same-origin", "Origin": "https://outside.test"}, True),
        ({"Sec_Fetch_Site": "cross-site", "Origin": "http://panel.test:8080"}, False),
        ({"Origin": "http://panel.test:8080"}, True),
        ({"Origin": "http://panel.test"}, False),
        ({"Origin": "http://panel.test:8080.evil.test"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
    ],
)
def test_where_a_request_comes_from(headers, expected):
    """By the browser's own word, else by the Origin; from a browser that says neither, yes."""
    assert from_here(request(**headers)) is expected


def test_the_log_ins_form_repeats_a_cookie():
    """Which is made where there is none, once for a page."""
    storage, asked = TokenStorage(), request()
    token = storage.get_csrf_token(asked)
    assert token == storage.get_csrf_token(asked)
    assert not storage.check_csrf_token(asked, token)
    response = Response()
    asked._process_response_callbacks(response)
    again = request(Cookie=response.headers["Set-Cookie"].partition(";")[0])
    assert storage.get_csrf_token(again) == token
    assert storage.check_csrf_token(again, token)
    assert not storage.check_csrf_token(again, "")
    assert not storage.check_csrf_token(request(), "")
    assert not storage.check_csrf_token(request(Cookie="mailpanel-form="), "")


def test_the_sessions_own_token_counts_once_there_is_one():
    """The cookie does no longer."""
    storage, asked = TokenStorage(), request(Cookie="mailpanel-form=before")
    asked.panel_session = SimpleNamespace(csrf_token="the session's")
    assert storage.get_csrf_token(asked) == "the session's"
    assert storage.check_csrf_token(asked, "the session's")
    assert not storage.check_csrf_token(asked, "before")


@pytest.mark.parametrize(
    ("url", "name", "rest"),
    [
        ("http://localhost/", "mailpanel", "Path=/; HttpOnly; SameSite=Lax"),
        ("https://panel.test/", "__Host-mailpanel", "Path=/; secure; HttpOnly; SameSite=Lax"),
    ],
)
def test_a_cookie_is_for_this_host_and_this_server_alone(url, name, rest):
    """Until the browser is closed; no script reads it."""
    response = Response()
    cookies.give(request(url), response, cookies.SESSION, "id")
    assert response.headers["Set-Cookie"] == f"{name}=id; {rest}"
    assert cookies.read(request(url, Cookie=f"{name}=id"), cookies.SESSION) == "id"


@pytest.mark.parametrize(
    ("url", "name"), [("http://localhost/", "__Host-mailpanel"), ("https://x/", "mailpanel")]
)
def test_the_other_schemes_cookie_is_none(url, name):
    """One from plain HTTP may be a stranger's."""
    assert cookies.read(request(url, Cookie=f"{name}=id"), cookies.SESSION) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/settings/", True),
        ("/api", True),
        ("/api/%ff", True),
        ("/healthz", True),
        ("/readyz", True),
        ("/metrics", True),
        ("/", False),
        ("/apis/", False),
        ("//api/v1/settings/", False),
        ("/settings/api/", False),
        ("/API/", False),
        ("/%ff", False),
        ("/new-page/", False),
    ],
)
def test_what_is_not_a_programs_is_guarded_as_a_persons(path, expected):
    """A page that somebody adds needs no line anywhere to be."""
    assert by_header(request(path)) is expected
