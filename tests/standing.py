"""What stands below a directory that others write to meanwhile.

``Path.rglob`` raises where a directory goes away under it, and so does reading a file that has
gone since it was listed: what is gone does not stand there, and is none of what is returned.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["below", "contents"]


def below(*directories: Path) -> list[Path]:
    """Return all that is below *directories*, in order."""
    return sorted(
        Path(place, name)
        for directory in directories
        # It passes over what it cannot list.
        for place, inner, files in os.walk(directory)
        for name in (*inner, *files)
    )


def contents(*directories: Path) -> dict[Path, bytes]:
    """Return each regular file below *directories*, or that a link leads to, and its content."""
    found = {}
    for path in below(*directories):
        try:
            if path.is_file():
                found[path] = path.read_bytes()
        except FileNotFoundError:
            continue
    return found
