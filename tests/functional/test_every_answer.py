"""What every answer tells the browser, whatever it is; and for whom requests are taken."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from browser import check_protection
from panel import Panel

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True, scope="session")
# Pages, JSON, a description, errors of both kinds, redirects, and what cannot be read.
ANSWERS = {
    "/login": 200,
    "/": 303,
    "/nowhere/": 404,
    "/login?next=%ff": 400,
    "/static/0/panel.css": 404,
    "/healthz": 200,
    "/readyz": 503,
    "/api/v1/openapi.json": 200,
    "/api/v1/settings/": 401,
    "/api/v1/settings": 308,
    "/api/v1/%ff": 400,
    "/api/v1/nowhere/": 404,
}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("url", ANSWERS)
def test_every_answer_is_protected(panel: Panel, url: str, scheme: str) -> None:
    """Over TLS also against coming without it the next time."""
    environ = {"wsgi.url_scheme": scheme}
    answer = panel.app.get(url, extra_environ=environ, expect_errors=True)
    assert answer.status_int == ANSWERS[url]
    check_protection(answer)


def test_each_file_is_protected(panel: Panel) -> None:
    """Those that the log-in page names."""
    page = panel.app.get("/login").text
    files = set(re.findall(r'"(/static/[^"]*)"', page))
    assert len(files) >= 3
    for url in files:
        check_protection(panel.app.get(url, status=200))


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT"])
def test_other_methods_are_protected_too(panel: Panel, method: str) -> None:
    for url in ("/login", "/api/v1/settings/"):
        check_protection(panel.app.request(url, method=method, expect_errors=True))


class TestHost:
    @pytest.fixture
    def named(self, panel: Panel) -> Panel:
        """One that answers by its own name alone."""
        registry = panel.wsgi.registry
        registry.deployment = replace(registry.deployment, allowed_hosts=("panel.test",))
        return panel

    @pytest.mark.parametrize("url", ANSWERS)
    def test_another_hosts_request_is_misdirected(self, named: Panel, url: str) -> None:
        """Whatever it asks for: in one shape, and protected."""
        for host in ("evil.test", "localhost", "panel.test.evil.test"):
            answer = named.app.get(url, headers={"Host": host}, status=421)
            check_protection(answer)
            assert "mailpanel.allowed_hosts" in answer.text

    def test_its_own_name_is_answered(self, named: Panel) -> None:
        """On any port."""
        for host in ("panel.test", "PANEL.test:8443"):
            assert named.app.get("/login", headers={"Host": host}).status_int == 200

    def test_the_name_that_a_proxy_hands_on_besides_counts_for_nothing(self, named: Panel) -> None:
        """Anybody can make that up."""
        headers = {"Host": "evil.test", "X-Forwarded-Host": "panel.test"}
        named.app.get("/login", headers=headers, status=421)
