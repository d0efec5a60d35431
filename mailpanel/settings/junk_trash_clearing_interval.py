"""junk_trash_clearing_interval: after how many days Junk and Trash folders are cleared.

Dovecot's autoexpunge (doc.dovecot.org, namespace settings) on the folders that bear the
special use \\Junk or \\Trash (RFC 6154), whatever they are called; their sub-folders are
left alone: one that a client moved there came with messages of any age. Why each line is
as it is: docs/decisions/0005-dovecot-and-msmtp-files.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import colander

from mailpanel.errors import Refused
from mailpanel.plan import CountOld, DovecotFacts, DovecotSays, Facts, Folder, Plan, WriteFile
from mailpanel.schema import IntegerOrNull, Object
from mailpanel.settings._core import Setting
from mailpanel.settings._dovecot import block_name, require_dovecot
from mailpanel.words import Words, _, counted

__all__ = ["JunkTrashClearingInterval"]

SPECIAL_USES = {"junk_days": "\\Junk", "trash_days": "\\Trash"}
DAY = 86_400  # seconds
CACHED = "date.save"


class IntervalSchema(colander.MappingSchema):
    """The value of junk_trash_clearing_interval."""

    schema_type = Object

    junk_days = colander.SchemaNode(
        IntegerOrNull(1, 3650),
        title=_("Junk"),
        description=_("Days that a message stays in Junk folders; empty is for ever."),
    )
    trash_days = colander.SchemaNode(
        IntegerOrNull(1, 3650),
        title=_("Trash"),
        description=_("Days that a message stays in Trash folders; empty is for ever."),
    )


class JunkTrashClearingInterval(Setting):
    """See the module."""

    name = "junk_trash_clearing_interval"
    part = "dovecot"
    title = _("Junk and Trash")
    description = _("After how many days the messages in Junk and Trash folders are deleted.")
    unset = _("Junk and Trash folders are never cleared.")
    schema = IntervalSchema
    example: ClassVar[Mapping[str, Any]] = {"junk_days": 7, "trash_days": 14}

    def in_words(self, value: Mapping[str, Any] | None) -> str:
        if value is None or not any(value.values()):
            return self.unset
        junk, trash = (_span(value[field]) for field in SPECIAL_USES)
        return _(
            "A message is deleted from Junk ${junk}, from Trash ${trash}.", junk=junk, trash=trash
        )

    def plan(self, value: Mapping[str, Any], secret: str | None, facts: Facts) -> Plan:
        dovecot = require_dovecot(facts)
        days = dict(_days_by_folder(value, dovecot))
        namespace = dovecot.inbox_namespace or ""
        says: list[tuple[tuple[str, ...], str]] = [
            ((f"namespace {namespace}", f"mailbox {folder}", "autoexpunge"), _time(each))
            for folder, each in days.items()
        ]
        text = self.notice() + _blocks(namespace, days)
        if cached := _with_saved_date(dovecot):
            text += f"mail_always_cache_fields = {cached}\n"
            says.append((("mail_always_cache_fields",), cached))
        return Plan(
            changes=(WriteFile(dovecot.drop_in(self.name), text),),
            checks=(DovecotSays(tuple(says)),),
            previews=tuple(
                CountOld(folder, dovecot.inbox_prefix + folder, each)
                for folder, each in days.items()
                if each is not None
            ),
        )

    def read(self, facts: Facts) -> dict[str, Any] | None:
        if facts.dovecot is None:
            return None
        value = {
            field: _mildest(list(_folders(facts.dovecot, use).values()))
            for field, use in SPECIAL_USES.items()
        }
        return value if any(value.values()) else None

    def milder(
        self, value: Mapping[str, Any], live: Mapping[str, Any] | None
    ) -> dict[str, Any] | None:
        standing = {field: (live or {}).get(field) for field in SPECIAL_USES}
        stricter = {
            field
            for field, days in value.items()
            if days is not None and (standing[field] is None or days < standing[field])
        }
        if not stricter:
            return None
        return {field: standing[field] if field in stricter else value[field] for field in value}


def _span(days: int | None) -> Words:
    if days is None:
        return _("never")
    return counted("after a day", "after ${count} days", days)


def _folders(dovecot: DovecotFacts, special_use: str) -> dict[str, Folder]:
    folders = dovecot.folders.items()
    return {name: folder for name, folder in folders if special_use in folder.special_use}


def _days_by_folder(
    value: Mapping[str, Any], dovecot: DovecotFacts
) -> Iterator[tuple[str, int | None]]:
    """Yield each folder with its days; ``None`` where the admin's own interval is to be off."""
    if not dovecot.inbox_namespace and any(value.values()):
        raise Refused(
            "Dovecot has no namespace with a name and inbox = yes, and folders can only be cleared "
            "in one. Write `namespace inbox { inbox = yes … }` first."
        )
    wanted: dict[str, list[int | None]] = {}
    for field, use in SPECIAL_USES.items():
        folders = _folders(dovecot, use)
        if value[field] is not None:
            _require_folders(folders, field, use)
        for name in folders:
            wanted.setdefault(name, []).append(value[field])
    for name, days in wanted.items():
        # A folder that is both is cleared as late as it may be.
        latest = None if None in days else max(each for each in days if each is not None)
        if latest is not None or dovecot.folders[name].autoexpunge is not None:
            yield name, latest


def _require_folders(folders: Collection[str], field: str, special_use: str) -> None:
    if not folders:
        raise Refused(
            f"Dovecot has no folder with special_use = {special_use}. Give its mailbox block that "
            f"line (15-mailboxes.conf has such blocks), or set {field} to null."
        )
    for name in folders:
        # INBOX in any case (RFC 9051, 5.1); and a block's name may be a pattern.
        if fnmatchcase("INBOX", name.upper()):
            raise Refused(
                f"Dovecot has special_use = {special_use} in the block mailbox {name}, and INBOX "
                f"is never cleared. Remove that line, or set {field} to null."
            )


def _with_saved_date(dovecot: DovecotFacts) -> str | None:
    """Return the list of cached fields with the saved date in it, by which the age is told.

    Without it the age is the file's, and a copy made anew would start from nought.
    ``None`` where the admin's own list has it.
    """
    own = re.split("[ ,]+", dovecot.parameters.get("mail_always_cache_fields", "").strip())
    return None if CACHED in own else " ".join([*own, CACHED]).strip()


def _time(days: int | None) -> str:
    # A unit is required; 0 is off.
    return "0" if days is None else f"{days}d"


def _blocks(namespace: str, days: Mapping[str, int | None]) -> str:
    blocks = "".join(
        f"  mailbox {block_name(folder)} {{\n    autoexpunge = {_time(each)}\n  }}\n"
        for folder, each in days.items()
    )
    return f"namespace {block_name(namespace)} {{\n{blocks}}}\n" if days else ""


def _mildest(folders: Collection[Folder]) -> int | None:
    """Return after how many days all of *folders* are cleared by the admin's own interval."""
    spans = [folder.autoexpunge for folder in folders]
    if not spans or None in spans:
        return None
    return math.ceil(max(span for span in spans if span is not None) / DAY)
