"""Sealed secrets: a secret opens only on a mail host, and only for the destination
it was typed for.

The web seals with a public key (libsodium's sealed box); the private key is
root's on the mail hosts. Inside the box stands the secret together with its
setting, destination and revision, so that a stored box cannot be pointed at
another server. Text form: ``1.KEYID.BOX``, version, key id, URL-safe base64.
A file of private keys has a line each: the first is the present one, those after it only open.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from mailpanel.errors import DeploymentError, SealError
from mailpanel.key_files import keys_in, read_key, read_keys, write_new

__all__ = ["Opener", "Sealer", "key_id_of", "make_keys", "rotate_keys", "take_key"]

VERSION = "1"
DAMAGED = "The stored password is damaged; type it again."


def _key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]


def make_keys(private_key_file: Path, public_key_file: Path) -> bool:
    """Make the key pair where there is none; say whether it was made.

    The private key file gets mode 0600 from its first byte, the public one 0644.
    A missing public key is written again from the private one.
    """
    made = False
    if private_key_file.exists():
        private = PrivateKey(read_keys(private_key_file)[0])
    else:
        private = PrivateKey.generate()
        write_new(private_key_file, base64.b64encode(bytes(private)) + b"\n", 0o600)
        made = True
    if made or not public_key_file.exists():
        public_key_file.unlink(missing_ok=True)
        public = base64.b64encode(bytes(private.public_key)) + b"\n"
        write_new(public_key_file, public, 0o644)
    return made


def take_key(text: bytes, private_key_file: Path, public_key_file: Path) -> bool:
    """Make *text*, another host's private key file, the key of this one; say whether it is new.

    Raises :class:`DeploymentError` where *text* is no key, or where another key opens
    what is stored here; nothing has changed then.
    """
    keys = keys_in(text)
    if not keys:
        raise DeploymentError(
            "what was given is no private key; give what stands in another mail host's seal.key"
        )
    if private_key_file.exists():
        own = read_keys(private_key_file)
        if own == keys:
            return False
        # After a rotation elsewhere the key that is the present one here is still among them.
        if own[0] not in keys:
            raise DeploymentError(
                f"{private_key_file}: there is another key already, and what was sealed for it "
                "would be lost; move it away first if that is meant"
            )
    # Made anew from the private key: first gone, so that the two never differ.
    public_key_file.unlink(missing_ok=True)
    write_new(private_key_file, _as_text(keys), 0o600)
    make_keys(private_key_file, public_key_file)
    return True


def rotate_keys(private_key_file: Path, public_key_file: Path, used: Collection[str]) -> None:
    """Put a new key pair first; the key before it stays, and those whose ids are in *used*.

    Raises :class:`DeploymentError` where there is no key yet.
    """
    present, *older = read_keys(private_key_file)
    kept = [key for key in older if _key_id(bytes(PrivateKey(key).public_key)) in used]
    keys = [bytes(PrivateKey.generate()), present, *kept]
    # The private one first: what is sealed from now on can be opened at every instant.
    write_new(private_key_file, _as_text(keys), 0o600)
    public = base64.b64encode(bytes(PrivateKey(keys[0]).public_key)) + b"\n"
    write_new(public_key_file, public, 0o644)


def key_id_of(sealed: str) -> str:
    """Return the id of the key that *sealed* was sealed with; empty where it names none."""
    return sealed.split(".")[1] if sealed.count(".") == 2 else ""


def _as_text(keys: list[bytes]) -> bytes:
    return b"".join(base64.b64encode(key) + b"\n" for key in keys)


@dataclass(frozen=True)
class Sealer:
    """Seals secrets; what it has sealed it cannot read back."""

    public_key_file: Path

    def seal(self, setting: str, revision: int, destination: Mapping[str, Any], secret: str) -> str:
        """Return *secret* sealed to *destination*, as text for the database.

        Raises :class:`DeploymentError` where the public key cannot be read.
        """
        return self.put(
            {
                "setting": setting,
                "revision": revision,
                "destination": dict(destination),
                "secret": secret,
            }
        )

    def put(self, content: Mapping[str, Any]) -> str:
        """Return *content*, as an opener has taken it out, in a box of this key's."""
        public = read_key(self.public_key_file)
        box = SealedBox(PublicKey(public)).encrypt(json.dumps(content).encode("ascii"))
        return f"{VERSION}.{_key_id(public)}.{base64.urlsafe_b64encode(box).decode('ascii')}"


class Opener:
    """Opens sealed secrets; only the executor has one."""

    def __init__(self, private_key_file: Path) -> None:
        self._file = private_key_file
        self._keys: dict[str, PrivateKey] = {}
        self._read()

    @property
    def key_id(self) -> str:
        """Return the id of the present key."""
        return next(iter(self._keys))

    def _read(self) -> None:
        keys = map(PrivateKey, read_keys(self._file))
        self._keys = {_key_id(bytes(key.public_key)): key for key in keys}

    def open(self, sealed: str, setting: str, revision: int, destination: Mapping[str, Any]) -> str:
        """Return the secret in *sealed*.

        Raises :class:`SealError` where it was sealed with another key, for another
        setting or destination, or for a revision after *revision*.
        """
        content = self.content(sealed)
        if content.get("setting") != setting or content.get("destination") != dict(destination):
            raise SealError(
                "The stored password was typed for another server; type it again for this one."
            )
        if not isinstance(content.get("revision"), int) or content["revision"] > revision:
            raise SealError("The stored password belongs to a later revision; type it again.")
        secret = content.get("secret")
        if not isinstance(secret, str):
            raise SealError(DAMAGED)
        return secret

    def content(self, sealed: str) -> dict[str, Any]:
        """Return what is in *sealed*, which is nobody's word; raises :class:`SealError`."""
        version, _, rest = sealed.partition(".")
        key_id, _, box = rest.partition(".")
        if key_id not in self._keys:
            # It may have been carried over, or made anew, since.
            self._read()
        if version != VERSION or key_id not in self._keys:
            raise SealError(
                "The stored password was sealed with another key than this host's; type it "
                "again, or carry the other host's state_directory/keys/seal.key over: "
                "mailpanel init --key-stdin < seal.key"
            )
        try:
            opened = SealedBox(self._keys[key_id]).decrypt(base64.urlsafe_b64decode(box))
            content = json.loads(opened)
        except (CryptoError, ValueError, RecursionError):
            raise SealError(DAMAGED) from None
        # Whoever has the public key can seal; what is in the box is nobody's word.
        if not isinstance(content, dict):
            raise SealError(DAMAGED)
        return content
