"""The registry: every setting stands here, once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailpanel.settings._core import Setting, Stored
from mailpanel.settings.postfix_relayhost import PostfixRelayhost

__all__ = ["SETTINGS", "Setting", "Stored"]

SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {setting.name: setting for setting in (PostfixRelayhost(),)}
)
