"""What a page loads beside itself: one style sheet on Bootstrap's, a script, an icon.

They are read and compressed when the application is made, and each has its digest in its
URL: a browser asks for it once and never again until it is another.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["ASSETS", "Asset", "includeme"]

# Of Bootstrap, which Deform brings, the style sheet alone: no script of its, and no jQuery.
ASSETS = {
    "bootstrap.css": ("deform", "static/css/bootstrap.min.css", "text/css; charset=utf-8"),
    "panel.css": ("mailpanel", "static/panel.css", "text/css; charset=utf-8"),
    "panel.js": ("mailpanel", "static/panel.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("mailpanel", "static/icon.svg", "image/svg+xml"),
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent, plain or *zipped*; *digest* is the beginning of its SHA-256."""

    content_type: str
    digest: str
    plain: bytes = field(repr=False)
    zipped: bytes = field(repr=False)


@cache
def _read(package: str, path: str, content_type: str) -> Asset:
    plain = resources.files(package).joinpath(path).read_bytes()
    digest = hashlib.sha256(plain).hexdigest()[:16]
    return Asset(content_type, digest, plain, gzip.compress(plain, mtime=0))


def includeme(config: Any) -> None:
    """Read them now: once root is given up they may be out of reach."""
    config.registry.assets = {name: _read(*asset) for name, asset in ASSETS.items()}
