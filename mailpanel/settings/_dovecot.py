"""What the settings that configure Dovecot have in common."""

from __future__ import annotations

from mailpanel.errors import Refused
from mailpanel.plan import NO_DOVECOT, DovecotFacts, Facts

__all__ = ["block_name", "quoted", "require_dovecot"]


def require_dovecot(facts: Facts) -> DovecotFacts:
    """Return what stands in Dovecot; raises :class:`Refused` where it is not installed."""
    if facts.dovecot is None:
        raise Refused(NO_DOVECOT)
    return facts.dovecot


def block_name(name: str) -> str:
    """Return *name* as it stands at the head of a block in a configuration file.

    Quotes end at the next ``"`` there, behind a backslash too; without them none is special.
    """
    return name if '"' in name else quoted(name)


def quoted(value: str) -> str:
    """Return *value* as a parameter's value, whatever is in it: `` #`` begins a comment else."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
