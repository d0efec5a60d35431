"""The audit log."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from mailpanel.resources import AuditLog
from mailpanel.security import Permission
from mailpanel.views.panel._paging import before, older

__all__ = ["audit_log"]

# What was done, as one would say it; what is not here is shown as it is called.
ACTIONS = {
    "account.add": "added an account",
    "account.change": "changed an account",
    "account.disable": "disabled an account",
    "account.enable": "enabled an account",
    "account.passwd": "gave an account a new password",
    "account.remove": "removed an account",
    "host.forget": "forgot a mail host",
    "keys.rotate": "made new keys",
    "master.log_in": "the master password opened a mailbox",
    "request.forged": "a form that was none of the panel's was refused",
    "request.refused": "was refused",
    "request.throttled": "has to wait, after too many tries",
    "second_factor.add": "set up a second factor",
    "second_factor.codes": "made new recovery codes",
    "second_factor.recovery": "used a recovery code",
    "second_factor.remove": "removed a second factor",
    "session.end": "logged out",
    "session.open": "logged in",
    "session.prove": "showed once more who they are",
    "session.refused": "a log-in was refused",
    "setting.adopt": "asked what stands on a host",
    "setting.dry_run": "asked what a change would do",
    "setting.flush": "had waiting mail tried",
    "setting.put_back": "put back over edits",
    "setting.reset": "reset",
    "setting.restore": "restored",
    "setting.set": "set",
    "setting.test": "tested without saving",
    "token.create": "made a token",
    "token.refused": "a token was refused",
    "token.revoke": "revoked a token",
}


@view_config(
    route_name="panel.audit",
    request_method="GET",
    permission=Permission.READ_AUDIT,
    renderer="audit.pt",
)
def audit_log(_context: AuditLog, request: Any) -> dict[str, Any]:
    """Return a page of the log, the newest first."""
    entries, last = request.audit_log.page(before=before(request))
    return {
        "title": "Audit log",
        "entries": entries,
        "actions": ACTIONS,
        "older": older(request, last),
    }
