"""Who gets what: every URL and method, for everybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from panel import (
    ACCOUNTS_URL,
    AUDIT_URL,
    AUTH_URL,
    CALLERS,
    CLEARING_URL,
    PASSWORD,
    RELAYHOST,
    SETTINGS_URL,
    TOKENS_URL,
    Panel,
)

from mailpanel.services.accounts import Accounts
from mailpanel.services.tokens import Tokens

HOST = "/api/v1/hosts/mail1/"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
EXAMPLE = {"server_hostname": "relay.example.org", "server_port": 25}
# What is sent with POST and PATCH, where it is not the example.
BODIES = {
    f"{RELAYHOST}history/1/restore/": {},
    f"{HOST}flush/": {},
    f"{CLEARING_URL}preview/": {"junk_days": 7, "trash_days": None},
    f"{CLEARING_URL}run/": {},
    ACCOUNTS_URL: {"username": "new", "perm_level": "MailUser"},
    f"{ACCOUNTS_URL}MailUser/": {"language": "de"},
    TOKENS_URL: {},
    AUTH_URL: {"username": "MailUser", "password": PASSWORD},
}

# (route, URL, method): what each of CALLERS is answered, in their order:
# nobody, MailUser, DomainAdmin, MasterAdmin, a read-only token, a token for another setting.
ACCESS = {
    ("settings", SETTINGS_URL, "GET"): (401, 403, 403, 200, 200, 200),
    ("setting", RELAYHOST, "GET"): (401, 403, 403, 204, 204, 403),
    ("setting", RELAYHOST, "POST"): (401, 403, 403, 200, 403, 403),
    ("setting", RELAYHOST, "DELETE"): (401, 403, 403, 204, 403, 403),
    ("setting.status", f"{RELAYHOST}status/", "GET"): (401, 403, 403, 200, 200, 403),
    ("setting.test", f"{RELAYHOST}test/", "POST"): (401, 403, 403, 200, 403, 403),
    ("setting.tested", f"{RELAYHOST}test/{'0' * 32}/", "GET"): (401, 403, 403, 404, 403, 403),
    ("setting.history", f"{RELAYHOST}history/", "GET"): (401, 403, 403, 200, 200, 403),
    ("setting.restore", f"{RELAYHOST}history/1/restore/", "POST"): (401, 403, 403, 404, 403, 403),
    ("hosts", "/api/v1/hosts/", "GET"): (401, 403, 403, 200, 200, 403),
    ("host", HOST, "GET"): (401, 403, 403, 200, 200, 403),
    ("host.put_back", f"{HOST}put-back/", "POST"): (401, 403, 403, 422, 403, 403),
    ("host.adopt", f"{HOST}adopt/", "POST"): (401, 403, 403, 422, 403, 403),
    ("host.flush", f"{HOST}flush/", "POST"): (401, 403, 403, 200, 403, 403),
    ("host", HOST, "DELETE"): (401, 403, 403, 204, 403, 403),
    ("clearing", CLEARING_URL, "GET"): (401, 403, 403, 200, 200, 403),
    ("clearing.preview", f"{CLEARING_URL}preview/", "POST"): (401, 403, 403, 200, 403, 403),
    ("clearing.run", f"{CLEARING_URL}run/", "POST"): (401, 403, 403, 202, 403, 403),
    ("accounts", ACCOUNTS_URL, "GET"): (401, 403, 403, 200, 200, 403),
    ("accounts", ACCOUNTS_URL, "POST"): (401, 403, 403, 200, 403, 403),
    ("account", f"{ACCOUNTS_URL}MailUser/", "GET"): (401, 403, 403, 200, 200, 403),
    ("account", f"{ACCOUNTS_URL}MailUser/", "PATCH"): (401, 403, 403, 200, 403, 403),
    ("account", f"{ACCOUNTS_URL}MailUser/", "DELETE"): (401, 403, 403, 204, 403, 403),
    # Everybody has tokens of their own; number 3 is the MasterAdmin's, for all settings.
    ("tokens", TOKENS_URL, "GET"): (401, 200, 200, 200, 200, 200),
    ("tokens", TOKENS_URL, "POST"): (401, 200, 200, 200, 403, 422),
    ("token", f"{TOKENS_URL}3/", "DELETE"): (401, 404, 404, 204, 403, 404),
    ("auth", AUTH_URL, "POST"): (200,) * 6,
    ("auth", AUTH_URL, "DELETE"): (401, 204, 204, 204, 204, 204),
    ("audit", AUDIT_URL, "GET"): (401, 403, 403, 200, 200, 403),
    ("openapi", "/api/v1/openapi.json", "GET"): (200,) * 6,
    ("healthz", "/healthz", "GET"): (200,) * 6,
    ("readyz", "/readyz", "GET"): (200,) * 6,
}

# The same for the pages: nobody, then somebody logged in with an account of each level. What
# is sent is an empty form with the right CSRF token; 303 leads nobody to the log-in.
SETTING_PAGE = "/settings/postfix_relayhost/"
PAGES = {
    ("panel.overview", "/", "GET"): (303, 403, 403, 200),
    ("panel.log_in", "/login", "GET"): (200, 303, 303, 303),
    ("panel.log_in", "/login", "POST"): (403, 403, 403, 403),
    ("panel.log_in_code", "/login/code", "GET"): (303, 303, 303, 303),
    ("panel.log_in_code", "/login/code", "POST"): (403, 403, 403, 403),
    ("panel.log_out", "/logout", "POST"): (303, 303, 303, 303),
    ("panel.setting", SETTING_PAGE, "GET"): (303, 403, 403, 200),
    ("panel.setting", SETTING_PAGE, "POST"): (403, 403, 403, 422),
    ("panel.test", f"{SETTING_PAGE}test/", "GET"): (303, 403, 403, 303),
    ("panel.test", f"{SETTING_PAGE}test/", "POST"): (403, 403, 403, 422),
    ("panel.tested", f"{SETTING_PAGE}test/{'0' * 32}/", "GET"): (303, 403, 403, 404),
    ("panel.again", f"{SETTING_PAGE}again/", "POST"): (403, 403, 403, 303),
    ("panel.put_back", f"{SETTING_PAGE}put-back/", "POST"): (403, 403, 403, 404),
    ("panel.adopt", f"{SETTING_PAGE}adopt/", "POST"): (403, 403, 403, 404),
    ("panel.flush", f"{SETTING_PAGE}flush/", "POST"): (403, 403, 403, 404),
    ("panel.reset", f"{SETTING_PAGE}reset/", "GET"): (303, 403, 403, 200),
    ("panel.reset", f"{SETTING_PAGE}reset/", "POST"): (403, 403, 403, 303),
    ("panel.history", f"{SETTING_PAGE}history/", "GET"): (303, 403, 403, 200),
    ("panel.restore", f"{SETTING_PAGE}history/9/restore/", "POST"): (403, 403, 403, 404),
    ("panel.audit", "/audit/", "GET"): (303, 403, 403, 200),
    ("panel.clearing", "/clearing/", "GET"): (303, 403, 403, 200),
    ("panel.clear", "/clearing/run/", "GET"): (303, 403, 403, 303),
    ("panel.clear", "/clearing/run/", "POST"): (403, 403, 403, 303),
    ("panel.hosts", "/hosts/", "GET"): (303, 403, 403, 200),
    ("panel.forget", "/hosts/mail1/forget/", "GET"): (303, 403, 403, 200),
    ("panel.forget", "/hosts/mail1/forget/", "POST"): (403, 403, 403, 303),
    ("panel.account", "/account/", "GET"): (303, 200, 200, 200),
    ("panel.account", "/account/", "POST"): (403, 422, 422, 422),
    ("panel.step_up", "/account/confirm/", "GET"): (303, 303, 303, 303),
    ("panel.step_up", "/account/confirm/", "POST"): (403, 403, 403, 403),
    ("panel.second_factor", "/account/second-factor/", "GET"): (303, 200, 200, 200),
    ("panel.second_factor", "/account/second-factor/", "POST"): (403, 422, 422, 422),
    ("panel.codes", "/account/second-factor/codes/", "POST"): (403, 404, 404, 404),
    ("panel.no_factor", "/account/second-factor/remove/", "GET"): (303, 200, 200, 200),
    ("panel.no_factor", "/account/second-factor/remove/", "POST"): (403, 404, 404, 404),
    ("panel.end", "/account/sessions/9999/end/", "POST"): (403, 404, 404, 404),
    ("panel.accounts", "/accounts/", "GET"): (303, 403, 403, 200),
    ("panel.accounts", "/accounts/", "POST"): (403, 403, 403, 422),
    ("panel.person", "/accounts/MailUser/", "GET"): (303, 403, 403, 200),
    ("panel.person", "/accounts/MailUser/", "POST"): (403, 403, 403, 412),
    ("panel.person.password", "/accounts/MailUser/password/", "POST"): (403, 403, 403, 422),
    ("panel.person.remove", "/accounts/nobody/remove/", "GET"): (303, 403, 403, 404),
    ("panel.person.remove", "/accounts/nobody/remove/", "POST"): (403, 403, 403, 404),
    ("panel.tokens", "/tokens/", "GET"): (303, 200, 200, 200),
    ("panel.tokens", "/tokens/", "POST"): (403, 422, 422, 422),
    ("panel.revoke", "/tokens/9999/revoke/", "GET"): (303, 404, 404, 404),
    ("panel.revoke", "/tokens/9999/revoke/", "POST"): (403, 404, 404, 404),
    ("panel.asset", "/static/0/panel.css", "GET"): (404, 404, 404, 404),
}
VISITORS = (None, "MailUser", "DomainAdmin", "MasterAdmin")
CASES = [
    pytest.param(url, method, caller, status, id=f"{method} {route} as {caller}")
    for (route, url, method), statuses in ACCESS.items()
    for caller, status in zip(CALLERS, statuses, strict=True)
]
URLS = sorted({(route, url) for route, url, _ in ACCESS})
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


@pytest.mark.parametrize(("url", "method", "caller", "status"), CASES)
def test_everybody_gets_what_is_theirs(
    panel: Panel, url: str, method: str, caller: str, status: int
) -> None:
    """As the table says."""
    panel.hosts.checked_in("mail1", {})
    body = BODIES.get(url, EXAMPLE) if method in ("POST", "PATCH") else b""
    assert panel.call(method, url, body, caller).status_int == status


@pytest.mark.parametrize("visitor", VISITORS)
def test_everybody_gets_the_pages_that_are_theirs(panel: Panel, visitor: str | None) -> None:
    """As the table says; logging out comes last."""
    panel.hosts.checked_in("mail1", {})
    rows = sorted(PAGES.items(), key=lambda row: row[0][0] == "panel.log_out")
    browser = panel.browser(visitor)
    for (_, url, method), statuses in rows:
        answer = browser.get(url) if method == "GET" else browser.post(url)
        assert (url, method, answer.status_int) == (url, method, statuses[VISITORS.index(visitor)])


@pytest.mark.parametrize(("route", "url", "method"), PAGES)
def test_a_token_opens_no_page(panel: Panel, route: str, url: str, method: str) -> None:
    """Nor does it spare the CSRF token: what a browser sends along by itself counts for nothing."""
    answer = panel.call(method, url, b"x=1" if method == "POST" else b"", headers=FORM)
    without = panel.call(method, url, b"x=1" if method == "POST" else b"", "nobody", FORM)
    assert answer.status_int == without.status_int
    assert answer.status_int in ({403} if method == "POST" else {200, 303, 404})


def _scoped(panel: Panel, scope: str) -> str:
    """Return a token of the MasterAdmin's with *scope*."""
    tokens, accounts = Tokens(panel.database), Accounts(panel.database)
    if scope == "its own setting":
        return tokens.create("MasterAdmin", settings=["postfix_relayhost"])
    if scope == "read-only, its own setting":
        return tokens.create("MasterAdmin", read_only=True, settings=["postfix_relayhost"])
    if scope == "another network":
        return tokens.create("MasterAdmin", networks=["198.51.100.0/24"])
    if scope == "expired":
        yesterday = datetime.now(UTC) - timedelta(days=1)
        return Tokens(panel.database, lambda: yesterday).create(
            "MasterAdmin", expires=yesterday + timedelta(hours=1)
        )
    accounts.add("second", "MasterAdmin")
    token = tokens.create("second")
    accounts.change("second", {"enabled": False} if scope == "disabled" else {"api_access": False})
    return token


# What a token for postfix_relayhost alone reaches: the setting, and what everybody has.
OF_SETTING = ("setting", "host.flush", "token", "auth", "openapi", "healthz", "readyz")
# A token that is given back opens nothing after it.
ROWS = sorted(ACCESS.items(), key=lambda row: row[0][0] == "auth")


@pytest.mark.parametrize("scope", ["another network", "expired", "disabled", "no API access"])
def test_a_token_that_opens_nothing_is_nobodys_everywhere(panel: Panel, scope: str) -> None:
    """From elsewhere, over, of a disabled account, of one without the API: nobody's column."""
    panel.hosts.checked_in("mail1", {})
    sent = {"Authorization": f"Bearer {_scoped(panel, scope)}"}
    for (route, url, method), statuses in ROWS:
        body = BODIES.get(url, EXAMPLE) if method in ("POST", "PATCH") else b""
        answer = panel.call(method, url, body, "nobody", sent)
        assert (route, method, answer.status_int) == (route, method, statuses[0])


@pytest.mark.parametrize(
    ("scope", "column"), [("its own setting", 3), ("read-only, its own setting", 4)]
)
def test_a_token_for_one_setting_reaches_that_one_alone(
    panel: Panel, scope: str, column: int
) -> None:
    """There it is refused what such a token for all settings is; all else, as any other's."""
    panel.hosts.checked_in("mail1", {})
    sent = {"Authorization": f"Bearer {_scoped(panel, scope)}"}
    for (route, url, method), statuses in ROWS:
        body = BODIES.get(url, EXAMPLE) if method in ("POST", "PATCH") else b""
        answer = panel.call(method, url, body, "nobody", sent)
        is_refused = statuses[column if route.startswith(OF_SETTING) else 5] == 403
        assert (route, method, answer.status_int == 403) == (route, method, is_refused)
        assert answer.status_int != 401


def test_every_view_has_its_row(panel: Panel) -> None:
    """A new route or method without one fails here."""
    views = panel.wsgi.registry.introspector.get_category("views")
    found = {
        (view["introspectable"]["route_name"], view["introspectable"]["request_methods"])
        for view in views
        if view["introspectable"]["route_name"]
    }
    assert found == {(route, method) for route, _, method in [*ACCESS, *PAGES]}


@pytest.mark.parametrize(("route", "url"), URLS)
def test_other_methods_are_405_for_everybody(panel: Panel, route: str, url: str) -> None:
    """With what is allowed; OPTIONS is another method too, HEAD goes with GET."""
    known = {method for name, _, method in ACCESS if name == route}
    known |= {"HEAD"} if "GET" in known else set()
    for method in set(METHODS) - known:
        response = panel.call(method, url, caller="nobody")
        assert response.status_int == 405
        assert response.headers["Allow"].split(", ") == sorted(known)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("query", ["", "?probe=no&x=%ff"])
def test_a_missing_slash_is_308_for_everybody(panel: Panel, method: str, query: str) -> None:
    """Before any question of who calls; the query goes along, and the way is relative."""
    for _, url in URLS:
        if url.endswith("/"):
            response = panel.call(method, f"{url[:-1]}{query}", caller="nobody")
            assert response.status_int == 308
            assert response.headers["Location"] == f"{url}{query}"


def test_a_redirect_keeps_the_paths_escapes(panel: Panel) -> None:
    """And leads nowhere but to this server."""
    response = panel.call("GET", "/api/v1/hosts/m%C3%BCller%3F", caller="nobody")
    assert response.headers["Location"] == "/api/v1/hosts/m%C3%BCller%3F/"


@pytest.mark.parametrize("url", ["/api", "/api/v1/", "/api/v1/nowhere", "/nowhere/", "//x"])
def test_an_unknown_path_is_404_for_everybody(panel: Panel, url: str) -> None:
    """It tells nothing, so it asks nothing."""
    assert panel.call("GET", url, caller="nobody").status_int == 404


class TestCredentials:
    def test_401_says_how_to_authenticate(self, panel: Panel) -> None:
        """With the charset that Basic is read in (RFC 7617)."""
        response = panel.call("GET", RELAYHOST, caller="nobody")
        challenge = 'Basic realm="mailpanel", charset="UTF-8"'
        assert response.headers["WWW-Authenticate"] == challenge

    def test_an_unknown_user_and_a_bad_token_are_answered_alike(self, panel: Panel) -> None:
        """To the byte."""
        bad = panel.app
        bad.authorization = ("Basic", ("MasterAdmin", "mp_bad"))
        first = bad.get(RELAYHOST, status=401)
        bad.authorization = ("Basic", ("unknown", panel.tokens["MasterAdmin"]))
        second = bad.get(RELAYHOST, status=401)
        assert (first.body, first.headers) == (second.body, second.headers)

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_a_session_never_authenticates(self, panel: Panel, method: str) -> None:
        """With the cookie of somebody who is logged in to the panel, a call is nobody's."""
        cookies = panel.browser().cookies
        assert "mailpanel" in cookies
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        answer = panel.call(method, RELAYHOST, b"{}", "nobody", sent)
        assert answer.status_int == 401

    def test_a_good_token_passes_where_others_guess(self, panel: Panel) -> None:
        """A stranger at the same address must not lock an administrator out."""
        panel.throttle()
        assert panel.call("GET", RELAYHOST).status_int == 204
        assert panel.call("GET", RELAYHOST, caller="nobody").status_int == 401
        bad = {"Authorization": "Bearer mp_bad"}
        response = panel.call("GET", RELAYHOST, caller="nobody", headers=bad)
        assert response.status_int == 429
        assert 1 <= int(response.headers["Retry-After"]) <= 60

    def test_a_bad_credential_is_counted(self, panel: Panel) -> None:
        """Until there are too many; what presents none is not."""
        for _ in range(110):
            panel.call("GET", RELAYHOST, caller="nobody")
        statuses = {
            panel.call("GET", RELAYHOST, headers={"Authorization": "Bearer mp_bad"}).status_int
            for _ in range(210)
        }
        assert statuses == {401, 429}


class TestHosts:
    def test_a_host_is_shown_and_forgotten(self, panel: Panel) -> None:
        """With its versions, and what is applied there."""
        panel.report("postfix_relayhost", 1)
        (host,) = panel.call("GET", "/api/v1/hosts/").json["hosts"]
        assert panel.call("GET", HOST).json == {"hosts": host}
        assert host["versions"] == {"postfix": "3.7.11"}
        assert host["settings"]["postfix_relayhost"]["status"] == "applied"
        assert panel.call("DELETE", HOST).status_int == 204
        assert panel.call("GET", HOST).status_int == 404


class TestHealth:
    def test_without_a_host_it_is_not_ready(self, panel: Panel) -> None:
        """Nothing would make a change live."""
        assert panel.call("GET", "/readyz", caller="nobody").status_int == 503
        assert panel.call("GET", "/healthz", caller="nobody").json == {"status": "ok"}

    def test_a_host_that_was_last_seen_long_ago_does_not_count(self, panel: Panel) -> None:
        """Three check intervals are long."""
        panel.hosts.checked_in("mail1", {})
        registry = panel.wsgi.registry
        registry.deployment = replace(registry.deployment, check_interval=1e-9)
        assert panel.call("GET", "/readyz", caller="nobody").status_int == 503

    def test_without_the_database_it_is_not_ready(self, panel: Panel) -> None:
        """But the process is healthy."""
        panel.lose_database()
        assert panel.call("GET", "/readyz", caller="nobody").status_int == 503
        assert panel.call("GET", "/healthz", caller="nobody").status_int == 200
