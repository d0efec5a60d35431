"""The registry: every setting stands here, once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailpanel.settings._core import Setting, Stored
from mailpanel.settings.imap_master_password import ImapMasterPassword
from mailpanel.settings.junk_trash_clearing_interval import JunkTrashClearingInterval
from mailpanel.settings.postfix_relayhost import PostfixRelayhost
from mailpanel.settings.system_mailer import SystemMailer

__all__ = ["SETTINGS", "Setting", "Stored"]

SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        setting.name: setting
        for setting in (
            SystemMailer(),
            PostfixRelayhost(),
            JunkTrashClearingInterval(),
            ImapMasterPassword(),
        )
    }
)
