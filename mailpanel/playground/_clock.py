"""A program of Dovecot's with a clock that is late, by libfaketime."""

from __future__ import annotations

from pathlib import Path

__all__ = ["environment", "forget"]

# Environment that Dovecot's programs would else drop (doveadm(1), import_environment).
PRESERVED = "TZ LD_PRELOAD FAKETIME"


def environment(age_days: float) -> dict[str, str]:
    """Return what makes the clock of a program *age_days* late.

    Raises :class:`FileNotFoundError` where libfaketime is missing.
    """
    if not age_days:
        return {}
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if library is None:
        raise FileNotFoundError("libfaketime is not installed")
    seconds = round(age_days * 86400)
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"-{seconds}s",
        "DOVECOT_PRESERVE_ENVS": PRESERVED,
    }


def forget(pid: int) -> None:
    """Remove what libfaketime has left in /dev/shm for the process *pid*."""
    for left in Path("/dev/shm").glob(f"*faketime_*_{pid}"):  # noqa: S108 (its own names)
        left.unlink(missing_ok=True)
