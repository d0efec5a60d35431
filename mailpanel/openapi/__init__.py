"""The OpenAPI document: what each call takes and answers, from the same schemas that check it."""

from __future__ import annotations

from mailpanel.openapi._document import document

__all__ = ["document"]
