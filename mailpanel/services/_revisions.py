"""The revisions of a setting: a new one, or an old one once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from mailpanel.errors import Conflict, FieldError, InvalidFields, NotFound, PreconditionFailed
from mailpanel.models import DesiredSetting, HostSetting, Revision
from mailpanel.seal import Sealer
from mailpanel.services import audit
from mailpanel.services._candidates import Candidate, make_candidate
from mailpanel.services._faults import UNREADABLE, is_unreadable
from mailpanel.services._rows import locked_row
from mailpanel.services.audit import Author
from mailpanel.services.clock import Clock
from mailpanel.settings import Setting
from mailpanel.words import _

__all__ = [
    "IfMatch",
    "Place",
    "found",
    "is_restorable",
    "locked",
    "old_candidate",
    "present",
    "store",
]

SEALED_REVISIONS = 10  # API.md: sealed passwords are kept for the last 10 revisions


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The precondition of RFC 9110, 13.1.1: *any* is ``*``, *revisions* are strong entity tags.

    *unset* is the opposite, that there is no present value (13.1.2, ``If-None-Match: *``).
    """

    any: bool
    revisions: frozenset[str]
    unset: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a revision is to be stored: what is desired, locked, and the next number.

    ``current`` is the present revision, ``None`` where the setting was never set.
    """

    desired: DesiredSetting
    current: Revision | None
    number: int

    def require(self, if_match: IfMatch | None, errors: Sequence[FieldError] = ()) -> None:
        """Raise :class:`PreconditionFailed` unless *if_match* allows the present revision.

        Else :class:`InvalidFields` where there are *errors*.
        """
        if if_match is not None:
            self._require_match(if_match)
        if errors:
            raise InvalidFields(list(errors))

    def _require_match(self, if_match: IfMatch) -> None:
        is_set = self.current is not None and not self.current.reset
        if if_match.unset and is_set:
            raise PreconditionFailed(
                _("This setting was set meanwhile; read it, then decide anew.")
            )
        if if_match.unset:
            return
        if self.current is None or self.current.reset:
            raise PreconditionFailed(_("If-Match was sent, but this setting is not set."))
        if not if_match.any and str(self.current.number) not in if_match.revisions:
            raise PreconditionFailed(
                _("This setting was changed meanwhile; read it again, then decide anew.")
            )


def locked(session: Session, name: str) -> Place:
    """Return where the next revision of *name* goes; nobody else stores one meanwhile."""
    desired = locked_row(session, DesiredSetting, {"setting": name}, revision=0)
    current = _current(session, name, desired.revision)
    return Place(desired, current, _next_number(session, desired))


def present(session: Session, name: str) -> Place:
    """Return the same to look at it alone: somebody may store one meanwhile."""
    desired = session.get(DesiredSetting, name) or DesiredSetting(setting=name, revision=0)
    return Place(desired, _current(session, name, desired.revision), 0)


def _current(session: Session, name: str, number: int) -> Revision | None:
    """Return the present revision; of a row that is broken one without a value or a secret.

    A setting that is saved once more, or reset, is well again, so that must always be possible.
    """
    current = _readable(session, name, number)
    if current is None or _has_value(current):
        return current
    return _broken(name, number)


def _readable(session: Session, name: str, number: int) -> Revision | None:
    """Return the revision, ``None`` where there is none, one without a value where it is broken."""
    try:
        return session.get(Revision, {"setting": name, "number": number})
    except UNREADABLE:
        return _broken(name, number)
    except DBAPIError as error:
        if not is_unreadable(error):
            raise
        return _broken(name, number)


def _broken(name: str, number: int) -> Revision:
    return Revision(setting=name, number=number, reset=False)


def _has_value(revision: Revision) -> bool:
    return revision.reset or isinstance(revision.value, dict)


def found(session: Session, name: str, number: int) -> Revision:
    """Return revision *number* of *name*; raises :class:`NotFound`.

    Raises :class:`Conflict` where its row is broken.
    """
    revision = _readable(session, name, number)
    if revision is None:
        raise NotFound(_("There is no such revision of this setting."))
    if not _has_value(revision):
        raise Conflict(
            _("Revision ${number} cannot be read, so it cannot be brought back.", number=number)
        )
    return revision


def is_restorable(setting: Setting, revision: Revision) -> bool:
    """Say whether *revision* can be brought back as it was."""
    if revision.reset:
        return True
    complete = revision.sealed is not None or not setting.needs_secret(revision.value or {})
    return complete and not setting.generates


def old_candidate(setting: Setting, old: Revision, number: int, sealer: Sealer) -> Candidate:
    """Return *old* as revision *number*, with its secret: it stays sealed to its destination.

    Raises :class:`Conflict` where nobody knows the secret any more, :class:`InvalidFields`
    where it has to be typed, or where the setting's rules have changed since.
    """
    if setting.generates:
        raise Conflict(
            _(
                "What was generated for an old revision is known to nobody here; "
                "have a new one made in place of it."
            )
        )
    if not is_restorable(setting, old):
        sentence = _(
            "The password of revision ${number} is no longer kept; "
            "set its values anew, with the password.",
            number=old.number,
        )
        raise InvalidFields([FieldError(setting.secret_field or "password", sentence)])
    return make_candidate(setting, old.value, old, number, sealer)


def store(
    session: Session,
    place: Place,
    author: Author,
    made: Candidate | None,
    *,
    probe: bool,
    clock: Clock,
    restored: int | None = None,
    adopted: str | None = None,
) -> Revision:
    """Store *made*, a reset where it is ``None``, as a revision and make it the desired one.

    *restored* is the number of the revision that it brings back, *adopted* the host that it
    was read off.
    """
    revision = Revision(
        setting=place.desired.setting,
        number=place.number,
        reset=made is None,
        value=made.value if made else None,
        sealed=made.sealed if made else None,
        secret=_secret(made, place.current),
        probe=probe,
        author=author.username,
        token_id=author.token_id,
        address=author.address,
        created=clock(),
        restored=restored,
    )
    session.add(revision)
    place.desired.revision = place.number
    session.flush()
    _forget_old_secrets(session, revision.setting)
    _record(session, author, revision, clock, adopted)
    return revision


def _record(
    session: Session, author: Author, revision: Revision, clock: Clock, adopted: str | None
) -> None:
    action = "setting.reset" if revision.reset else "setting.set"
    detail: dict[str, Any] = {} if revision.probe else {"probe": False}
    if revision.secret is not None:
        detail["secret"] = revision.secret
    if revision.restored is not None:
        action, detail["restored"] = "setting.restore", revision.restored
    if adopted is not None:
        detail["adopted"] = adopted
    setting, number = revision.setting, revision.number
    audit.record(session, author, action, setting, number, detail=detail, clock=clock)


def _secret(made: Candidate | None, current: Revision | None) -> str | None:
    if made is None or (made.sealed is None and made.generated is None):
        return None
    # No two boxes are alike: the same text is what was carried along.
    kept = current is not None and made.sealed is not None and made.sealed == current.sealed
    return "kept" if kept else "changed"


def _next_number(session: Session, desired: DesiredSetting) -> int:
    # The hosts refuse what is below the highest revision they have seen, and a
    # database restored from a backup may be behind them.
    query = select(func.max(HostSetting.highest_revision))
    seen = session.scalar(query.where(HostSetting.setting == desired.setting))
    return max(desired.revision, seen or 0) + 1


def _forget_old_secrets(session: Session, name: str) -> None:
    newest = select(Revision.number).where(Revision.setting == name)
    oldest_kept = session.scalar(
        newest.order_by(Revision.number.desc()).offset(SEALED_REVISIONS - 1).limit(1)
    )
    if oldest_kept is not None:
        old = (Revision.setting == name, Revision.number < oldest_kept)
        session.execute(update(Revision).where(*old).values(sealed=None))
