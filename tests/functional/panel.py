"""A mailpanel to call, and what holds for every answer of its."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from browser import Browser, check_page, check_protection
from sqlalchemy import select
from webtest import TestApp, TestResponse

from mailpanel.app import make_app
from mailpanel.models import FailedAttempt, PanelSession
from mailpanel.reports import Report
from mailpanel.seal import make_keys
from mailpanel.services.accounts import Accounts
from mailpanel.services.database import Database
from mailpanel.services.hosts import Hosts
from mailpanel.services.sessions import FRESH
from mailpanel.services.tokens import Tokens
from mailpanel.vault import make_web_key

SETTINGS_URL = "/api/v1/settings/"
RELAYHOST = "/api/v1/settings/postfix_relayhost/"
MAILER = "/api/v1/settings/system_mailer/"
INTERVAL = "/api/v1/settings/junk_trash_clearing_interval/"
MASTER = "/api/v1/settings/imap_master_password/"
ACCOUNTS_URL = "/api/v1/accounts/"
TOKENS_URL = "/api/v1/tokens/"
AUTH_URL = "/api/v1/auth/"
AUDIT_URL = "/api/v1/audit/"
CLEARING_URL = "/api/v1/clearing/"
ADDRESS = "192.0.2.1"
PASSWORD = "correct horse battery"

# The URLs that answer programs; all others are pages.
PROGRAMS = ("/api", "/healthz", "/readyz")

# One account or token for each way in which a caller can be limited.
CALLERS = ("nobody", "MailUser", "DomainAdmin", "MasterAdmin", "read-only", "other-setting")
ACCOUNTS = {"read-only": "MasterAdmin", "other-setting": "MasterAdmin"}


def prepare(directory: Path, url: str) -> None:
    """Make a state directory with keys, a migrated database at *url*, a token for each caller."""
    for name in ("keys", "database"):
        (directory / name).mkdir()
    make_keys(directory / "keys" / "seal.key", directory / "keys" / "seal.pub")
    make_web_key(directory / "keys" / "web.key", None)
    database = Database(url)
    database.migrate()
    for level in ("MailUser", "DomainAdmin", "MasterAdmin"):
        Accounts(database).add(level, level, PASSWORD)
    tokens = {
        caller: Tokens(database).create(
            ACCOUNTS.get(caller, caller),
            name=caller,
            read_only=caller == "read-only",
            settings=["system_mailer"] if caller == "other-setting" else (),
        )
        for caller in CALLERS
        if caller != "nobody"
    }
    (directory / "tokens.json").write_text(json.dumps(tokens))
    database.dispose()


class Panel:
    """The application on a copy of a prepared state directory and the database at *url*.

    *lose* takes the database away.
    """

    def __init__(self, directory: Path, url: str, lose: Callable[[], None]) -> None:
        self.directory = directory
        self.tokens = json.loads((directory / "tokens.json").read_text())
        self._lose = lose
        options = {
            "sqlalchemy.url": url,
            "mailpanel.state_directory": str(directory),
            "mailpanel.run_directory": str(directory / "run"),
        }
        self.wsgi = make_app(options)
        self.app = TestApp(self.wsgi, extra_environ={"REMOTE_ADDR": ADDRESS})
        self.database: Database = self.wsgi.registry.database
        # No host ever answers here.
        self.wsgi.registry.errand_wait = 0
        self.hosts = Hosts(self.database)

    def browser(
        self,
        username: str | None = "MasterAdmin",
        scheme: str = "http",
        languages: str | None = None,
    ) -> Browser:
        """Return a browser of its own, in which *username* is logged in, or nobody."""
        browser = Browser(self.wsgi, ADDRESS, scheme, languages)
        if username is not None:
            assert browser.log_in(username, PASSWORD).status_int == 303
        return browser

    def call(
        self,
        method: str,
        url: str,
        body: Any = b"",
        caller: str = "MasterAdmin",
        headers: dict[str, str] | None = None,
    ) -> TestResponse:
        """Return the answer; a *body* that is no bytes is sent as JSON.

        The invariants of every answer are asserted. A header in *headers* of which the
        value is empty is not sent.
        """
        sent = self.credentials(caller)
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        sent = {name: value for name, value in sent.items() if value}
        response = self.app.request(url, method=method, body=body, headers=sent, expect_errors=True)
        if url.startswith(PROGRAMS):
            check_answer(response, method)
        else:
            check_page(response, method)
        return response

    def credentials(self, caller: str = "MasterAdmin") -> dict[str, str]:
        """Return the headers that *caller* authenticates with."""
        if caller == "nobody":
            return {}
        return {"Authorization": f"Bearer {self.tokens[caller]}"}

    def set(self, value: dict[str, Any], url: str = RELAYHOST) -> TestResponse:
        """Set a setting; assert that it was."""
        response = self.call("POST", url, value)
        assert response.status_int == 200
        return response

    def report(self, setting: str, revision: int, status: str = "applied", **more: Any) -> None:
        """Report as the host mail1 does, which is registered with it."""
        fields = {"step": None, "error": None, "duration_ms": 12, "highest_revision": revision}
        self.hosts.checked_in("mail1", {"postfix": "3.7.11"})
        self.hosts.report("mail1", Report(setting, revision, status, **{**fields, **more}))

    def throttle(self) -> None:
        """Make the address one that has presented too many bad credentials, now and in a minute."""
        with self.database.writing() as session:
            end = (int(time.time()) // 60 + 1) * 60
            for until in (end, end + 60):
                session.merge(FailedAttempt(who=ADDRESS, until=until, count=1_000))

    def let_proofs_age(self, age: timedelta = FRESH) -> None:
        """Have what all who are logged in have proved be *age* older than it is."""
        with self.database.writing() as session:
            for row in session.scalars(select(PanelSession)):
                row.proved -= age

    def lose_database(self) -> None:
        """Take the database away."""
        self.database.dispose()
        self._lose()


def check_answer(response: TestResponse, method: str = "GET") -> None:
    """Assert what holds for every answer, whatever it answers."""
    check_protection(response)
    # It is no page, and opened as one it does nothing.
    assert response.headers["Content-Security-Policy"].endswith("; sandbox")
    assert response.headers["Cache-Control"] == "no-store"
    if response.status_int == 204:
        assert response.body == b""
        assert "Content-Type" not in response.headers
        assert "Content-Length" not in response.headers
    elif response.status_int == 308:
        assert response.headers["Location"].startswith("/api/v1/")
    elif response.status_int >= 400:
        check_problem(response, method)
    else:
        assert response.headers["Content-Type"] == "application/json"


def check_problem(response: TestResponse, method: str = "GET") -> None:
    """Assert the one shape of errors (RFC 9457), and that this one was foreseen."""
    assert response.status_int != 500
    assert response.headers["Content-Type"] == "application/problem+json"
    if method == "HEAD":
        return
    problem = json.loads(response.body)
    assert set(problem) - {"errors"} == {"type", "title", "status", "detail"}
    assert problem["status"] == response.status_int
    assert ("errors" in problem) == (response.status_int == 422)
    for error in problem.get("errors", ()):
        assert set(error) == {"field", "detail"}
        assert error["detail"].endswith(".")
