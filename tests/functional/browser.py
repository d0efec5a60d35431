"""A person's browser: it keeps cookies, sends forms, and says where they come from."""

from __future__ import annotations

import re
from typing import Any

from webtest import TestApp, TestResponse

__all__ = ["Browser", "check_page", "check_protection"]

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Browser:
    """What somebody at *address* has open; every answer is checked for what holds of all."""

    def __init__(
        self, wsgi: Any, address: str, scheme: str = "http", languages: str | None = None
    ) -> None:
        environ = {"REMOTE_ADDR": address, "wsgi.url_scheme": scheme}
        if languages is not None:
            environ["HTTP_ACCEPT_LANGUAGE"] = languages
        self._app = TestApp(wsgi, extra_environ=environ)

    @property
    def cookies(self) -> dict[str, str]:
        """Return the cookies that are kept."""
        return self._app.cookies

    def forget(self, name: str = "mailpanel") -> None:
        """Lose a cookie, as when the session's has ended."""
        self._app.cookiejar.clear("localhost.local", "/", name)

    def get(self, url: str, **headers: str) -> TestResponse:
        """Open a page."""
        answer = self._app.get(url, headers=_names(headers), status="*")
        check_page(answer)
        return answer

    def send(self, page: TestResponse, submit: str | None = None, **texts: str) -> TestResponse:
        """Fill in the form of *page* that is not the log-out's, and send it."""
        form = next(form for form in page.forms.values() if form.action != "/logout")
        for name, text in texts.items():
            form[name] = text
        answer = form.submit(status="*")
        check_page(answer)
        return answer

    def post(self, url: str, token: str | None = None, **texts: str) -> TestResponse:
        """Send a form with the right CSRF token, or *token*."""
        fields = {"csrf_token": self.token() if token is None else token, **texts}
        answer = self._app.post(url, fields, status="*")
        check_page(answer, "POST")
        return answer

    def raw(self, url: str, body: bytes, **headers: str) -> TestResponse:
        """Send *body* as a form, whatever it is."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **_names(headers)}
        answer = self._app.post(url, body, headers=sent, status="*")
        check_page(answer, "POST")
        return answer

    def token(self) -> str:
        """Return the CSRF token of a page of this browser's."""
        page = self.get("/login")
        if page.status_int == 303:
            page = self.get("/account/")
        return next(iter(page.forms.values()))["csrf_token"].value

    def log_in(self, username: str, password: str, next_page: str = "") -> TestResponse:
        """Log in."""
        page = self.get(f"/login?next={next_page}")
        return self.send(page, username=username, password=password)


def _names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def check_protection(response: TestResponse) -> None:
    """Assert what a browser is told of every answer, whatever kind it is, and that no banner is."""
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "base-uri 'none'", "object-src 'none'"} <= set(policy)
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in str(policy)
    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    tls_alone = ["max-age=31536000; includeSubDomains"]
    wanted = tls_alone if response.request.scheme == "https" else []
    assert response.headers.getall("Strict-Transport-Security") == wanted
    assert not {"Server", "X-Powered-By", "Via"} & set(response.headers)


def check_page(response: TestResponse, method: str = "GET") -> None:
    """Assert what holds for every page, whatever it shows."""
    check_protection(response)
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert response.status_int != 500
    secure = response.request.scheme == "https"
    if "immutable" in response.headers["Cache-Control"]:
        return
    assert response.headers["Cache-Control"] == "no-store"
    for cookie in response.headers.getall("Set-Cookie"):
        assert "; HttpOnly; SameSite=Lax" in cookie
        assert ("; secure;" in cookie) == secure == cookie.startswith("__Host-")
    if response.status_int in (303, 308):
        assert re.match(r"/(?!/)", response.headers["Location"])
        return
    assert response.headers["Content-Type"] == "text/html; charset=UTF-8"
    if method != "HEAD":
        _check_html(response.text)


def _check_html(html: str) -> None:
    """Assert that a page keeps the rules of its own policy, and its outline."""
    assert re.match(r'<!doctype html>\n<html lang="[a-z]{2}">', html)
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", html)
    assert html.count("<h1") == 1
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    described = re.findall(r'aria-(?:describedby|labelledby|controls)="([^"]*)"', html)
    assert {each for text in described for each in text.split()} <= set(ids)
    assert set(re.findall(r'\sfor="([^"]*)"', html)) <= set(ids)
    # A password never goes back into a page.
    for field in re.findall(r"<input[^>]*>", html):
        assert 'type="password"' not in field or "value=" not in field
