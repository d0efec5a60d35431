"""Files on the host: read with all that belongs to them, replaced by one rename."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = [
    "FileState",
    "is_so",
    "make_directory",
    "read_state",
    "remove",
    "remove_leftover",
    "sync_directory",
    "write",
]


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it stands: ``content`` is ``None`` where there is none.

    ``path`` is where a symbolic link leads, so that the link itself stays.
    ``attributes`` are the extended ones, in which Linux keeps ACLs (acl(5)).
    """

    path: Path
    content: bytes | None
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    attributes: tuple[tuple[str, bytes], ...] = ()

    def text(self) -> str:
        """Return the content as text for people, empty where there is none."""
        return (self.content or b"").decode("utf-8", "replace")

    def with_content(self, content: bytes | None) -> FileState:
        """Return the same file with other content."""
        return replace(self, content=content)


def read_state(path: Path, mode: int = 0o644) -> FileState:
    """Return the file at *path*; one that is missing would be made with *mode*, by this user."""
    target = Path(os.path.realpath(path))
    try:
        descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return FileState(target, None, mode, os.geteuid(), os.getegid())
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        return FileState(
            target,
            stream.read(),
            stat.S_IMODE(status.st_mode),
            status.st_uid,
            status.st_gid,
            tuple(_attributes(descriptor)),
        )


def _attributes(descriptor: int) -> Iterator[tuple[str, bytes]]:
    # A file system without extended attributes has no ACLs to keep.
    with contextlib.suppress(OSError):
        for name in os.listxattr(descriptor):
            yield name, os.getxattr(descriptor, name)


def write(state: FileState, mtime: float | None = None) -> None:
    """Make the file on disk what *state* says, by one rename; its directory is synced.

    Nobody ever sees half of it, nor content under another mode or owner than its
    own. With *mtime* (seconds since the epoch) the file bears that time. What a
    killed process has left of an earlier write goes.
    """
    if state.content is None:
        remove(state.path)
        return
    temporary = _temporary(state.path)
    remove_leftover(state.path)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchown(descriptor, state.uid, state.gid)
            for attribute, value in state.attributes:
                os.setxattr(descriptor, attribute, value)
            os.fchmod(descriptor, state.mode)
            stream.write(state.content)
            stream.flush()
            if mtime is not None:
                os.utime(descriptor, (mtime, mtime))
            os.fsync(descriptor)
        temporary.replace(state.path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(state.path.parent)


def remove(path: Path) -> None:
    """Remove the file at *path* where there is one; its directory is synced."""
    remove_leftover(path)
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Make the directory *path* where there is none; its name survives a crash as its files do."""
    if not path.is_dir():
        path.mkdir(mode=0o755, exist_ok=True)
        sync_directory(path.parent)


def is_so(state: FileState) -> bool:
    """Say whether the file on disk is what *state* says."""
    now = read_state(state.path)
    return now.content is None if state.content is None else now == state


def remove_leftover(path: Path) -> None:
    """Remove what a process that was killed in :func:`write` has left beside *path*."""
    # Asked first: on a read-only file system even the removal of nothing fails (unlink(2)).
    if os.path.lexists(_temporary(path)):
        _temporary(path).unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    # Always the same, so that what a killed process left, which may hold a secret, is found.
    return path.with_name(f".{path.name}.mailpanel")


def sync_directory(path: Path) -> None:
    """Make the names in the directory *path* survive a crash (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
