"""The ledger: what stood before mailpanel, per parameter, service and lookup table.

It is what makes a reset the empty plan: what a setting owns and its new plan no
longer names goes back to what stands here. Kept as JSON, readable to root alone;
it holds no secret.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from mailpanel.errors import HostError

__all__ = ["Ledger", "OwnedLine", "OwnedMap"]


@dataclass(slots=True)
class OwnedLine:
    """A logical line of main.cf or master.cf that mailpanel owns.

    ``before`` is the admin's own line to the byte, ``None`` where there was none, and
    ``earlier`` are those with the same name that stood before it and did not count.
    ``written`` is mailpanel's; ``item`` is what it put first in a list.
    ``lingers`` says that the line stays until the mail in flight is gone, and
    ``leaving`` that no plan wants it any more.
    """

    setting: str
    before: str | None
    written: str
    item: str | None = None
    lingers: bool = False
    leaving: bool = False
    earlier: list[str] = field(default_factory=list)

    @property
    def admins(self) -> list[str]:
        """Return all of the admin's own lines, in their order."""
        return [*self.earlier, *([] if self.before is None else [self.before])]


@dataclass(slots=True)
class OwnedMap:
    """A lookup table of mailpanel's own: the keys a plan wants, and those on their way out."""

    setting: str
    keys: list[str] = field(default_factory=list)
    leaving: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Ledger:
    """What mailpanel owns in one Postfix instance.

    ``parameters`` is keyed by name, ``services`` by ``name/type``, ``maps`` by
    name. ``unterminated`` has, by file, a last line that had no line end.
    """

    parameters: dict[str, OwnedLine] = field(default_factory=dict)
    services: dict[str, OwnedLine] = field(default_factory=dict)
    maps: dict[str, OwnedMap] = field(default_factory=dict)
    unterminated: dict[str, str] = field(default_factory=dict)

    @classmethod
    def loads(cls, content: bytes | None) -> Ledger:
        """Return the ledger in *content*; an empty one for ``None``.

        Raises :class:`HostError` where *content* is no ledger.
        """
        if content is None:
            return cls()
        try:
            data: dict[str, Any] = json.loads(content)
            return cls(
                {name: OwnedLine(**line) for name, line in data["parameters"].items()},
                {name: OwnedLine(**line) for name, line in data["services"].items()},
                {name: OwnedMap(**table) for name, table in data["maps"].items()},
                data["unterminated"],
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            raise HostError(
                "The ledger in the state directory is damaged, so nobody knows what stood in "
                "main.cf before mailpanel. Bring it back from a backup."
            ) from None

    def dumps(self) -> bytes | None:
        """Return the ledger as the bytes of its file; ``None`` where it owns nothing."""
        if not (self.parameters or self.services or self.maps):
            return None
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode() + b"\n"

    def copy(self) -> Ledger:
        """Return a ledger that may be changed without changing this one."""
        return Ledger.loads(self.dumps())

    def leaving(self, setting: str | None = None) -> bool:
        """Say whether anything (of *setting*) waits for the mail in flight to be gone."""
        lines = [*self.parameters.values(), *self.services.values()]
        return any(line.leaving for line in lines if setting in (None, line.setting)) or any(
            table.leaving for table in self.maps.values() if setting in (None, table.setting)
        )

    def owned(self, setting: str) -> list[str]:
        """Return the names of what *setting* owns, for people."""
        names = [
            f"main.cf: {name}" for name, line in self.parameters.items() if line.setting == setting
        ]
        names += [
            f"master.cf: {name}" for name, line in self.services.items() if line.setting == setting
        ]
        names += [f"table: {name}" for name, table in self.maps.items() if table.setting == setting]
        return names
