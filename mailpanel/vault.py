"""What the web itself has to read again, but nobody who has only the database.

It is encrypted and authenticated (XChaCha20-Poly1305) with a key that stands in a file of the
web's user. Secrets for the mail hosts are not: those the web cannot open (:mod:`mailpanel.seal`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nacl.exceptions import CryptoError
from nacl.secret import Aead
from nacl.utils import random

from mailpanel.key_files import LENGTH, read_key, write_new

__all__ = ["Vault", "make_web_key"]


def make_web_key(path: Path, owner: tuple[int, int] | None) -> bool:
    """Make the web's key where there is none; say whether it was made. *owner* alone reads it."""
    if path.exists():
        return False
    write_new(path, base64.b64encode(random(LENGTH)) + b"\n", 0o400, owner)
    return True


@dataclass(frozen=True, slots=True)
class Vault:
    """Locks things with the key in *key_file*, and opens them again."""

    key_file: Path

    def lock(self, purpose: str, content: Mapping[str, Any]) -> str:
        """Return *content* as a text that only :meth:`open` makes sense of, for that *purpose*.

        Raises :class:`DeploymentError` where the key cannot be read.
        """
        box = Aead(read_key(self.key_file)).encrypt(
            json.dumps(dict(content)).encode("ascii"), purpose.encode()
        )
        return base64.urlsafe_b64encode(box).decode("ascii")

    def open(self, purpose: str, locked: str) -> dict[str, Any] | None:
        """Return what was locked for *purpose*; ``None`` where this vault has not locked it so.

        Raises what :meth:`lock` does.
        """
        aead = Aead(read_key(self.key_file))
        try:
            opened = aead.decrypt(base64.urlsafe_b64decode(locked), purpose.encode())
        except (CryptoError, ValueError):
            return None
        content: dict[str, Any] = json.loads(opened)
        return content
