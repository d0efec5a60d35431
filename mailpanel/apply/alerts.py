"""Alerts: what root ought to hear of that somebody who has taken over the web would do.

That a new relay, another account for system e-mails or a new master password is live. When
one is due follows from root's own records, and its text from what root has checked: no
word in it is the database's own but a server's name and its port.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from mailpanel.host.state import Record
from mailpanel.settings import Setting
from mailpanel.system_log import ALERTS

__all__ = ["Alert", "due", "in_mail", "log_alert"]

log = logging.getLogger(ALERTS)


@dataclass(frozen=True, slots=True)
class Alert:
    """That revision *revision* of *setting* is newly live here; *sentence* says what that is."""

    setting: str
    revision: int
    sentence: str


def due(setting: Setting, before: Record, made: Record) -> Alert | None:
    """Return the alert that is due where *made* took the place of *before*; ``None`` for none.

    *before* is what root's state has from before the change: killed half-way, a
    process comes to the same once more, so that an alert may come twice and is never lost.
    """
    is_as_before = before.live and before.value == made.value
    if not made.live or made.value is None or is_as_before:
        return None
    sentence = setting.alert(made.value)
    return Alert(setting.name, made.live, sentence) if sentence else None


def log_alert(alert: Alert) -> None:
    """Write *alert* to the log, from where it goes to syslog or journald as well."""
    log.warning("%s revision %s: %s", alert.setting, alert.revision, alert.sentence)


def in_mail(alert: Alert, host_name: str) -> tuple[str, str]:
    """Return subject and text of the mail that tells of *alert*."""
    subject = f"{host_name}: {alert.setting} has changed"
    return subject, (
        f"{alert.sentence} That is revision {alert.revision} of {alert.setting} on {host_name}. "
        "If nobody of yours has changed it, somebody else has got into mailpanel: look at its "
        "audit log, and set it back."
    )
