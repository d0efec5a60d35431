"""A value that is about to be stored or tried: validated, its secret sealed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mailpanel.errors import FieldError, InvalidFields
from mailpanel.models import Revision
from mailpanel.seal import Sealer
from mailpanel.settings import Setting, Stored

__all__ = ["Candidate", "make_candidate", "validated"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be stored of a value, its sealed secret, and what was generated for it."""

    value: dict[str, Any]
    sealed: str | None
    generated: str | None = field(default=None, repr=False)


def make_candidate(
    setting: Setting,
    cstruct: Any,
    current: Revision | None,
    number: int,
    sealer: Sealer,
    *,
    errors: Sequence[FieldError] = (),
    form: bool = False,
) -> Candidate:
    """Return *cstruct* as revision *number* of *setting* after *current* would have it.

    *errors* are what the caller has found wrong beside the value. The stored secret is
    carried along where *cstruct* has none and may keep it. Raises :class:`InvalidFields`
    with all errors at once.
    """
    kept = None if current is None else current.sealed
    appstruct = validated(setting, cstruct, current, errors=errors, form=form)
    if setting.generates:
        generated, value = setting.generate(secrets.token_bytes)
        return Candidate(value, None, generated)
    value = setting.public(appstruct)
    secret = appstruct.get(setting.secret_field) if setting.secret_field else None
    if secret is None:
        return Candidate(value, kept if setting.needs_secret(value) else None)
    destination = {name: value.get(name) for name in setting.destination}
    return Candidate(value, sealer.seal(setting.name, number, destination, secret))


def validated(
    setting: Setting,
    cstruct: Any,
    current: Revision | None,
    *,
    errors: Sequence[FieldError] = (),
    form: bool = False,
) -> dict[str, Any]:
    """Return the appstruct of *cstruct* after *current*; raises as :func:`make_candidate`."""
    stored = None
    if current is not None and current.value is not None:
        stored = Stored(current.value, has_secret=current.sealed is not None)
    try:
        appstruct: dict[str, Any] = setting.validate(cstruct, stored=stored, form=form)
    except InvalidFields as error:
        raise InvalidFields([*errors, *error.errors]) from None
    if errors:
        raise InvalidFields(list(errors))
    return appstruct
