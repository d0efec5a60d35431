"""What was typed into a form that could not be saved, on its way through a log-in.

A draft is the setting's name, the texts in its fields but for secrets, and the revision
that the form was made from. It travels in hidden fields of the form to log in, and is
then kept in the session until the setting's page shows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mailpanel.forms import typed_in

__all__ = ["Draft", "as_fields", "carried", "draft_of", "page_path", "way_back"]

Draft = dict[str, Any]

PREFIX = "draft."
# A path of this panel: neither //host nor /\host, which browsers take for another host.
_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


def draft_of(request: Any) -> Draft | None:
    """Return the draft of a setting's form that *request* has sent, or ``None``."""
    if request.matched_route.name not in ("panel.setting", "panel.test"):
        return None
    return _draft(request.matchdict["setting"], request.POST, request.POST.get("revision", ""))


def carried(posted: Mapping[str, str]) -> Draft | None:
    """Return the draft that the form to log in has carried, or ``None``."""
    fields = {
        name.removeprefix(PREFIX): text for name, text in posted.items() if name.startswith(PREFIX)
    }
    return _draft(fields.pop("setting", ""), fields, fields.pop("revision", ""))


def as_fields(draft: Draft | None) -> list[tuple[str, str]]:
    """Return the hidden fields that :func:`carried` reads *draft* from."""
    if draft is None:
        return []
    fields = {**draft["texts"], "setting": draft["setting"], "revision": draft["revision"]}
    return [(f"{PREFIX}{name}", text) for name, text in fields.items()]


def way_back(request: Any, draft: Draft | None) -> str:
    """Return the path of the page that shows *draft*; of the overview where there is none."""
    if draft is None:
        return "/"
    path: str = request.route_path("panel.setting", setting=draft["setting"])
    return path


def page_path(given: str) -> str:
    """Return *given* where it is a path of ours, else that of the overview."""
    return given if _PATH.fullmatch(given) else "/"


def _draft(setting: str, texts: Mapping[str, str], revision: str) -> Draft | None:
    typed = typed_in(setting, texts)
    return {"setting": setting, "texts": typed, "revision": revision} if typed else None
