"""What every setting is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import colander

from mailpanel.plan import Facts, Plan
from mailpanel.schema import deserialize

__all__ = ["Setting", "Stored"]


@dataclass(frozen=True, slots=True)
class Stored:
    """What stands in the database for a setting: its public value, and whether a
    sealed secret belongs to it."""

    value: Mapping[str, Any]
    has_secret: bool


class Setting(ABC):
    """One server-wide setting; a subclass is all that a new one needs.

    Pure: no clock, file, database or process. ``secret_field`` names the field that is
    sealed and never stored otherwise, ``destination`` the fields that a secret is
    sealed to: it opens only where all of them are as they were when it was typed.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    schema: ClassVar[type[colander.SchemaNode]]
    example: ClassVar[Mapping[str, Any]]
    secret_field: ClassVar[str | None] = None
    destination: ClassVar[tuple[str, ...]] = ()

    def validate(
        self, cstruct: Any, stored: Stored | None = None, form: bool = False
    ) -> dict[str, Any]:
        """Return the appstruct of *cstruct*, beside what is *stored*.

        With *form* the text of a browser's form is taken. Raises
        :class:`mailpanel.errors.InvalidFields` with every wrong field.
        """
        return deserialize(self.schema().bind(stored=stored, form=form, setting=self), cstruct)

    def public(self, appstruct: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value that may be stored and answered: all but the secret."""
        return {name: value for name, value in appstruct.items() if name != self.secret_field}

    def keeps_secret(self, value: Mapping[str, Any], stored: Stored | None) -> bool:
        """Say whether the stored secret belongs to *value* too: same destination."""
        if stored is None or not stored.has_secret:
            return False
        return all(value.get(name) == stored.value.get(name) for name in self.destination)

    def needs_secret(self, value: Mapping[str, Any]) -> bool:
        """Say whether *value* is incomplete without a secret."""
        return self.secret_field is not None

    @abstractmethod
    def plan(self, value: Mapping[str, Any], secret: str | None, facts: Facts) -> Plan:
        """Return what *value* wants of the host that *facts* describe.

        Raises :class:`mailpanel.errors.Refused`, naming the remedy, where what
        stands on the host forbids it.
        """

    @abstractmethod
    def read(self, facts: Facts) -> dict[str, Any] | None:
        """Return the value that the admin's own configuration amounts to, or ``None``."""
