"""What must not stand in mailpanel's own files alone goes to syslog or journald too.

Whoever has taken over the web can write its database; the system's log is root's.
"""

from __future__ import annotations

import logging
import os
import syslog
from contextlib import suppress

__all__ = ["ALERTS", "AUDIT", "is_the_journal", "to_syslog"]

# The loggers by their names: what somebody did, and what root ought to look at.
AUDIT = "mailpanel.audit"
ALERTS = "mailpanel.alert"
STDERR = 2


class _Syslog(logging.Handler):
    # Not logging.handlers.SysLogHandler: that one complains where nobody listens.
    def emit(self, record: logging.LogRecord) -> None:
        urgent = record.levelno >= logging.WARNING
        priority = syslog.LOG_WARNING if urgent else syslog.LOG_INFO
        syslog.syslog(syslog.LOG_AUTHPRIV | priority, self.format(record))


_HANDLER = _Syslog()


def to_syslog(name: str) -> None:
    """Send each line of the logger *name* in this process to syslog or journald.

    Where nobody listens at /dev/log that line is lost, and nothing else.
    """
    syslog.openlog("mailpanel", syslog.LOG_PID)
    log = logging.getLogger(name)
    log.setLevel(logging.INFO)
    log.addHandler(_HANDLER)


def is_the_journal(descriptor: int = STDERR) -> bool:
    """Say whether what is written to *descriptor* is in the journal already (systemd.exec(5))."""
    with suppress(OSError):
        status = os.fstat(descriptor)
        return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
    return False
