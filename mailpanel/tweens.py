"""What holds for every request, whatever answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailpanel.renderers import problem

__all__ = ["includeme", "no_store", "readable_path"]

Handler = Callable[[Any], Any]


def readable_path(handler: Handler, _registry: Any) -> Handler:
    """Answer 400 where the path is not UTF-8: Pyramid lets that exception out."""

    def tween(request: Any) -> Any:
        try:
            request.path_info  # noqa: B018 (decoded when it is read)
        except UnicodeDecodeError:
            return problem(400, "The path of the URL is not UTF-8.", "path")
        return handler(request)

    return tween


def no_store(handler: Handler, _registry: Any) -> Handler:
    """Let nothing keep an answer, errors included: values and states change by themselves."""

    def tween(request: Any) -> Any:
        response = handler(request)
        response.headers["Cache-Control"] = "no-store"
        return response

    return tween


def includeme(config: Any) -> None:
    """Add both outside of Pyramid's exception views; the one added last is outermost."""
    config.add_tween("mailpanel.tweens.readable_path")
    config.add_tween("mailpanel.tweens.no_store")
