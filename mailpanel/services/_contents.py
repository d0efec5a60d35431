"""Whether what can be read of a column is what mailpanel writes there."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from mailpanel.errors import InvalidFields
from mailpanel.settings import SETTINGS, Setting, Stored

__all__ = ["is_right"]

Row = Mapping[str, Any]
Settings = Mapping[str, Setting]

# What a host tells of a setting and what it answers to an errand, where it is no text.
SHAPES: dict[str, Any] = {
    "drift": list,
    "relay_health": dict,
    "steps": list,
    "diffs": list,
    "preview": list,
    "adopted": dict,
}
# What each of a list of them has at least.
PARTS = {"drift": {"path", "diff"}, "diffs": {"path", "diff"}, "steps": {"name", "ok", "says"}}
# And each folder of a run that cleared some.
CLEARED = {"folder", "days", "messages", "bytes", "mailboxes", "complete"}


def is_right(table: str, column: str, row: Row, settings: Settings = SETTINGS) -> bool:
    """Say whether *column* of *row*, read by its type, is what mailpanel writes there."""
    rule = _RULES.get((table, column))
    return rule is None or rule(row, settings)


def _revision(row: Row, settings: Settings) -> bool:
    setting, value = settings.get(row["setting"]), row["value"]
    if setting is None or row["reset"]:
        return True
    if value is None:
        return False
    try:
        if setting.generates:
            setting.believed(value, None)
        else:
            setting.validate(value, Stored(value, has_secret=True))
    except InvalidFields:
        return False
    return True


def _present(row: Row, settings: Settings) -> bool:
    setting, present = settings.get(row["setting"]), row["present"]
    if setting is None or present is None:
        return True
    try:
        # It need not be a value that could be set: msmtprc may name no port.
        setting.present_in_words(present)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    return True


def _told(column: str) -> Callable[[Row, Settings], bool]:
    def rule(row: Row, _settings: Settings) -> bool:
        told = row[column] or {}
        return all(_is_told(name, each) for name, each in told.items())

    return rule


def _is_told(name: str, told: Any) -> bool:
    shape = SHAPES.get(name)
    if told is None or shape is None:
        return not isinstance(told, list | dict)
    if not isinstance(told, shape):
        return False
    parts = PARTS.get(name)
    return parts is None or all(isinstance(each, dict) and parts <= each.keys() for each in told)


def _networks(row: Row, _settings: Settings) -> bool:
    try:
        for each in row["networks"] or ():
            ipaddress.ip_network(each)
    except ValueError:
        return False
    return True


def _folders(row: Row, _settings: Settings) -> bool:
    return all(each.keys() >= CLEARED for each in row["folders"] or ())


_RULES: dict[tuple[str, str], Callable[[Row, Settings], bool]] = {
    ("revisions", "value"): _revision,
    ("host_settings", "present"): _present,
    ("host_settings", "details"): _told("details"),
    ("errands", "progress"): _told("progress"),
    ("errands", "answer"): _told("answer"),
    ("tokens", "networks"): _networks,
    ("clearings", "folders"): _folders,
}
