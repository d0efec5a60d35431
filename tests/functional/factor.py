"""Somebody's phone: an app for the codes of a second factor."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pyotp
from browser import Browser
from panel import Panel
from sqlalchemy import update

from mailpanel.models import SecondFactor

__all__ = ["FACTOR", "Phone", "enrol"]

FACTOR = "/account/second-factor/"
STEP = 30


@dataclass
class Phone:
    """An app with a secret, and the recovery codes that were shown with it."""

    panel: Panel
    secret: str
    recovery_codes: list[str]

    def code(self, steps: int = 0) -> str:
        """Return a code that nobody has used yet, of now or of *steps* later."""
        with self.panel.database.writing() as session:
            session.execute(update(SecondFactor).values(last_step=0))
        return self.same_code(steps)

    def same_code(self, steps: int = 0) -> str:
        """Return the code of now, or of *steps* later, whether it was used or not."""
        return pyotp.TOTP(self.secret).at(time.time() + steps * STEP)


def enrol(panel: Panel, browser: Browser) -> Phone:
    """Set up a second factor for whoever is logged in there."""
    page = browser.get(FACTOR)
    secret = page.html.select_one("#secret").text.replace(" ", "").strip()
    answer = browser.send(page, code=pyotp.TOTP(secret).now())
    assert answer.status_int == 200
    return Phone(panel, secret, [each.text for each in answer.html.select("#codes code")])
