"""The audit log."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from mailpanel.resources import AuditLog
from mailpanel.security import Permission
from mailpanel.views.panel._paging import before, older
from mailpanel.words import _

__all__ = ["audit_log"]

# What was done, as one would say it; what is not here is shown as it is called.
ACTIONS = {
    "account.add": _("added an account"),
    "account.change": _("changed an account"),
    "account.disable": _("disabled an account"),
    "account.enable": _("enabled an account"),
    "account.passwd": _("gave an account a new password"),
    "account.remove": _("removed an account"),
    "host.forget": _("forgot a mail host"),
    "keys.rotate": _("made new keys"),
    "master.log_in": _("the master password opened a mailbox"),
    "request.forged": _("a form that was none of the panel's was refused"),
    "request.throttled": _("has to wait, after too many tries"),
    "request.refused": _("was refused"),
    "second_factor.add": _("set up a second factor"),
    "second_factor.codes": _("made new recovery codes"),
    "second_factor.recovery": _("used a recovery code"),
    "second_factor.remove": _("removed a second factor"),
    "session.end": _("logged out"),
    "session.open": _("logged in"),
    "session.prove": _("showed once more who they are"),
    "session.refused": _("a log-in was refused"),
    "setting.adopt": _("asked what stands on a host"),
    "setting.dry_run": _("asked what a change would do"),
    "setting.flush": _("had waiting mail tried"),
    "clearing.run": _("had Junk and Trash cleared"),
    "setting.put_back": _("put back over edits"),
    "setting.reset": _("reset"),
    "setting.restore": _("restored"),
    "setting.set": _("set"),
    "setting.test": _("tested without saving"),
    "token.create": _("made a token"),
    "token.refused": _("a token was refused"),
    "token.revoke": _("revoked a token"),
}
# What more is told, by the names that the log has for it.
DETAILS = {
    "account": _("account"),
    "adopted": _("adopted"),
    "api_access": _("API access"),
    "enabled": _("enabled"),
    "host": _("host"),
    "language": _("language"),
    "left": _("left"),
    "line": _("line"),
    "mailbox": _("mailbox"),
    "message_to": _("message to"),
    "method": _("method"),
    "perm_level": _("perm level"),
    "protocol": _("protocol"),
    "recovery_email": _("recovery email"),
    "resealed": _("resealed"),
    "more": _("more"),
    "restored": _("from revision"),
    "route": _("route"),
    "secret": _("secret"),
    "session": _("session"),
    "token": _("token"),
}

SECRETS = {"kept": _("kept"), "changed": _("changed")}


def in_words(detail: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return what more is told of an entry, by names in words."""
    return [
        (DETAILS.get(name, name.replace("_", " ")), _value(name, each))
        for name, each in detail.items()
    ]


def _value(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name == "more":
        return _("further ones are not noted for a while")
    return SECRETS.get(value, value) if name == "secret" else value


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
        "title": _("Audit log"),
        "entries": entries,
        "actions": ACTIONS,
        "in_words": in_words,
        "older": older(request, last),
    }
