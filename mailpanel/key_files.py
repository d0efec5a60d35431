"""Files that hold a key, or several, a line each: 32 bytes, as base64."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from mailpanel.errors import DeploymentError

__all__ = ["LENGTH", "keys_in", "read_key", "read_keys", "write_new"]

LENGTH = 32  # bytes, of a key of each kind that there is here


def write_new(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Write all of it or nothing: half a key would be in the way of the next attempt.

    *owner* is the numbers of the user and the group that the file is given to.
    """
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, mode)
            if owner is not None:
                os.fchown(descriptor, *owner)
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        aside.rename(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def read_key(path: Path) -> bytes:
    """Return the key in *path*; raises :class:`DeploymentError` where it cannot be had."""
    return read_keys(path)[0]


def read_keys(path: Path) -> list[bytes]:
    """Return the keys in *path*, a line each; raises :class:`DeploymentError` as :func:`read_key`.

    There is at least one.
    """
    try:
        keys = keys_in(path.read_bytes())
    except OSError as error:
        raise DeploymentError(
            f"{path}: the key cannot be read ({error.strerror}); run mailpanel init"
        ) from None
    if not keys:
        raise DeploymentError(f"{path}: this is no key of mailpanel's; run mailpanel init")
    return keys


def keys_in(text: bytes) -> list[bytes]:
    """Return the keys in *text*, a line each; none where one of them is no key."""
    try:
        keys = [base64.b64decode(line, validate=True) for line in text.split()]
    except ValueError:
        return []
    return keys if all(len(key) == LENGTH for key in keys) else []
