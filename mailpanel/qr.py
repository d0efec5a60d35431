"""QR codes, drawn here: no other host is told what stands in them."""

from __future__ import annotations

import segno

__all__ = ["as_svg"]


def as_svg(text: str) -> str:
    """Return *text* as an SVG that can stand in a page.

    Dark on light whatever the page's colours are, since some cameras read no other.
    """
    code = segno.make(text, micro=False, error="m")
    svg: str = code.svg_inline(dark="#000", light="#fff", border=4, omitsize=True)
    return svg
