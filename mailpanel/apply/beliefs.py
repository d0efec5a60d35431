"""What root believes of what comes through the pipe: nothing that it has not checked again."""

from __future__ import annotations

from typing import Any

from mailpanel.errors import InvalidFields, Refused
from mailpanel.reports import Desired
from mailpanel.seal import Opener
from mailpanel.settings import Setting

__all__ = ["HIGHEST_REVISION", "believed"]

# The database's INTEGER (PostgreSQL, 8.1); one more could not be stored.
HIGHEST_REVISION = 2**31 - 2


def believed(
    opener: Opener, setting: Setting, wanted: Desired
) -> tuple[dict[str, Any], str | None]:
    """Return value and secret of *wanted*, validated anew by the setting's own rules.

    Raises :class:`mailpanel.errors.SealError` where the secret does not open for it, and
    :class:`Refused` where the value breaks a rule.
    """
    given = dict(wanted.value or {})
    secret = None
    if wanted.sealed is not None and setting.secret_field is not None:
        destination = {name: given.get(name) for name in setting.destination}
        secret = opener.open(wanted.sealed, setting.name, wanted.revision, destination)
    broken = Refused(
        "The database holds a value that breaks the setting's own rules. Save it once more."
    )
    try:
        value = setting.believed(given, secret)
    except InvalidFields:
        raise broken from None
    if value != wanted.value:
        raise broken
    return value, secret
