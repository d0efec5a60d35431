"""The passwords of accounts: Argon2id (RFC 9106), never anything else."""

from __future__ import annotations

from importlib import resources

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

__all__ = ["SHORTEST", "hash_password", "is_common", "is_right"]

SHORTEST = 12  # characters (API.md)
# OWASP's minimum for Argon2id: t=2, m=19 MiB, p=1.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Of no password: so that an account which has none, or does not exist, takes as long.
_NOBODYS = f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p=1${'A' * 22}${'A' * 43}"
# Read now: once root is given up it may be out of reach, like all that is to be imported.
_COMMON = frozenset(
    line
    for line in resources.files(__package__)
    .joinpath("common_passwords.txt")
    .read_text(encoding="utf-8")
    .splitlines()
    if not line.startswith("# ")
)


def hash_password(password: str) -> str:
    """Return what is stored for *password*."""
    return _HASHER.hash(password)


def is_right(password: str, stored: str | None) -> bool:
    """Say whether *password* is the one that *stored* was made of; ``None`` is never.

    It takes as long in either case.
    """
    try:
        _HASHER.verify(stored or _NOBODYS, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_common(password: str) -> bool:
    """Say whether *password*, in whatever case, is one of those that are guessed first."""
    return password.casefold() in _COMMON
