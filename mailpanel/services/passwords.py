"""The passwords of accounts: Argon2id (RFC 9106), never anything else."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

__all__ = ["SHORTEST", "hash_password", "is_password"]

SHORTEST = 12  # characters (API.md)
# OWASP's minimum for Argon2id: t=2, m=19 MiB, p=1.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """Return what is stored for *password*."""
    return _HASHER.hash(password)


def is_password(password: str, stored: str) -> bool:
    """Say whether *password* is the one that *stored* was made of."""
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
