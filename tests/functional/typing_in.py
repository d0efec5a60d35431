"""The settings as somebody types them into their pages."""

from __future__ import annotations

from typing import Any

import pytest
from browser import Browser
from panel import Panel
from webtest import TestResponse

from mailpanel.settings import SETTINGS, Setting

__all__ = [
    "GENERATED",
    "confirmed",
    "each_generated",
    "each_setting",
    "each_typed",
    "form_of",
    "other_text",
    "set_by_api",
    "texts",
    "url",
    "value_of",
    "with_secret",
]

TYPED = [setting for setting in SETTINGS.values() if not setting.generates]
GENERATED = [setting for setting in SETTINGS.values() if setting.generates]
WITH_SECRET = [setting for setting in TYPED if setting.secret_field]

each_setting = pytest.mark.parametrize("setting", SETTINGS.values(), ids=list(SETTINGS))
each_typed = pytest.mark.parametrize("setting", TYPED, ids=[each.name for each in TYPED])
each_generated = pytest.mark.parametrize(
    "setting", GENERATED, ids=[each.name for each in GENERATED]
)
with_secret = pytest.mark.parametrize(
    "setting", WITH_SECRET, ids=[each.name for each in WITH_SECRET]
)


def url(setting: Setting) -> str:
    return f"/settings/{setting.name}/"


def texts(setting: Setting) -> dict[str, str]:
    """Return the setting's example as somebody types it."""
    return {name: str(value) for name, value in setting.example.items()}


def form_of(page: TestResponse) -> Any:
    return next(form for form in page.forms.values() if form.action != "/logout")


def confirmed(browser: Browser, answer: TestResponse) -> TestResponse:
    """Return *answer*, or what follows where it asks whether so much is to be deleted."""
    if answer.status_int != 200 or answer.html.find(id="confirm") is None:
        return answer
    label = answer.html.find("label", attrs={"for": "confirm"}).get_text()
    return browser.send(answer, confirm=label.partition("“")[2].partition("”")[0])


def set_by_api(panel: Panel, setting: Setting, **other: Any) -> None:
    panel.set({**setting.example, **other}, f"/api/v1{url(setting)}")


def value_of(panel: Panel, setting: Setting) -> Any:
    answer = panel.call("GET", f"/api/v1{url(setting)}")
    return answer.json["settings"]["value"] if answer.status_int == 200 else None


def other_text(setting: Setting) -> tuple[str, str]:
    """Return a field of the setting that is no secret, and another text that is right there."""
    name, value = next(
        (name, value) for name, value in setting.example.items() if name != setting.secret_field
    )
    return name, f"other-{value}" if isinstance(value, str) else str(value + 1)
