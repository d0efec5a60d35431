"""What the database holds."""

from __future__ import annotations

from mailpanel.models.account import Account, FailedAttempt, Token
from mailpanel.models.audit import AuditEntry
from mailpanel.models.clearing import ClearingRow
from mailpanel.models.errand import ErrandRow
from mailpanel.models.host import Host, HostSetting
from mailpanel.models.meta import Base
from mailpanel.models.second_factor import RecoveryCode, SecondFactor
from mailpanel.models.session import PanelSession
from mailpanel.models.setting import DesiredSetting, Revision

__all__ = [
    "Account",
    "AuditEntry",
    "Base",
    "ClearingRow",
    "DesiredSetting",
    "ErrandRow",
    "FailedAttempt",
    "Host",
    "HostSetting",
    "PanelSession",
    "RecoveryCode",
    "Revision",
    "SecondFactor",
    "Token",
]
