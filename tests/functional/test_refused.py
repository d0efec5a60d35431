"""What is refused stands in the audit log, and nothing of what was presented does."""

from __future__ import annotations

from typing import Any

import pytest
from panel import ACCOUNTS_URL, ADDRESS, AUDIT_URL, RELAYHOST, SETTINGS_URL, Panel

BAD = {"Authorization": "Bearer mp_my-secret-passphrase"}


def refused(panel: Panel, action: str) -> list[dict[str, Any]]:
    """Return the entries of *action*, without their times and numbers."""
    told = panel.call("GET", f"{AUDIT_URL}?action={action}").json["audit"]
    return [{name: each[name] for name in ("author", "address", "detail")} for each in told]


def test_a_bad_token_is_noted(panel: Panel) -> None:
    """With where from; whoever sends none is not worth a line."""
    assert panel.call("GET", RELAYHOST, headers=BAD).status_int == 401
    assert panel.call("GET", RELAYHOST, caller="nobody").status_int == 401
    assert refused(panel, "token.refused") == [{"author": "", "address": ADDRESS, "detail": {}}]


@pytest.mark.parametrize(
    ("caller", "method", "url", "route"),
    [
        ("MailUser", "GET", SETTINGS_URL, "settings"),
        ("DomainAdmin", "POST", ACCOUNTS_URL, "accounts"),
        ("read-only", "DELETE", RELAYHOST, "setting"),
    ],
)
def test_whoever_may_not_is_noted(
    panel: Panel, caller: str, method: str, url: str, route: str
) -> None:
    """By name, with what was asked for."""
    assert panel.call(method, url, {} if method == "POST" else b"", caller).status_int == 403
    (entry,) = refused(panel, "request.refused")
    assert entry["author"] == {"read-only": "MasterAdmin"}.get(caller, caller)
    assert entry["detail"] == {"method": method, "route": route}


def test_so_is_whoever_looks_at_pages_that_are_not_theirs(panel: Panel) -> None:
    """The log shows it in words."""
    assert panel.browser("MailUser").get("/hosts/").status_int == 403
    (entry,) = refused(panel, "request.refused")
    assert (entry["author"], entry["detail"]["route"]) == ("MailUser", "panel.hosts")
    assert "was refused" in panel.browser().get("/audit/").text


def test_without_the_database_there_is_one_answer(panel: Panel) -> None:
    """That nothing can be noted is no fault of its own."""
    panel.lose_database()
    assert panel.call("GET", RELAYHOST, headers=BAD).status_int == 503
