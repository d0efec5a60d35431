"""What the database holds."""

from __future__ import annotations

from mailpanel.models.account import Account, FailedAttempt, Token
from mailpanel.models.audit import AuditEntry
from mailpanel.models.host import Host, HostSetting
from mailpanel.models.meta import Base
from mailpanel.models.setting import DesiredSetting, Revision

__all__ = [
    "Account",
    "AuditEntry",
    "Base",
    "DesiredSetting",
    "FailedAttempt",
    "Host",
    "HostSetting",
    "Revision",
    "Token",
]
