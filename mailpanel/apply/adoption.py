"""Adoption: what stands on the host, said as a value that may be desired.

Nothing is changed here. Whoever asked stores the value as a new revision, and when that
comes back it may take the place of the very edit that it was read from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailpanel.apply.beliefs import believed
from mailpanel.apply.faults import log_frames, unforeseen
from mailpanel.errors import InvalidFields, MailpanelError, Refused
from mailpanel.host.mailhost import Host
from mailpanel.host.state import Record
from mailpanel.plan import Adoption
from mailpanel.reports import Adopted, Desired, Errand, ErrandAnswer
from mailpanel.seal import Opener, Sealer
from mailpanel.settings import Setting

__all__ = ["NOTHING", "NO_REVISION", "Adoptions"]

# A secret is sealed before anybody knows the revision that it is for: every one is later.
NO_REVISION = 0
NOTHING = "There is nothing to adopt: this host has nothing of its own there."
SAME = "There is nothing to adopt: what stands on this host is what mailpanel has applied."


class Adoptions:
    """Reads settings off one host, and remembers which values came from there."""

    def __init__(
        self, host: Host, opener: Opener, sealer: Sealer, settings: Mapping[str, Setting]
    ) -> None:
        self._host = host
        self._opener = opener
        self._sealer = sealer
        self._settings = settings
        self._adopted: dict[str, Mapping[str, Any]] = {}

    def adopt(self, errand: Errand, wanted: Desired | None, record: Record) -> ErrandAnswer:
        """Answer *errand* with what stands here, where that is not what *record* says anyway.

        *wanted* is what is desired of the setting, ``None`` where it was never set.
        """
        adopted, failure = None, None
        try:
            adopted = self._adopt(errand.setting, wanted, record)
            self._adopted[errand.setting] = adopted.value
        except MailpanelError as error:
            failure = str(error)
        except Exception as error:  # noqa: BLE001 (one errand's fault must not stop the service)
            log_frames(error)
            failure = str(unforeseen(error))
        return ErrandAnswer(errand.number, failure, (), (), adopted=adopted)

    def is_of(self, wanted: Desired) -> bool:
        """Say whether *wanted* is what was last read off this host, edits and all."""
        return not wanted.reset and self._adopted.get(wanted.setting) == wanted.value

    def _adopt(self, name: str, wanted: Desired | None, record: Record) -> Adopted:
        setting = self._settings.get(name)
        if setting is None:
            raise Refused("This host knows no such setting; is its mailpanel older?")
        offer = setting.adoptable(self._host.facts(setting.part, standing=True))
        if offer is None:
            raise Refused(NOTHING)
        value, secret = self._read(setting, offer)
        if record.live and value in (record.value, wanted.value if wanted else None):
            self._require_edited(setting, wanted, record, secret)
        sealed = None
        if secret is not None:
            destination = {each: value.get(each) for each in setting.destination}
            sealed = self._sealer.seal(name, NO_REVISION, destination, secret)
        return Adopted(value, sealed)

    def _read(self, setting: Setting, offer: Adoption) -> tuple[dict[str, Any], str | None]:
        """Return *offer* with its account, by the setting's own rules, and the secret of it."""
        given = dict(offer.value)
        if offer.account is not None:
            account = self._host.account(setting.part, offer.account)
            if account is not None:
                given["username"], given[str(setting.secret_field)] = account
        try:
            appstruct = setting.validate(given)
        except InvalidFields as error:
            first = error.errors[0]
            raise Refused(
                f"What stands on this host is no value of this setting: {first.field}: "
                f"{first.detail}"
            ) from None
        secret = appstruct.get(setting.secret_field) if setting.secret_field else None
        return setting.public(appstruct), secret

    def _require_edited(
        self, setting: Setting, wanted: Desired | None, record: Record, secret: str | None
    ) -> None:
        """Raise :class:`Refused` where the secret is the desired one as well."""
        is_live = wanted is not None and record.live == wanted.revision
        if wanted is None or not is_live or secret is None:
            raise Refused(SAME)
        if believed(self._opener, setting, wanted)[1] == secret:
            raise Refused(SAME)
