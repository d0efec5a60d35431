"""What a command changes stands in the system's log too; `serve` has a log of its own for it."""

from __future__ import annotations

import logging
import syslog

__all__ = ["audit_to_syslog"]


class _Syslog(logging.Handler):
    # Not logging.handlers.SysLogHandler: that one complains where nobody listens.
    def emit(self, record: logging.LogRecord) -> None:
        syslog.syslog(syslog.LOG_AUTHPRIV | syslog.LOG_INFO, self.format(record))


_HANDLER = _Syslog()


def audit_to_syslog() -> None:
    """Send each line of the audit log that this process writes to syslog or journald."""
    syslog.openlog("mailpanel", syslog.LOG_PID)
    log = logging.getLogger("mailpanel.audit")
    log.setLevel(logging.INFO)
    log.addHandler(_HANDLER)
