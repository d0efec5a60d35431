"""Files that hold a key: 32 bytes, as base64."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from mailpanel.errors import DeploymentError

__all__ = ["LENGTH", "read_key", "write_new"]

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
    try:
        key = base64.b64decode(path.read_bytes())
    except ValueError:
        key = b""
    except OSError as error:
        raise DeploymentError(
            f"{path}: the key cannot be read ({error.strerror}); run mailpanel init"
        ) from None
    if len(key) != LENGTH:
        raise DeploymentError(f"{path}: this is no key of mailpanel's; run mailpanel init")
    return key
