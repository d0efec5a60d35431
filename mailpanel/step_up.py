"""That whoever changes what opens doors is still the one who logged in.

A browser may have been left open on a desk. A view of the panel that says ``step_up=True``, or
:class:`StepUp`, runs only where the owner of the session has just given the password or
the second factor; anybody else is asked for it first, and led back. Why it is built so:
docs/decisions/0009-second-factor-and-step-up.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["StepUp", "StepUpNeeded", "includeme", "typed_before"]

View = Callable[[Any, Any], Any]


def _nothing(_texts: Mapping[str, str]) -> Mapping[str, str]:
    return {}


def _always(_context: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class StepUp:
    """What a view asks of the session.

    ``keep`` returns what of a form's texts is kept meanwhile: all but secrets, as
    :attr:`mailpanel.forms.Form.typed` has them. The page that one is led back to puts what
    :func:`typed_before` returns into its fields. ``only`` says of a context whether the view asks
    at all. ``back`` is the route of that page, with the URL's own names; without it the
    page is the GET of the same URL.
    """

    keep: Callable[[Mapping[str, str]], Mapping[str, str]] = _nothing
    only: Callable[[Any], bool] = _always
    back: str | None = None


class StepUpNeeded(Exception):
    """The owner of the session has to be asked first; then *path* is the way back.

    ``texts`` is what was typed there, but for secrets.
    """

    def __init__(self, path: str, texts: Mapping[str, str]) -> None:
        super().__init__("Whoever is logged in has to show anew who they are.")
        self.path = path
        self.texts = texts


def typed_before(request: Any) -> dict[str, str]:
    """Return what had been typed into the form of this page when its owner was asked."""
    typed = request.notes.get("typed", {})
    texts: dict[str, str] = typed.get("texts", {}) if typed.get("path") == request.path else {}
    return texts


def step_up_view(view: View, info: Any) -> View:
    """Return *view* behind the question whether its session is fresh, where it says so."""
    said = info.options.get("step_up")
    if not said:
        return view
    rule = StepUp() if said is True else said

    def checked(context: Any, request: Any) -> Any:
        if rule.only(context) and not request.panel_session.fresh:
            back = request.route_path(rule.back, **request.matchdict) if rule.back else request.path
            raise StepUpNeeded(back, rule.keep(request.POST))
        return view(context, request)

    return checked


step_up_view.options = ("step_up",)  # type: ignore[attr-defined]


def includeme(config: Any) -> None:
    """Ask once it is known that the caller may do it, and that it exists."""
    config.add_view_deriver(step_up_view, under="checked_view", over="rendered_view")
