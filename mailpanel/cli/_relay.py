"""How the live relay fares, in a cell of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["relay_in_words"]


def relay_in_words(told: Mapping[str, Any]) -> str | None:
    """Return what a host has *told* of its relay; ``None`` where nothing is to be said of it."""
    health = told.get("relay_health") or {}
    return " ".join(each for name in ("says", "mail") if (each := health.get(name))) or None
