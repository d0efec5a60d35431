"""Whether a value would delete what stays as things are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from mailpanel.models import Host, HostSetting, Revision
from mailpanel.settings import Setting

__all__ = ["would_delete_more"]


def would_delete_more(
    session: Session, setting: Setting, value: Mapping[str, Any], current: Revision | None
) -> bool:
    """Say whether *value* of *setting* would delete what stays with the *current* revision.

    Where there is none, or it is a reset, with what each host has of its own.
    """
    if current is not None and not current.reset:
        return setting.milder(value, current.value) is not None
    is_about = and_(HostSetting.host == Host.name, HostSetting.setting == setting.name)
    query = select(HostSetting.present).select_from(Host).outerjoin(HostSetting, is_about)
    # A host that is to come may have nothing of its own.
    standing = session.scalars(query).all() or [None]
    return any(setting.milder(value, each) is not None for each in standing)
