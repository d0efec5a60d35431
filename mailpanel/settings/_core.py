"""What every setting is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import colander

from mailpanel.plan import Adoption, Facts, Plan
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

    Pure: no clock, file, database or process. ``part`` is the part of a mail host that it
    configures. ``secret_field`` names the field that is sealed and never stored
    otherwise, ``destination`` the fields that a secret is sealed to: it opens only where
    all of them are as they were when it was typed. ``generates`` says that a change
    brings a secret of its own, see :meth:`generate`. ``unset`` is what is true where
    neither mailpanel nor the admin's own configuration says anything, in a sentence.
    ``sends_mail`` says that a test can send a message with its values.
    ``withdrawn`` says that what is live is taken off a host whose own options do not
    allow it any more.
    """

    name: ClassVar[str]
    part: ClassVar[Literal["postfix", "dovecot", "msmtp"]]
    title: ClassVar[str]
    description: ClassVar[str]
    schema: ClassVar[type[colander.SchemaNode]]
    example: ClassVar[Mapping[str, Any]]
    secret_field: ClassVar[str | None] = None
    destination: ClassVar[tuple[str, ...]] = ()
    generates: ClassVar[bool] = False
    withdrawn: ClassVar[bool] = False
    sends_mail: ClassVar[bool] = False
    unset: ClassVar[str]

    def validate(
        self, cstruct: Any, stored: Stored | None = None, form: bool = False
    ) -> dict[str, Any]:
        """Return the appstruct of *cstruct*, beside what is *stored*.

        With *form* the text of a browser's form is taken. Raises
        :class:`mailpanel.errors.InvalidFields` with every wrong field.
        """
        return deserialize(self.schema().bind(stored=stored, form=form, setting=self), cstruct)

    def notice(self) -> str:
        """Return the first line of a file that belongs to this setting, as a comment."""
        return f"# mailpanel's own, for {self.name}: change it there. An edit here is noticed.\n"

    def public(self, appstruct: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value that may be stored: all but the secret."""
        return {name: value for name, value in appstruct.items() if name != self.secret_field}

    def generate(self, random: Callable[[int], bytes]) -> tuple[str, dict[str, Any]]:
        """Return a new secret, to be shown once, and what of it may be stored.

        *random* returns as many random bytes as it is asked for. Only where ``generates``.
        """
        raise NotImplementedError(f"{self.name} generates nothing")

    def shown(self, value: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what may be shown of the stored *value*, whenever it is read."""
        return dict(value)

    def believed(self, value: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
        """Return the stored *value* as it may be acted on by somebody who trusts no storage.

        Raises :class:`mailpanel.errors.InvalidFields` where it breaks the setting's own rules.
        """
        given = dict(value)
        if self.secret_field is not None and secret is not None:
            given[self.secret_field] = secret
        return self.public(self.validate(given))

    def milder(
        self, value: Mapping[str, Any], live: Mapping[str, Any] | None
    ) -> dict[str, Any] | None:
        """Return what is to stand in for *value* until the grace is over, beside what is *live*.

        ``None`` where *value* may count at once, as for every setting that deletes nothing.
        """
        return None

    def alert(self, value: Mapping[str, Any]) -> str | None:
        """Return, in a sentence, what root ought to hear of once *value* is newly live.

        ``None`` where that is nothing which whoever has taken over the web could abuse. The
        sentence names no text of *value* that may be anything.
        """
        return None

    def keeps_secret(self, value: Mapping[str, Any], stored: Stored | None) -> bool:
        """Say whether the stored secret belongs to *value* too: same destination."""
        if stored is None or not stored.has_secret:
            return False
        return all(value.get(name) == stored.value.get(name) for name in self.destination)

    def needs_secret(self, value: Mapping[str, Any]) -> bool:
        """Say whether *value* is incomplete without a secret."""
        return self.secret_field is not None

    @abstractmethod
    def in_words(self, value: Mapping[str, Any] | None) -> str:
        """Return in a sentence or two what is so with *value*, which is as :meth:`shown`."""

    def present_in_words(self, present: Mapping[str, Any]) -> str:
        """Return the same of what :meth:`read` answered."""
        return self.in_words(present)

    @abstractmethod
    def plan(self, value: Mapping[str, Any], secret: str | None, facts: Facts) -> Plan:
        """Return what *value* wants of the host that *facts* describe.

        Raises :class:`mailpanel.errors.Refused`, naming the remedy, where what
        stands on the host forbids it.
        """

    @abstractmethod
    def read(self, facts: Facts) -> dict[str, Any] | None:
        """Return the value that the admin's own configuration amounts to, or ``None``."""

    def adoptable(self, facts: Facts) -> Adoption | None:
        """Return what stands on the host that *facts* describe as a value that may be desired.

        ``None`` where there is none. Raises :class:`mailpanel.errors.Refused`, naming the
        remedy, where it cannot be said as a value without becoming something else.
        """
        value = self.read(facts)
        return None if value is None else Adoption(value)
