"""A copy of Dovecot's configuration with other files in it, to ask doveconf about.

It stands in the state directory, readable to root alone. Everything but what changes is
the live file itself, by a hard link where the file system allows one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mailpanel.host.dovecot import Dovecot
from mailpanel.host.stage import clear, mirror

__all__ = ["includes", "staged"]

_INCLUDE = re.compile(rb"^[ \t]*!include(?:_try)?[ \t]+(\S+)[ \t]*$", re.MULTILINE)


def includes(text: bytes, directory: Path, path: Path) -> bool:
    """Say whether the configuration file *text* in *directory* includes *path*."""
    patterns = (os.fsdecode(match) for match in _INCLUDE.findall(text))
    # As glob(3) does: a * matches no slash.
    return any(path.match(os.path.normpath(directory / pattern)) for pattern in patterns)


@contextmanager
def staged(
    live: Dovecot, changes: Mapping[Path, bytes | None], directory: Path
) -> Iterator[Dovecot]:
    """Lay the configuration of *live* out below *directory*, with *changes*, path to content.

    A content of ``None`` leaves the file out. Files outside of the configuration's
    directory are not laid out. Nothing stays, however it ends.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    clear(directory)
    place = directory / "etc"
    try:
        mirror(live.directory, place, skip=frozenset())
        for path, content in changes.items():
            if path.is_relative_to(live.directory):
                own = path.relative_to(live.directory)
                _own_directories(live.directory, place, own.parent)
                _put(place / own, content)
        _redirect(live.directory, place)
        yield Dovecot(str(place / live.config_file.name))
    finally:
        clear(directory)


def _own_directories(live: Path, place: Path, directory: Path) -> None:
    """Make *directory* be one of the stage itself: through a link the live one would be written."""
    for name in reversed([directory, *directory.parents]):
        if (place / name).is_symlink():
            (place / name).unlink()
            mirror(Path(os.path.realpath(live / name)), place / name, skip=frozenset())


def _put(path: Path, content: bytes | None) -> None:
    # Not through a link: it would lead to the live file.
    path.unlink(missing_ok=True)
    if content is not None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


def _redirect(live: Path, place: Path) -> None:
    """Make what is included by its absolute path be that of the stage."""
    own = re.compile(rb"(?m)^([ \t]*!include(?:_try)?[ \t]+)" + re.escape(f"{live}/".encode()))
    for path in [*place.rglob("*.conf"), *place.rglob("*.ext")]:
        # A link may lead nowhere, as long as nothing includes it.
        content = path.read_bytes() if path.is_file() else b""
        if own.search(content):
            _put(path, own.sub(lambda match: match[1] + f"{place}/".encode(), content))
