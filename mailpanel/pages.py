"""Pages for people, rendered by Chameleon, and what every one of them shows.

A view answers what its template asks for; ``page`` and ``layout`` are there in each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from chameleon import PageTemplateLoader
from pyramid.csrf import get_csrf_token

from mailpanel.dates import ago, exactly
from mailpanel.languages import ENGLISH
from mailpanel.security import LIVE, by_header
from mailpanel.settings import SETTINGS
from mailpanel.words import Words, _, counted, grouped, joined, sentences

__all__ = ["Link", "Page", "includeme"]

TEMPLATES = Path(__file__).parent / "templates"
# By which a template makes the sentences that hold something.
WORDS = {
    "_": _,
    "counted": counted,
    "grouped": grouped,
    "joined": joined,
    "sentences": sentences,
}


class Link(NamedTuple):
    """A place to go to; *here* says that it is this one."""

    title: str
    url: str
    here: bool = False


class Page:
    """What the layout asks of the request."""

    def __init__(self, request: Any) -> None:
        self._request = request

    @property
    def language(self) -> str:
        """Return the tag of the language that the page is in."""
        tag: str = self._request.language.tag
        return tag

    def foreign(self, text: str) -> str | None:
        """Return the language of *text* where it is not the page's: what hosts say is English."""
        spoken = isinstance(text, Words) or self.language == ENGLISH
        return None if spoken else ENGLISH

    @property
    def translate(self) -> Callable[..., str]:
        """Return what translates the words of a form."""
        translate: Callable[..., str] = self._request.language.translate
        return translate

    @property
    def username(self) -> str | None:
        """Return who is logged in."""
        identity = self._request.identity
        return identity.username if identity else None

    @property
    def csrf_token(self) -> str:
        """Return what each form carries."""
        token: str = get_csrf_token(self._request)
        return token

    @property
    def flash(self) -> str | None:
        """Return the sentence that the form before this page has left, once."""
        sentence: str | None = self._request.notes.get("flash")
        return sentence

    @property
    def groups(self) -> list[tuple[str, list[Link]]]:
        """Return where one can go, in groups; all that whoever is logged in may see."""
        return list(self._groups())

    def _groups(self) -> Iterator[tuple[str, list[Link]]]:
        identity = self._request.identity
        if identity is None or identity.has_to_enrol:
            return
        administers = identity.perm_level == "MasterAdmin"
        if administers:
            yield "", [self._link(_("Overview"), "panel.overview")]
            yield (
                _("Settings"),
                [
                    self._link(setting.title, "panel.setting", setting=setting.name)
                    for setting in SETTINGS.values()
                ],
            )
            yield (
                _("Server"),
                [
                    self._link(_("Hosts"), "panel.hosts"),
                    self._link(_("Clearing"), "panel.clearing"),
                    self._link(_("Accounts"), "panel.accounts"),
                    self._link(_("Audit log"), "panel.audit"),
                ],
            )
        yield (
            _("You"),
            [
                self._link(_("My account"), "panel.account"),
                self._link(_("My tokens"), "panel.tokens"),
            ],
        )

    @property
    def settings(self) -> dict[str, str]:
        """Return the titles of the settings, by their names."""
        return {name: setting.title for name, setting in SETTINGS.items()}

    def _link(self, title: str, route: str, **names: str) -> Link:
        url = self.url(route, **names)
        path = self._request.path
        return Link(title, url, here=path == url if url == "/" else path.startswith(url))

    def url(self, route: str, **names: str) -> str:
        """Return the path of *route*."""
        path: str = self._request.route_path(route, **names)
        return path

    def asset(self, name: str) -> str:
        """Return the path of the file *name*, which changes when the file does."""
        digest = self._request.registry.assets[name].digest
        return self.url("panel.asset", digest=digest, name=name)

    def ago(self, time: str) -> Words:
        """Return the age of *time*, which is as the services write it."""
        return ago(datetime.fromisoformat(time), datetime.now(UTC))

    def exactly(self, time: str) -> Words:
        """Return *time* in full."""
        return exactly(datetime.fromisoformat(time))

    def is_past(self, time: str) -> bool:
        """Say whether *time* has passed."""
        return datetime.fromisoformat(time) <= datetime.now(UTC)


class _Renderer:
    """Renders what a view returns by the template that the view names."""

    def __init__(self, info: Any) -> None:
        self._templates: PageTemplateLoader = info.registry.templates
        self._template = self._templates[info.name]

    def __call__(self, value: Any, system: dict[str, Any]) -> str:
        html = self._template(
            request=system["request"],
            page=Page(system["request"]),
            layout=self._templates["layout.pt"],
            parts=self._templates["parts.pt"],
            charts=self._templates["chart.pt"],
            translate=system["request"].language.translate,
            **WORDS,
            **value,
        )
        return f"<!doctype html>\n{html}"


class _ForPeople:
    """The predicate of a view that answers people, or with ``False`` programs."""

    def __init__(self, wanted: bool, _info: Any) -> None:
        self._wanted = wanted

    def text(self) -> str:
        return f"for_people = {self._wanted}"

    phash = text

    def __call__(self, _context: Any, request: Any) -> bool:
        return by_header(request) is not self._wanted


def _notes(request: Any) -> dict[str, Any]:
    """Return what was kept for this page, and forget it; a script that looks again forgets none."""
    session = request.panel_session
    if session is None or not session.kept or LIVE in request.headers:
        return {}
    request.sessions.keep(session)
    notes: dict[str, Any] = session.kept
    return notes


@cache
def _templates() -> PageTemplateLoader:
    templates = PageTemplateLoader(str(TEMPLATES), auto_reload=False)
    for path in TEMPLATES.glob("*.pt"):
        templates[path.name].cook_check()
    return templates


def includeme(config: Any) -> None:
    """Compile all templates now, which takes a second that no request should wait for."""
    config.registry.templates = _templates()
    config.add_renderer(".pt", _Renderer)
    config.add_view_predicate("for_people", _ForPeople)
    config.add_request_method(_notes, "notes", reify=True)
